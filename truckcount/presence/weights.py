"""Weights files: safetensors with a header that says what they are."""

import hashlib
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from truckcount.errors import WeightsError

WEIGHTS_FOLDER = Path(__file__).parent / "weights"
MAX_HEADER_BYTES = 1_000_000

# Shipped files are pinned: a damaged or swapped file must not count trucks.
# (name: sha256 of weights, sha256 of graph), kept by `export_weights`.
PINS_PATH = WEIGHTS_FOLDER / "pins.json"
DEFAULT_MODEL = "truckmap"
MAP_NETWORK = "truckmap"  # all other networks score whole views


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightsHeader:
    """What a weights file says of itself."""

    name: str
    network: str
    """Network class: ``truckmap`` or a whole-view classifier of the zoo."""
    trunk: tuple[tuple[int, ...], ...]
    classes: tuple[str, ...]
    view_size: tuple[int, int]
    """Largest view (width, height) in pixels."""
    temperature: float
    thresholds: tuple[tuple[str, float], ...]
    """Counting options these weights were calibrated with."""
    licence: str
    data_fingerprint: str
    training: str
    size_gain: float = 0.0
    """Logits that a truck gains for each factor of e in its size."""
    thresholds_by: str = ""
    """What the thresholds were chosen by; empty where the file does not say."""
    input_px: int | None = None
    """Side of the square that a classifier stretches views to; None of ``truckmap``."""

    @property
    def square_px(self) -> int | None:
        """Side of the square that views are cut to; None where they keep their aspect.

        A classifier learns from squares cut from whole frames: cut to another aspect
        first, its views would have lost lines that it learned from.
        """
        if self.network == MAP_NETWORK:
            return None
        return self.view_size[0] if self.input_px is None else self.input_px


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A weights file and its graph, checked and ready to be run."""

    header: WeightsHeader
    path: Path
    graph_path: Path
    sha256: str

    @property
    def has_peaks(self) -> bool:
        """Whether these say where trucks are, or only that one is in view."""
        return self.header.network == MAP_NETWORK

    @property
    def model_id(self) -> str:
        """``<name>@sha256:<12 hex>``, the id that every table carries."""
        return f"{self.header.name}@sha256:{self.sha256[:12]}"


def find_weights(model: str) -> Weights:
    """Find shipped weights by name, or any by the path of their file or run folder.

    Raises
    ------
    WeightsError
        When there are none of that name, or bytes differ from the pinned sha256.
    """
    path = Path(model)
    pins: dict[str, list[str]] = json.loads(PINS_PATH.read_text())
    if model not in pins and path.is_dir():
        path = _only_weights(path)
    if path.suffix == ".safetensors":
        if not path.is_file():
            msg = f"weights {model} do not exist; give the path of a .safetensors file"
            raise WeightsError(msg)
        return _open(path, pins=None)
    if model not in pins:
        msg = (
            f"no model {model!r} is shipped; choose one of {sorted(pins)} or give the "
            "path of a .safetensors file"
        )
        raise WeightsError(msg)
    return _open(WEIGHTS_FOLDER / f"{model}.safetensors", pins=pins[model])


def _only_weights(folder: Path) -> Path:
    """Return the one weights file of a run folder."""
    found = sorted(folder.glob("*.safetensors"))
    if len(found) != 1:
        names = [path.name for path in found]
        msg = (
            f"{folder} holds {names or 'no weights'}; give the folder of one finished "
            "run, or the path of a .safetensors file"
        )
        raise WeightsError(msg)
    return found[0]


def read_header(path: Path) -> tuple[WeightsHeader, dict[str, Any]]:
    """Read a safetensors file's header without its tensors."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            tensors = json.loads(file.read(min(length, MAX_HEADER_BYTES)))
        raw = tensors.pop("__metadata__")
        header = WeightsHeader(
            name=raw["name"],
            network=raw["network"],
            trunk=tuple(tuple(row) for row in json.loads(raw["trunk"])),
            classes=tuple(json.loads(raw["classes"])),
            view_size=tuple(json.loads(raw["view_size"])),
            temperature=float(raw["temperature"]),
            thresholds=tuple(sorted(json.loads(raw["thresholds"]).items())),
            licence=raw["licence"],
            data_fingerprint=raw["data_fingerprint"],
            training=raw["training"],
            size_gain=float(raw.get("size_gain", 0)),
            thresholds_by=raw.get("thresholds_by", ""),
            input_px=int(raw["input_px"]) if "input_px" in raw else None,
        )
    except WeightsError:
        raise
    except (OSError, ValueError, KeyError, struct.error) as error:
        msg = (
            f"{path} is not a weights file of truckcount ({error!r}); "
            "make one with `truckcount train`"
        )
        raise WeightsError(msg) from error
    return header, tensors


def sha256_of(path: Path) -> str:
    """Hash a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _open(path: Path, pins: list[str] | None) -> Weights:
    graph_path = path.with_suffix(".onnx")
    header, _ = read_header(path)
    digest = sha256_of(path)
    if pins is not None:
        for file, got, pinned in (
            (path, digest, pins[0]),
            (graph_path, sha256_of(graph_path), pins[1]),
        ):
            if got != pinned:
                msg = (
                    f"{file} is damaged: sha256 {got[:12]}, pinned {pinned[:12]}; "
                    "reinstall truckcount"
                )
                raise WeightsError(msg)
    return Weights(header=header, path=path, graph_path=graph_path, sha256=digest)
