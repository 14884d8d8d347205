"""A folder of class folders (`truck/`, `no_truck/`) to labelled pictures."""

from collections.abc import Iterator
from pathlib import Path

from truckcount.errors import LabelError
from truckcount.labelling.importers.class_map import TRUCK, ClassMap
from truckcount.labelling.importers.found import (
    PICTURE_SUFFIXES,
    Complain,
    FoundPicture,
    Problem,
)

LABEL_OF = {
    "truck": "truck",
    "no_truck": "no_truck",
    "not_truck": "no_truck",
    "notruck": "no_truck",
    "none": "no_truck",
    "negative": "no_truck",
    "background": "no_truck",
    "empty": "no_truck",
    "skip": "skip",
    "ambiguous": "skip",
    "unclear": "skip",
    "unknown": "skip",
    "unsure": "skip",
}
SOURCE_KIND = "folder"


def read_folders(
    source: Path, classes: ClassMap, complain: Complain
) -> Iterator[FoundPicture]:
    """Yield the pictures of every class folder, however deep below it they lie.

    A folder called `truck` (or a synonym, or mapped by ``--class NAME=truck``)
    holds trucks; `no_truck` and another vehicle's name hold none; `skip`,
    `ambiguous` and `unknown` what cannot be told.

    Raises
    ------
    LabelError
        When there is no class folder, none can hold trucks, or one's name says
        nothing: `unsorted` would become `no_truck`.
    """
    if not source.is_dir():
        msg = f"{source} is no folder; give the folder that holds truck/ and no_truck/"
        raise LabelError(msg)
    folders = sorted(p for p in source.iterdir() if p.is_dir() and p.name[0] != ".")
    if not folders:
        msg = f"{source} holds no class folders such as truck/ and no_truck/"
        raise LabelError(msg)
    classes.check_declared([f.name for f in folders], str(source))
    silent = [
        f.name
        for f in folders
        if not classes.is_known(f.name) and classes.class_of(f.name) not in LABEL_OF
    ]
    if silent:
        msg = (
            f"{source}: what pictures of {', '.join(silent)} show is not known; say it "
            f'as --class "{silent[0]}=no_truck", =truck or =skip, or move them away'
        )
        raise LabelError(msg)
    for folder in folders:
        name = classes.class_of(folder.name)
        label = LABEL_OF.get(name, "truck" if name == TRUCK else "no_truck")
        for path in sorted(folder.rglob("*")):
            if not path.is_file() or path.name.startswith("."):
                continue
            if path.suffix.lower() not in PICTURE_SUFFIXES:
                complain(Problem(str(path), "is no picture by its name; left out"))
                continue
            yield FoundPicture(
                name=path.relative_to(source).as_posix(),
                where=str(path),
                picture=path,
                label=label,
            )
