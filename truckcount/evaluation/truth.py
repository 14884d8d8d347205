"""A folder of annotated clips to what was truly there."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from truckcount.errors import LabelError
from truckcount.evaluation.matching import Stay

CLIP_COLUMNS = ("clip", "file", "camera", "group", "role", "light", "annotated_until_s")
PASSAGE_COLUMNS = ("clip", "direction", "onset_s", "offset_s", "scored")


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipTruth:
    """One clip with its true passages."""

    clip: str
    file: Path
    camera: str
    group: str
    role: str
    light: str
    annotated_until_s: float
    scene: str = "unknown"
    """What the camera looks at, where ``clips.csv`` says so."""
    scored: tuple[Stay, ...]
    unscored: tuple[Stay, ...]
    """Ambiguous, parked or cut passages: neither required nor wrong."""


def read_truth(folder: Path, role: str | None = None) -> list[ClipTruth]:
    """Read ``clips.csv`` and ``passages.csv`` of a folder.

    Raises
    ------
    LabelError
        Naming file and line of what cannot be read. A passage of a clip that there
        is not, or neither scored nor not, would be lost without a word: it is
        refused, too.
    """
    passages: dict[str, list[dict[str, str]]] = {}
    for row in _read_rows(folder / "passages.csv", PASSAGE_COLUMNS):
        if row["scored"] not in ("yes", "no"):
            msg = (
                f"{folder}/passages.csv: clip {row['clip']!r}, onset {row['onset_s']}: "
                f"scored is {row['scored']!r}, want yes or no"
            )
            raise LabelError(msg)
        passages.setdefault(row["clip"], []).append(row)
    rows = _read_rows(folder / "clips.csv", CLIP_COLUMNS)
    _check_names([row["clip"] for row in rows], passages, folder)
    clips = []
    for row in rows:
        if role is not None and row["role"] != role:
            continue
        own = passages.get(row["clip"], [])
        clips.append(
            ClipTruth(
                clip=row["clip"],
                file=folder / row["file"],
                camera=row["camera"],
                group=row["group"],
                role=row["role"],
                light=row["light"],
                scene=row.get("scene") or "unknown",
                annotated_until_s=_number(row, "annotated_until_s", folder),
                scored=tuple(_stay(r, folder) for r in own if r["scored"] == "yes"),
                unscored=tuple(_stay(r, folder) for r in own if r["scored"] != "yes"),
            )
        )
    if not clips:
        msg = f"{folder}: clips.csv has no clip" + (
            f" of role {role!r}" if role else ""
        )
        raise LabelError(msg)
    return clips


def _check_names(
    clips: list[str], passages: dict[str, list[dict[str, str]]], folder: Path
) -> None:
    """Refuse a clip that stands twice and passages of none."""
    twice = sorted({clip for clip in clips if clips.count(clip) > 1})
    if twice:
        msg = f"{folder}/clips.csv: clip {twice[0]!r} stands twice; keep one row"
        raise LabelError(msg)
    lost = sorted(set(passages) - set(clips))
    if lost and clips:  # of no clips at all the reader says so
        msg = (
            f"{folder}/passages.csv: clip {lost[0]!r} is not in clips.csv; correct its "
            "name, or add the clip"
        )
        raise LabelError(msg)


def _stay(row: dict[str, str], folder: Path) -> Stay:
    return Stay(
        onset_s=_number(row, "onset_s", folder),
        offset_s=_number(row, "offset_s", folder),
        direction=row["direction"],
    )


def _number(row: dict[str, str], key: str, folder: Path) -> float:
    try:
        value = float(row[key])
    except (TypeError, ValueError):  # a cell that is not there is None
        value = math.nan
    if not math.isfinite(value):
        msg = f"{folder}: clip {row['clip']!r}: {key} is {row[key]!r}, want a number"
        raise LabelError(msg)
    return value


def _read_rows(path: Path, columns: tuple[str, ...]) -> list[dict[str, str]]:
    if not path.is_file():
        msg = (
            f"{path} does not exist; an evaluation folder holds clips.csv, passages.csv"
        )
        raise LabelError(msg)
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file)
        missing = set(columns) - set(reader.fieldnames or ())
        if missing:
            msg = f"{path}: columns {sorted(missing)} are missing"
            raise LabelError(msg)
        return list(reader)
