"""A store: one folder of parquet that runs write and anyone reads."""

import json
import re
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import tzdata  # type: ignore[import-untyped]
from filelock import FileLock, Timeout

from truckcount.domain.calibration import Calibration
from truckcount.domain.hour import HourRow
from truckcount.domain.passage import Passage
from truckcount.domain.scores import Scores, leave_out
from truckcount.errors import StoreError, StoreLockedError, StoreVersionError
from truckcount.store.bins_table import kept_bins
from truckcount.store.fold_states import FoldStates
from truckcount.store.hours_table import (
    HourStamp,
    finalise_hours,
    hour_starts,
    write_hours,
)
from truckcount.store.layout import days_between, file_path
from truckcount.store.passages_table import write_passages
from truckcount.store.publish import write_meta
from truckcount.store.recalibration import Recalibration, recalibrate_hours
from truckcount.store.schema import SCHEMA_VERSION
from truckcount.store.scores_table import ScoresReader, has_scores, write_scores
from truckcount.store.seals import Seals, read_seals
from truckcount.store.segment_record import SegmentRecord
from truckcount.store.segments_table import (
    find_segments,
    read_segments,
    segments_between,
    write_segments,
)
from truckcount.store.stamps import check_clock

TZDATA_VERSION = tzdata.IANA_VERSION
LOCK_TIMEOUT_S = 600.0
KEPT_CAMERAS = "_meta/cameras.toml"
MIRROR_FILE = "_meta/mirror.json"  # of a working copy: what others write
US_PER_MINUTE = 60_000_000


