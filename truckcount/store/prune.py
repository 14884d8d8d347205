"""What a store may lose with age: nothing that an hour or its history says."""

import time
from dataclasses import dataclass
from pathlib import Path

from truckcount.errors import StoreError
from truckcount.store.check import list_cameras
from truckcount.store.closed_hours import LATE_DAYS
from truckcount.store.fold_states import FoldStates
from truckcount.store.layout import DAY_US, table_files, to_day_us
from truckcount.store.publish import sync
from truckcount.store.seals import (
    PRUNED,
    Interval,
    Seal,
    Seals,
    put_seal,
)
from truckcount.store.segment_record import SegmentRecord
from truckcount.store.segments_table import change_segments
from truckcount.store.store import Store

KEEP_DAYS = 400  # features.md section 13: one year-on-year recount stays possible
MIN_KEEP_DAYS = 4  # an hour may change until 72 h after its end
LEFTOVER_S = 3600.0  # a draft this old has no writer any more
NOTED = frozenset({"done", "duplicate"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruned:
    """What went, or would go, of one camera."""

    camera: str
    score_days: tuple[str, ...]
    n_bytes: int
    """Of scores and leftovers, on disk."""
    n_rows: int
    """Rows of ``segments`` on files that were not counted."""
    n_leftovers: int
    """Drafts of killed runs."""


def prune_store(
    path: str | Path,
    *,
    keep_days: int = KEEP_DAYS,
    camera: str | None = None,
    is_dry_run: bool = False,
    now_us: int | None = None,
) -> list[Pruned]:
    """Remove scores of old days; seal their hours, which stay as they are.

    A day's scores go when the day is older than ``keep_days`` and one day more, and
    nothing was added to it or its neighbours for 35 days: an archive that is being
    read keeps them. Rows on failed files and on deleted ones go at the same age.

    Raises
    ------
    StoreError
        When ``keep_days`` is under 4, or the store has no such camera.
    """
    if keep_days < MIN_KEEP_DAYS:
        msg = (
            f"keep_days is {keep_days}: hours may change for 72 h and are counted from "
            f"the scores; keep at least {MIN_KEEP_DAYS} days"
        )
        raise StoreError(msg)
    now_us = time.time_ns() // 1000 if now_us is None else now_us
    store = Store.open(path, is_new_allowed=False)
    names = list_cameras(store.root)
    if camera is not None and camera not in names:
        msg = f"no camera {camera!r} in {store.root}; it has {names}"
        raise StoreError(msg)
    done = []
    for name in names if camera is None else [camera]:
        with store.lock(name):
            done.append(_prune(store, name, keep_days, now_us, is_dry_run=is_dry_run))
    return done


def _prune(
    store: Store, camera: str, keep_days: int, now_us: int, *, is_dry_run: bool
) -> Pruned:
    horizon = now_us // DAY_US * DAY_US - keep_days * DAY_US
    files = _old_scores(store, camera, horizon, now_us)
    leftovers = [
        draft
        for draft in sorted(store.root.glob(f"*/{camera}/.*.tmp"))
        if now_us / 1e6 - draft.stat().st_mtime > LEFTOVER_S
    ]
    pruned = Pruned(
        camera=camera,
        score_days=tuple(file.stem for file in files),
        n_bytes=sum(file.stat().st_size for file in [*files, *leftovers]),
        n_rows=sum(
            _without_old(record, horizon) is None for record in store.segments(camera)
        ),
        n_leftovers=len(leftovers),
    )
    if is_dry_run:
        return pruned
    for low, high in _stretches(files):  # before the first is gone
        _seal(store, camera, low, high, now_us)
    states = FoldStates(store.root, camera)
    for file in [*files, *leftovers]:
        file.unlink(missing_ok=True)
    states.stamp()  # hours stand, and counting goes on from them
    for folder in sorted({file.parent for file in files}):
        sync(folder)
    change_segments(store.root, camera, lambda r: _without_old(r, horizon))
    return pruned


def _old_scores(store: Store, camera: str, horizon: int, now_us: int) -> list[Path]:
    """Find the days whose scores may go: one more stays to count on from."""
    fresh = [
        (r.start_us, r.end_us)
        for r in store.segments(camera)
        if r.start_us is not None
        and r.end_us is not None
        and r.known_at_us > now_us - LATE_DAYS * DAY_US
    ]
    found = []
    for file in table_files(store.root, "scores", camera):
        day = to_day_us(file.stem)
        low, high = day - DAY_US, day + 2 * DAY_US
        is_touched = any(a < high and b > low for a, b in fresh)
        if day + 2 * DAY_US <= horizon and not is_touched:
            found.append(file)
    return found


def _stretches(files: list[Path]) -> list[Interval]:
    """Join the hours to seal: of each day, and of the next, whose past is gone."""
    joined: list[Interval] = []
    for file in files:
        day = to_day_us(file.stem)
        low, high = day, day + 2 * DAY_US
        if joined and low <= joined[-1][1]:
            low = joined.pop()[0]
        joined.append((low, high))
    return joined


def _seal(store: Store, camera: str, low: int, high: int, now_us: int) -> None:
    """Seal a stretch, as one with the stretches that it touches."""
    seals: Seals = store.seals(camera)
    near = [
        s for s in seals if s.cause == PRUNED and s.low_us <= high and s.high_us >= low
    ]
    seal = Seal(
        low_us=min([low, *(s.low_us for s in near)]),
        high_us=max([high, *(s.high_us for s in near)]),
        cause=PRUNED,
        sealed_at_us=now_us,
    )
    put_seal(store.root, camera, seal, instead_of=near)


def _without_old(record: SegmentRecord, horizon: int) -> SegmentRecord | None:
    """Drop rows on files that were never counted, or not for long."""
    is_old = record.known_at_us < horizon
    return None if is_old and record.status not in NOTED else record
