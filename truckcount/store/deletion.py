"""One day of a camera, or a camera, to nothing but a note that it was deleted.

Order, under the camera's lock: the seal (nothing writes there from now on), then what
readers see (history, hours, bins), then passages and scores, then the segments' rows,
then the seal's mark that it is done. Killed anywhere, the same call finishes it.
"""

import shutil
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pyarrow.compute as pc

from truckcount.errors import StoreError
from truckcount.store.audits_table import lock_audits
from truckcount.store.fold_states import forget_states
from truckcount.store.layout import DAY_US, from_us, table_files
from truckcount.store.publish import read_table, sync
from truckcount.store.schema import COLUMNS
from truckcount.store.sealed_rows import (
    blank_bins,
    blank_hours,
    drop_clips,
    drop_scores,
    inside,
    keep_rows,
    score_files,
)
from truckcount.store.seals import (
    BEGINNING_US,
    DELETED,
    HOUR_US,
    LEFT_OUT,
    Seal,
    lift_seal,
    put_seal,
    subtract,
)
from truckcount.store.segment_record import SegmentRecord
from truckcount.store.segments_table import change_segments
from truckcount.store.store import Store

LOCK_TIMEOUT_S = 60.0


def delete_day(
    path: str | Path,
    camera: str,
    day_us: int,
    *,
    has_history: bool = True,
    note: str = "",
    now_us: int | None = None,
    is_dry_run: bool = False,
) -> Seal:
    """Delete a UTC day of a camera; its hours become null by revisions.

    Parameters
    ----------
    day_us : int
        Its first microsecond.
    has_history : bool
        Keep what was known of its hours before: hourly numbers, that as-of reads
        need. Without, they say nothing of that day, now or then.
    note : str
        Kept beside the deletion: who asked for it, why.

    Returns
    -------
    Seal
        With ``removed``: what went, or would go, by table.

    Raises
    ------
    StoreError
        When the store has no such camera, or nothing of that day.
    """
    clock = _now_us if now_us is None else lambda: now_us
    store = Store.open(path, is_new_allowed=False)
    _check_camera(store, camera)
    fresh = Seal(
        low_us=day_us,
        high_us=day_us + DAY_US,
        cause=DELETED,
        sealed_at_us=clock(),
        note=note,
        is_done=False,
    )
    with store.lock(camera, LOCK_TIMEOUT_S):
        begun = _begun(store, camera, fresh)
        seal = fresh if begun is None else begun
        gone = _count(store, camera, seal, has_history=has_history)
        if not any(gone.values()) and (begun is None or begun.is_done):
            msg = f"camera {camera!r} has nothing of {from_us(day_us):%Y-%m-%d} (UTC)"
            raise StoreError(msg)
        most = {name: max(n, seal.removed.get(name, 0)) for name, n in gone.items()}
        seal = replace(seal, is_done=False, removed=seal.removed | most)
        if is_dry_run:
            return seal
        put_seal(store.root, camera, seal)
        _forget_restatements(store.root, camera)
        forget_states(store.root, camera)
        blank_hours(store.root, camera, seal, clock, has_history=has_history)
        blank_bins(store.root, camera, seal, clock())
        for file in table_files(store.root, "passages", camera):
            keep_rows(file, "passages", "onset_utc", seal)
        drop_scores(store.root, camera, seal)
        drop_clips(store.root, camera, seal)
        change_segments(store.root, camera, lambda record: _bury(record, seal))
        seal = replace(seal, is_done=True)
        put_seal(store.root, camera, seal)
    return seal