class Store:
    """An open store. Ingest order: scores, passages, history, hours, segments.

    The segments row commits: a crash before it makes the next run do the segment
    again, which changes nothing that was already written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._scores = ScoresReader(root)

    @staticmethod
    def is_at(path: str | Path) -> bool:
        """Tell whether a folder is a store already."""
        return (Path(path) / "_meta" / "store.json").exists()

    @classmethod
    def open(cls, path: str | Path, *, is_new_allowed: bool = True) -> "Store":
        """Open a store, or make one.

        Raises
        ------
        StoreError
            When there is none and none may be made, or it cannot be written.
        StoreVersionError
            When a newer truckcount wrote it.
        """
        root = Path(path)
        meta = root / "_meta" / "store.json"
        if not cls.is_at(root):
            if not is_new_allowed:
                raise StoreError(_no_store_message(root))
            try:
                meta.parent.mkdir(parents=True, exist_ok=True)
                (root / ".locks").mkdir(exist_ok=True)
                about = {"schema_version": SCHEMA_VERSION, "tzdata": TZDATA_VERSION}
                write_meta(meta, json.dumps(about).encode() + b"\n")
            except OSError as error:
                msg = f"store {root} cannot be made: {error}"
                raise StoreError(msg) from error
        try:
            version = int(json.loads(meta.read_text())["schema_version"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            msg = f"{meta} is damaged ({error!r}); restore it from a backup"
            raise StoreError(msg) from error
        if version > SCHEMA_VERSION:
            msg = (
                f"store {root} has schema {version}, this truckcount knows "
                f"{SCHEMA_VERSION}; upgrade truckcount"
            )
            raise StoreVersionError(msg)
        return cls(root)

    def keep_cameras(self, text: bytes) -> None:
        """Keep a copy of ``cameras.toml``: readers learn each gate's validity."""
        path = self.root / KEPT_CAMERAS
        try:
            if not path.exists() or path.read_bytes() != text:
                write_meta(path, text)
        except OSError as error:
            raise _unwritable(self.root, error) from error

    @contextmanager
    def lock(self, camera: str, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[None]:
        """Hold a camera's lock; the kernel frees it when a process dies.

        Raises
        ------
        StoreLockedError
            When another holds it for too long.
        StoreError
            When the store cannot be written, as a read-only disk or somebody else's.
        """
        self._check_own(camera)
        path = file_path(self.root, ".locks", camera, "x").parent.with_suffix(".lock")
        lock = FileLock(path, timeout=timeout_s)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout as error:
            msg = (
                f"camera {camera!r} is being written by another truckcount (lock "
                f"{path}); wait for it or run later"
            )
            raise StoreLockedError(msg) from error
        except OSError as error:
            raise _unwritable(self.root, error) from error
        try:
            yield
        finally:
            self._scores.forget()
            lock.release()

    def _check_own(self, camera: str) -> None:
        """Refuse a camera that another machine writes in the mirror of this copy."""
        try:
            mirror = json.loads((self.root / MIRROR_FILE).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return
        holder = mirror["foreign"].get(camera)
        if holder is not None:
            raise StoreLockedError(foreign_message(camera, mirror["url"], holder))

    def check_clock(self, camera: str, now_us: int | None = None) -> None:
        """Refuse a clock that stands before what a camera's history knows.

        Raises
        ------
        StoreError
            Naming both moments and what mends it.
        """
        check_clock(self.root, camera, _now_us() if now_us is None else now_us)

    def cameras(self) -> list[str]:
        """List the cameras that have segments."""
        folder = self.root / "segments"
        if not folder.is_dir():
            return []
        return sorted(p.name for p in folder.iterdir() if p.name[0] not in "._")

    def has_scores(self, camera: str, record: SegmentRecord, scoring_hash: str) -> bool:
        """Tell whether a counted segment's scores are there under this hash."""
        if record.start_us is None or record.config_hash != scoring_hash:
            return False
        span = (record.start_us, record.end_us or record.start_us)
        return has_scores(self.root, camera, record.segment_id, span, scoring_hash)

    def write_scores(
        self, camera: str, scores: Mapping[str, Scores], scoring_hash: str
    ) -> None:
        """Merge the scores of one segment's gates into the day files."""
        self.write_many_scores(camera, [scores], scoring_hash)

    def write_many_scores(
        self, camera: str, many: Sequence[Mapping[str, Scores]], scoring_hash: str
    ) -> None:
        """Merge the scores of segments: each day's file is written once.

        Those of a deleted stretch are not kept.
        """
        holes = self.seals(camera).deleted
        pairs = [
            (gate, leave_out(one, holes))
            for scores in many
            for gate, one in scores.items()
        ]
        states = FoldStates(self.root, camera)
        states.stamp(write_scores(self.root, camera, pairs, scoring_hash))

    def read_scores(
        self,
        camera: str,
        gate: str,
        window: tuple[int, int],
        won: Mapping[str, Sequence[tuple[int, int]]],
    ) -> Scores:
        """Read a gate's scores in a window, each moment from one segment."""
        return self._scores.read(camera, gate, window, won)

    def write_passages(
        self,
        camera: str,
        gate: str,
        passages: Sequence[Passage],
        window: tuple[int, int],
        *,
        model_id: str,
        config_hash: str,
        now_us: int | None = None,
    ) -> None:
        """Replace a gate's passages with onset in the window."""
        known = _ceil_minute(_now_us() if now_us is None else now_us)
        write_passages(
            self.root,
            camera,
            gate,
            passages,
            window,
            model_id=model_id,
            config_hash=config_hash,
            known_at_us=known,
        )

    def write_hours(
        self,
        stamp: HourStamp,
        rows: Sequence[HourRow],
        now_us: int | None = None,
        *,
        cause: str | None = None,
        is_only_new: bool = False,
    ) -> int:
        """Write revisions of the rows that changed; return how many."""
        clock = _now_us if now_us is None else now_us
        return write_hours(
            self.root, stamp, rows, clock, cause=cause, is_only_new=is_only_new
        )

    def finalise_hours(self, camera: str, now_us: int | None = None) -> int:
        """Make hours final that ended 72 h ago; return how many."""
        clock = _now_us if now_us is None else lambda: now_us
        return finalise_hours(self.root, camera, clock)

    def recalibrate_hours(
        self,
        camera: str,
        fresh: Sequence[Calibration] = (),
        now_us: int | None = None,
        *,
        is_published: bool,
    ) -> Recalibration:
        """Give hours the factors known by now, those of ``fresh`` among them."""
        clock = _now_us if now_us is None else lambda: now_us
        return recalibrate_hours(
            self.root, camera, clock, fresh=fresh, is_published=is_published
        )

    def kept_bins(self, camera: str) -> list[int]:
        """Return the minutes of the bins that a camera has beside its hours."""
        return kept_bins(self.root, camera)

    def hour_starts(
        self, camera: str, gate: str, low_us: int, high_us: int
    ) -> set[int]:
        """Return a gate's hours with rows in the months of [low, high)."""
        months = {day[:7] for day in days_between(low_us, high_us)}
        return {
            start
            for month in months
            for start in hour_starts(file_path(self.root, "hours", camera, month), gate)
        }

    def write_segment(self, camera: str, record: SegmentRecord) -> None:
        """Write a segment's row: the commit marker."""
        self.write_segments(camera, [record])

    def write_segments(self, camera: str, records: Sequence[SegmentRecord]) -> None:
        """Write the rows of segments, each month's at once."""
        known_us = _ceil_minute(_now_us())
        write_segments(
            self.root,
            camera,
            [
                replace(r, known_at_us=known_us) if r.known_at_us == 0 else r
                for r in records
            ],
        )

    def segments(
        self,
        camera: str,
        *,
        ids: Collection[str] | None = None,
        window: tuple[int, int] | None = None,
    ) -> list[SegmentRecord]:
        """Read a camera's segments, by start; all of a year are many.

        Parameters
        ----------
        ids : collection of str, optional
            Only the rows of these segments.
        window : (low_us, high_us), optional
            Only segments that begin before its end and end after its begin.
        """
        if ids is not None:
            return find_segments(self.root, camera, ids)
        if window is not None:
            return segments_between(self.root, camera, *window)
        return read_segments(self.root, camera)

    def seals(self, camera: str) -> Seals:
        """Read which of a camera's hours stay as they are, and why."""
        return read_seals(self.root, camera)


def _no_store_message(root: Path) -> str:
    if re.match(r"[a-z][a-z0-9+]+:/", str(root)):
        return (
            f"{root} is a URL, and this takes a folder: the one that is pushed there, "
            "or the copy of `run` and `watch --store URL` below $TRUCKCOUNT_COPIES, "
            "else ~/.local/share/truckcount"
        )
    return f"{root} is no store: it has no _meta/store.json"


def foreign_message(camera: str, url: str, holder: Mapping[str, str]) -> str:
    """Say who writes a camera, and how to become its writer."""
    return (
        f"camera {camera!r} of {url} is written by {holder.get('host', '?')} (since "
        f"{holder.get('since_utc', '?')}): one writer a camera; stop it, then "
        f"`truckcount store claim {url} --camera {camera}`"
    )


def _now_us() -> int:
    return time.time_ns() // 1000


def _ceil_minute(t_us: int) -> int:
    return -(-(t_us + US_PER_MINUTE) // US_PER_MINUTE) * US_PER_MINUTE


def _unwritable(root: Path, error: OSError) -> StoreError:
    msg = f"store {root} cannot be written ({error}); check its disk and its rights"
    return StoreError(msg)
