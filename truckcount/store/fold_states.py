"""States of a camera's counting at full hours: kept beside the tables, to go on from.

A road that is never quiet is counted as one fold from its first file on. The state
at an hour is as good as all the scores before it, so that the next file costs what
came since. What is kept is a help and no record: it holds for the score files as
they stood when it was written, and whatever else changes them makes it void.
Deleting a day of a camera deletes it, for it says where trucks stood.
"""

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from truckcount.domain.camera import check_name
from truckcount.store.layout import DAY_US, file_path
from truckcount.store.publish import sync, write_meta

logger = logging.getLogger(__name__)

FOLDER = ".folds"  # pyarrow leaves out what begins with a dot
FORMAT = 1  # of the states; another one's are not read
N_HOURS, N_DAYS = 6, 7  # full hours and midnights that are kept of a gate
FOREVER_US = 2**62


class HeldStates:
    """States in memory.

    A state is found again by its gate and a key, which tells configurations apart.
    """

    def __init__(self) -> None:
        self._rows: list[dict[str, Any]] = []

    def find(self, gate: str, key: str, until_us: int) -> tuple[int, Any] | None:
        """Return the newest state up to a time, with its own time."""
        mine = [r for r in self._of(gate, key) if r["at_us"] <= until_us]
        newest = max(mine, key=lambda row: row["at_us"], default=None)
        return None if newest is None else (newest["at_us"], newest["state"])

    def keep(self, gate: str, key: str, states: Mapping[int, Any]) -> None:
        """Keep states of a gate, by their times; of older ones only a few."""
        by_time = {row["at_us"]: row for row in self._of(gate, key)}
        for at_us, state in states.items():
            by_time[at_us] = {
                "gate": gate, "key": key, "at_us": at_us, "state": state,
            }  # fmt: skip
        hours = sorted(by_time)
        midnights = [t for t in hours if t % DAY_US == 0]
        kept = sorted({*hours[-N_HOURS:], *midnights[-N_DAYS:]})
        others = [row for row in self._rows if row["gate"] != gate]
        self._replace([*others, *(by_time[t] for t in kept)])

    def cut(self, from_us: int) -> None:
        """Forget the states after a time: what is before them changes."""
        self._replace([row for row in self._rows if row["at_us"] <= from_us])

    def _of(self, gate: str, key: str) -> list[dict[str, Any]]:
        return [r for r in self._rows if r["gate"] == gate and r["key"] == key]

    def _replace(self, rows: list[dict[str, Any]]) -> None:
        self._rows = rows


class FoldStates(HeldStates):
    """The states of one camera in its file; use it under the camera's lock."""

    def __init__(self, root: Path, camera: str) -> None:
        super().__init__()
        self._path = states_path(root, camera)
        self._scores = file_path(root, "scores", camera, "x").parent
        try:
            kept = json.loads(self._path.read_bytes())
            is_good = kept["format"] == FORMAT and kept["stamps"] == self._stamps()
            self._rows = kept["rows"] if is_good else []
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("%s is damaged (%r): counting anew", self._path, error)

    def stamp(self, from_us: int = FOREVER_US) -> None:
        """Keep what holds though scores of a time and later were changed just now.

        To be asked of what was read before that. When the process was killed in
        between, the file's stamps are not those of the scores: all of it is void.
        """
        if self._path.exists():
            self._write([row for row in self._rows if row["at_us"] <= from_us])

    def _replace(self, rows: list[dict[str, Any]]) -> None:
        if rows != self._rows:
            self._write(rows)

    def _write(self, rows: list[dict[str, Any]]) -> None:
        self._rows = rows
        kept = {"format": FORMAT, "stamps": self._stamps(), "rows": rows}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_meta(self._path, json.dumps(kept).encode())
            sync(self._path)
        except OSError as error:  # nothing is lost but time
            logger.warning("%s cannot be written: %s", self._path, error)
            self._path.unlink(missing_ok=True)

    def _stamps(self) -> dict[str, list[int]]:
        """Return what tells one state of each score file from another."""
        found = {p.name: p.stat() for p in self._scores.glob("[!._]*.parquet")}
        return {
            name: [s.st_mtime_ns, s.st_ino, s.st_size]
            for name, s in sorted(found.items())
        }


def states_path(root: Path, camera: str) -> Path:
    """Return the file of a camera's states."""
    check_name("camera", camera)
    return root / FOLDER / f"{camera}.json"


def forget_states(root: Path, camera: str) -> None:
    """Delete what is kept of a camera."""
    states_path(root, camera).unlink(missing_ok=True)
