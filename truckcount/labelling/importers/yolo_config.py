"""A YOLO data.yaml, or a text of names, to class names and the pictures' folder."""

from pathlib import Path
from typing import Any

from truckcount.errors import LabelError
from truckcount.labelling.text_files import decode_text

NAME_FILES = ("classes.txt", "obj.names", "labels.txt")
PARTS = ("train", "val", "test", "minival")


def find_root(source: Path) -> Path:
    """Return the folder of a data set's pictures.

    A folder is taken at its word. A data.yaml may say `path:`, relative to itself;
    its parts must lie there, since what lies elsewhere would be left out unsaid.

    Raises
    ------
    LabelError
        When `path:` leads nowhere, or a part lies outside of it.
    """
    if source.is_dir():
        return source
    spec = _read_spec(source) if source.suffix.lower() in (".yaml", ".yml") else {}
    said = spec.get("path")
    if said in (None, ""):
        root = source.parent
    elif isinstance(said, str):
        root = source.parent / said.replace("\\", "/")
        if not root.is_dir():
            msg = (
                f"{source}: `path: {said}` leads to {root}, which is no folder; mend "
                "it (it is relative to the yaml), or import the folder of the "
                "pictures instead of the yaml"
            )
            raise LabelError(msg)
    else:
        msg = f"{source}: `path: {said}` is no folder's name; mend or remove it"
        raise LabelError(msg)
    for part in PARTS:
        named = spec.get(part)
        for place in named if isinstance(named, list) else [named]:
            if isinstance(place, str):
                _check_part(source, root, part, place)
    return root


def _check_part(source: Path, root: Path, part: str, place: str) -> None:
    path = root / place.replace("\\", "/")
    if path.resolve().is_relative_to(root.resolve()) or not path.exists():
        return
    # Roboflow writes ../train/images and means train/images, as Ultralytics knows
    if place.startswith("../") and (root / place.removeprefix("../")).exists():
        return
    msg = (
        f"{source}: `{part}: {place}` lies outside of {root}, where the pictures are "
        "looked for; say `path:` of the folder that holds all of them, or import "
        f"the folder {path} by itself"
    )
    raise LabelError(msg)


def read_names(source: Path, root: Path) -> dict[int, str]:
    """Read the class names of a data.yaml, or of a text of names below `root`.

    Raises
    ------
    LabelError
        When there are none.
    """
    configs = [source] if source.is_file() else sorted(root.glob("*.y*ml"))
    for config in configs:
        if config.suffix.lower() in (".yaml", ".yml"):
            names = _names_of(config)
            if names:
                return names
    for name in NAME_FILES:
        for path in sorted(root.rglob(name)):
            lines = decode_text(path).splitlines()
            found = [line.strip() for line in lines if line.strip()]
            if found:
                return dict(enumerate(found))
    msg = f"{root}: no class names; want `names` in a data.yaml, or a classes.txt"
    raise LabelError(msg)


def _names_of(config: Path) -> dict[int, str]:
    names = _read_spec(config).get("names")
    try:
        if isinstance(names, list):
            return {k: str(name) for k, name in enumerate(names)}
        if isinstance(names, dict):
            return {int(k): str(name) for k, name in names.items()}
    except (ValueError, TypeError) as error:
        msg = f"{config} cannot be read as a YOLO data.yaml: {error}"
        raise LabelError(msg) from error
    return {}


def _read_spec(config: Path) -> dict[Any, Any]:
    try:
        import yaml
    except ImportError as error:
        msg = (
            f"{config}: reading YAML needs `pip install 'truckcount[train]'`; a "
            "classes.txt with one name a line does without"
        )
        raise LabelError(msg) from error
    try:
        spec = yaml.safe_load(decode_text(config))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        msg = f"{config} cannot be read as a YOLO data.yaml: {error}"
        raise LabelError(msg) from error
    return spec if isinstance(spec, dict) else {}
