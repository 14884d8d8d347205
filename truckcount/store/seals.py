"""Stretches of a camera in which nothing is counted any more, and why.

A day that was deleted must not come back with the next look at its recordings, and
hours whose scores were pruned cannot be counted again without losing what is gone.
Both are sealed: runs, recounts and restatements leave them as they stand.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from truckcount.domain.camera import check_name
from truckcount.errors import StoreError
from truckcount.store.layout import from_us, to_us
from truckcount.store.publish import sync, write_meta

HOUR_US = 3_600_000_000
BEGINNING_US = 0  # 1970: before any recording
DELETED, PRUNED = "deleted", "pruned"
LATE = "late"
LEFT_OUT = frozenset({DELETED, "sealed", LATE})
"""Statuses of segments that are not counted, and not because they failed."""

Interval = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """Why the hours of [low, high) stay as they are; microseconds UTC."""

    low_us: int
    high_us: int
    cause: str
    """``deleted`` or ``pruned``."""
    sealed_at_us: int
    note: str = ""
    is_done: bool = True
    """False from the seal until what it is about is gone: a kill -9 shows."""
    is_whole_camera: bool = False
    lifted_at_us: int | None = None
    """Since when runs may count these hours again; the seal stays as a record."""
    removed: dict[str, int] = field(default_factory=dict)
    """Rows and files that went, by table."""

    @property
    def status(self) -> str:
        """What a file that lies in it is called in ``segments``."""
        return DELETED if self.cause == DELETED else "sealed"

    def to_json(self) -> dict[str, Any]:
        """Return it as it is kept."""
        lifted = self.lifted_at_us
        return {
            "from_utc": from_us(self.low_us).isoformat(),
            "to_utc": from_us(self.high_us).isoformat(),
            "cause": self.cause,
            "sealed_at_utc": from_us(self.sealed_at_us).isoformat(),
            "lifted_at_utc": None if lifted is None else from_us(lifted).isoformat(),
            "is_whole_camera": self.is_whole_camera,
            "is_done": self.is_done,
            "note": self.note,
            "removed": self.removed,
        }


@dataclass(frozen=True, slots=True)
class Seals:
    """The seals of a camera, as they were set."""

    all: tuple[Seal, ...] = ()

    def __iter__(self) -> Iterator[Seal]:
        """Yield those that hold."""
        return (seal for seal in self.all if seal.lifted_at_us is None)

    @property
    def deleted(self) -> list[Interval]:
        """Stretches of which nothing may be kept."""
        return [(s.low_us, s.high_us) for s in self if s.cause == DELETED]

    @property
    def deleted_until_us(self) -> int:
        """Return up to when all of the camera was deleted; 0 where it never was."""
        ends = [s.high_us for s in self if s.cause == DELETED and s.is_whole_camera]
        return max(ends, default=0)

    def covering(self, low_us: int, high_us: int) -> Seal | None:
        """Return a seal when [low, high) lies in sealed time alone."""
        if self.open_parts((low_us, max(high_us, low_us + 1))):
            return None
        touching = [s for s in self if s.low_us < high_us and s.high_us > low_us]
        return min(touching, key=lambda s: (s.cause, s.low_us))  # deleted first

    def open_parts(self, window: Interval) -> list[Interval]:
        """Return what of a window is not sealed."""
        return subtract([window], [(s.low_us, s.high_us) for s in self])


def subtract(parts: Sequence[Interval], holes: Sequence[Interval]) -> list[Interval]:
    """Return intervals without holes.

    >>> subtract([(0, 10)], [(2, 3), (8, 12)])
    [(0, 2), (3, 8)]
    """
    left = list(parts)
    for low, high in sorted(holes):
        left = [
            part
            for a, b in left
            for part in ((a, min(b, low)), (max(a, high), b))
            if part[0] < part[1]
        ]
    return sorted(left)


def read_seals(root: Path, camera: str) -> Seals:
    """Read a camera's seals; none where nothing was deleted or pruned.

    Raises
    ------
    StoreError
        When the file is damaged: what was deleted might come back unseen.
    """
    path = root / seals_place(camera)
    try:
        return parse_seals(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        return Seals()
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(str(path), error) from error


def parse_seals(text: str, where: str) -> Seals:
    """Return the seals that a file's text holds.

    Raises
    ------
    StoreError
        When it is damaged.
    """
    try:
        return Seals(tuple(_from_json(row) for row in json.loads(text)))
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(where, error) from error


def write_seals(root: Path, camera: str, seals: Sequence[Seal]) -> None:
    """Replace a camera's seals; call under its lock."""
    path = root / seals_place(camera)
    rows = [
        s.to_json()
        for s in sorted(seals, key=lambda s: (s.sealed_at_us, s.low_us, s.high_us))
    ]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_meta(path, json.dumps(rows, indent=1).encode() + b"\n")
        for place in (path, path.parent):  # before anything is removed
            sync(place)
    except OSError as error:
        msg = f"{path} cannot be written: {error}; nothing was removed"
        raise StoreError(msg) from error


def put_seal(
    root: Path, camera: str, seal: Seal, instead_of: Sequence[Seal] = ()
) -> None:
    """Add a seal, or replace the one of its cause and stretch that holds."""
    others = [
        s
        for s in read_seals(root, camera).all
        if not _is_same(s, seal) and s not in instead_of
    ]
    write_seals(root, camera, [*others, seal])


def lift_seal(root: Path, camera: str, seal: Seal, now_us: int) -> None:
    """Let runs count a stretch again; the seal stays as a record."""
    put_seal(root, camera, replace(seal, lifted_at_us=now_us))


def _is_same(a: Seal, b: Seal) -> bool:
    is_held = a.lifted_at_us is None
    keys = [(s.low_us, s.high_us, s.cause) for s in (a, b)]
    return is_held and keys[0] == keys[1]


def sealed_cameras(root: Path) -> list[str]:
    """Return the cameras of which something was deleted or pruned."""
    folder = root / "_meta" / "seals"
    return sorted(path.stem for path in folder.glob("[!._]*.json"))


def seals_place(camera: str) -> str:
    """Return where in a store a camera's seals lie."""
    check_name("camera", camera)
    return f"_meta/seals/{camera}.json"


def _damaged(where: str, error: Exception) -> StoreError:
    return StoreError(f"{where} is damaged ({error!r}); restore it from a backup")


def _from_json(row: dict[str, Any]) -> Seal:
    lifted = row["lifted_at_utc"]
    return Seal(
        low_us=_moment(row["from_utc"]),
        high_us=_moment(row["to_utc"]),
        cause=row["cause"],
        sealed_at_us=_moment(row["sealed_at_utc"]),
        lifted_at_us=None if lifted is None else _moment(lifted),
        is_whole_camera=row["is_whole_camera"],
        is_done=row["is_done"],
        note=row["note"],
        removed=row["removed"],
    )


def _moment(text: str) -> int:
    return to_us(datetime.fromisoformat(text))
