"""The files that a store counted, as they stood in their folders."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from truckcount.pipeline.segments import is_counted_row
from truckcount.pipeline.unattended.attempts import US_PER_S, FileMark, mark_of
from truckcount.store import Store
from truckcount.store.schema import TIME
from truckcount.store.seals import LATE, LEFT_OUT
from truckcount.store.segments_table import read_columns
from truckcount.store.stamps import ahead_of
from truckcount.video import Source

KNOWN_STEP_US = 120 * US_PER_S  # `known_at_utc` is up to so much ahead of the count
TICK_US = 20_000  # the kernel dates folders by its ticks: 7 ms behind was seen
_MARKED = ("path", "size_bytes", "mtime_utc", "start_utc", "status", "known_at_utc")


class KnownFiles:
    """Size and time of every counted file, by path, and when each folder's last came.

    Parameters
    ----------
    clock : function to seconds since 1970
        As the times that the kernel gives folders.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        # by folder, name and hash: a year of files in a few megabytes
        self._marks: dict[str, dict[str, int]] = {}
        self._newest_us: dict[str, int] = {}

    @classmethod
    def of_store(cls, store: Store) -> "KnownFiles":
        """Read what a store knows."""
        known = cls()
        now = pa.scalar(ahead_of(time.time_ns() // 1000), pa.int64()).cast(TIME)
        for camera in store.cameras():
            table = read_columns(store.root, camera, _MARKED)
            is_known = is_counted_row() | pc.field("status").isin(
                ["duplicate", *sorted(LEFT_OUT)]
            )
            # one that was too late by a clock that ran ahead is judged again
            is_ahead = pc.field("known_at_utc") > now
            table = table.filter(is_known & ~((pc.field("status") == LATE) & is_ahead))
            rows = zip(  # of two rows of one path the later holds
                table["path"].to_pylist(),
                table["size_bytes"].to_pylist(),
                table["mtime_utc"].cast(pa.int64()).to_pylist(),
                table["known_at_utc"].cast(pa.int64()).to_pylist(),
                strict=True,
            )
            for path, size_bytes, mtime_us, known_us in rows:
                mark = size_bytes, mtime_us or 0
                known._note(path, mark, _seen_us(mtime_us or 0, known_us))
        return known

    def __contains__(self, source: Source) -> bool:
        """Tell whether a file was counted as it is now; a stream never was."""
        folder, name = os.path.split(source.name)
        kept = self._marks.get(folder, {}).get(name)
        return source.kind != "url" and kept == hash(mark_of(source))

    def add(self, source: Source) -> None:
        """Note a file that was counted just now."""
        now_us = round(self._clock() * US_PER_S)
        self._note(source.name, mark_of(source), now_us)

    def forget(self, name: str) -> None:
        """Let a file be counted again."""
        folder, file = os.path.split(name)
        self._marks.get(folder, {}).pop(file, None)

    def has_vanished(self, folder: str) -> bool:
        """Tell whether an empty folder is another than the one that held the files.

        Who deletes or moves a file changes the folder that it stood in, and the
        kernel dates that. Where the file that was counted last is gone, and what is
        left of its path was last changed before it was counted, nobody took it
        away: this is the mount point below a mount that vanished. So a retention
        job, however short, and a folder that was moved or made anew raise no alarm.

        Parameters
        ----------
        folder : str
            Absolute, and without any video now.
        """
        inside = folder.rstrip(os.sep) + os.sep
        counted = [
            (us, parent)
            for parent, us in self._newest_us.items()
            if (parent + os.sep).startswith(inside)
        ]
        if not counted:
            return False
        counted_us, parent = max(counted)
        if counted_us > self._clock() * US_PER_S:
            return False  # of a clock that was wrong: it dates nothing
        place = Path(parent)
        while not place.is_dir() and place != place.parent:
            place = place.parent
        try:
            return place.stat().st_ctime_ns // 1000 < counted_us - TICK_US
        except OSError:
            return True

    def _note(self, path: str, mark: FileMark, seen_us: int) -> None:
        parent, name = os.path.split(path)  # a year of paths: ten times faster
        self._marks.setdefault(parent, {})[name] = hash(mark)
        self._newest_us[parent] = max(self._newest_us.get(parent, 0), seen_us)


def _seen_us(mtime_us: int, known_us: int) -> int:
    """Return when a counted file surely stood in its folder.

    Its last write tells more than `known_at_utc`, if the
    recorder's clock does not run ahead.
    """
    return max(known_us - KNOWN_STEP_US, mtime_us if mtime_us <= known_us else 0)