def delete_camera(
    path: str | Path,
    camera: str,
    *,
    note: str = "",
    now_us: int | None = None,
    is_dry_run: bool = False,
) -> Seal:
    """Delete all that a store holds of a camera, up to the end of this hour.

    Names of the files that were counted stay, so that the next look at their
    folder does not count them again; recordings of later hours begin anew.

    Raises
    ------
    StoreError
        When the store has no such camera.
    """
    now_us = _now_us() if now_us is None else now_us
    store = Store.open(path, is_new_allowed=False)
    _check_camera(store, camera)
    seal = Seal(
        low_us=BEGINNING_US,
        high_us=(now_us // HOUR_US + 1) * HOUR_US,
        cause=DELETED,
        sealed_at_us=now_us,
        note=note,
        is_done=False,
        is_whole_camera=True,
    )
    with ExitStack() as locks:
        locks.enter_context(store.lock(camera, LOCK_TIMEOUT_S))
        locks.enter_context(lock_audits(store.root, camera))
        tables = [t for t in COLUMNS if t != "segments"]
        gone = {f"{t}_files": len(table_files(store.root, t, camera)) for t in tables}
        gone["segments"] = len(store.segments(camera))
        seal = replace(seal, removed={t: n for t, n in gone.items() if n})
        if is_dry_run:
            return seal
        put_seal(store.root, camera, seal)
        _forget_restatements(store.root, camera)
        forget_states(store.root, camera)
        drop_clips(store.root, camera, seal)
        for table in tables:
            folder = store.root / table / camera
            if folder.is_dir():
                shutil.rmtree(folder)
                sync(folder.parent)
        change_segments(
            store.root,
            camera,
            lambda record: _tombstone(record, seal) if _is_known(record) else None,
        )
        seal = replace(seal, is_done=True)
        put_seal(store.root, camera, seal)
    return seal


def lift_deletion(
    path: str | Path, camera: str, low_us: int | None, now_us: int | None = None
) -> Seal:
    """Let the next run count a deleted day (None: a deleted camera) again.

    What was deleted does not come back by this; its videos may.

    Raises
    ------
    StoreError
        When nothing was deleted there.
    """
    now_us = _now_us() if now_us is None else now_us
    store = Store.open(path, is_new_allowed=False)
    with store.lock(camera, LOCK_TIMEOUT_S):
        found = [
            seal
            for seal in store.seals(camera)
            if seal.cause == DELETED
            and (seal.is_whole_camera if low_us is None else seal.low_us == low_us)
        ]
        if not found:
            what = "it" if low_us is None else f"{from_us(low_us):%Y-%m-%d} (UTC)"
            msg = f"camera {camera!r}: {what} was not deleted, nothing to lift"
            raise StoreError(msg)
        for seal in found:
            lift_seal(store.root, camera, seal, now_us)
        holds = store.seals(camera)

        def dig_up(record: SegmentRecord) -> SegmentRecord | None:
            start, end = record.start_us or 0, record.end_us or 0
            is_free = holds.covering(start, end) is None
            if record.status == DELETED:
                return None if is_free else record
            if any(start < s.high_us and s.low_us < end for s in found):
                # part of it was deleted: nothing fits it now, so the next look
                # takes it for a new file and scores all of it
                return replace(record, config_hash=None, mtime_us=None)
            return record

        change_segments(store.root, camera, dig_up)
    return found[-1]


def _check_camera(store: Store, camera: str) -> None:
    there = store.cameras()
    if camera not in there:
        msg = f"no camera {camera!r} in {store.root}; it has {there}"
        raise StoreError(msg)


def _begun(store: Store, camera: str, fresh: Seal) -> Seal | None:
    """Return the seal of the same deletion, where it was begun before."""
    for seal in store.seals(camera):
        is_same = (seal.low_us, seal.high_us) == (fresh.low_us, fresh.high_us)
        if is_same and seal.cause == DELETED:
            return seal
    return None


def _count(
    store: Store, camera: str, seal: Seal, *, has_history: bool
) -> dict[str, int]:
    root = store.root
    tables = {"hours": "hour_start_utc", "passages": "onset_utc"}
    if not has_history:
        tables["history"] = "hour_start_utc"
    gone = {}
    for table, column in tables.items():
        rows = [
            inside(read_table(f, table), column, seal)
            for f in table_files(root, table, camera)
        ]
        seen = (
            pc.sum(pc.greater(part["coverage_s"], 0)).as_py() or 0
            if table == "hours"
            else len(part)
            for part in rows
        )
        gone[table] = sum(seen)
    gone["scores_files"] = len(score_files(root, camera, seal))
    gone["segments"] = sum(
        _bury(record, seal) != record for record in store.segments(camera)
    )
    return gone


def _bury(record: SegmentRecord, seal: Seal) -> SegmentRecord:
    """Keep of a file in the stretch only what it takes to know it again."""
    if record.start_us is None or record.end_us is None:
        return record
    if record.end_us <= seal.low_us or record.start_us >= seal.high_us:
        return record
    is_inside = seal.low_us <= record.start_us and record.end_us <= seal.high_us
    if not is_inside:  # it goes on beyond: that part stays counted
        holes = [(seal.low_us, seal.high_us)]
        won = tuple(subtract(record.winner_intervals, holes))
        return replace(record, winner_intervals=won)
    return _tombstone(record, seal)


def _tombstone(record: SegmentRecord, seal: Seal) -> SegmentRecord:
    if record.status in LEFT_OUT:
        return record
    return SegmentRecord(
        segment_id=record.segment_id,
        path=record.path,
        name=record.name,
        source_kind=record.source_kind,
        size_bytes=record.size_bytes,
        mtime_us=record.mtime_us,
        start_us=record.start_us,
        end_us=record.end_us,
        status=DELETED,
        run_id=record.run_id,
        known_at_us=seal.sealed_at_us,
    )


def _is_known(record: SegmentRecord) -> bool:
    """Tell whether a look at its folder leaves a file alone: it must go on to."""
    return record.status in {"done", "duplicate", *LEFT_OUT}


def _forget_restatements(root: Path, camera: str) -> None:
    """Remove what a restatement scored and did not publish: a copy of the scores."""
    for work in sorted((root / ".restate").glob("[!._]*")):
        with Store.open(work).lock(camera, LOCK_TIMEOUT_S):
            for table in COLUMNS:
                shutil.rmtree(work / table / camera, ignore_errors=True)


def _now_us() -> int:
    return time.time_ns() // 1000
