"""Stored scores to the hours of another threshold, debounce or direction rule."""

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from truckcount.counting.options import ALIASES
from truckcount.domain.camera import Camera
from truckcount.errors import ConfigError
from truckcount.pipeline.cameras import CameraBook, open_book
from truckcount.pipeline.config import RunOptions, scoring_hash
from truckcount.pipeline.counts.camera_counter import CameraCounter
from truckcount.pipeline.counts.recount import CountsPublisher
from truckcount.pipeline.counts.timeline import Interval, span_of
from truckcount.pipeline.counts.windows import join_windows
from truckcount.pipeline.restating.comparison import (
    Comparison,
    Counts,
    compare_hours,
    counted_hours,
    stored_counts,
)
from truckcount.pipeline.segments import is_counted
from truckcount.pipeline.speed_plan import exact_plan, known_plan
from truckcount.presence.weights import find_weights
from truckcount.store import SegmentRecord, Store
from truckcount.store.read import read_bins
from truckcount.store.store import KEPT_CAMERAS
from truckcount.store.zones import rezone_hours

logger = logging.getLogger(__name__)

HOUR_US = 3_600_000_000
FOREVER_US = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class RecountOptions:
    """What to count again; times in microseconds UTC."""

    from_us: int = 0
    to_us: int = FOREVER_US
    thresholds: tuple[tuple[str, float], ...] = ()
    """Go before those of ``cameras.toml`` and of the weights."""
    is_dry_run: bool = False
    jobs: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Recounted:
    """What counting a camera again gave."""

    comparison: Comparison
    n_camera_hours: int
    """Hours of the camera that were counted."""
    n_revisions: int
    n_left_out: int
    """Segments whose scores are of another model, polygon or sampling."""


def recount_store(
    path: Path, options: RunOptions, recount: RecountOptions
) -> list[Recounted]:
    """Rebuild passages and hours from stored scores; decode nothing.

    Local times of hours without scores follow a corrected `timezone` of the camera.

    Raises
    ------
    ConfigError
        When no stored score is of this model, polygon and sampling.
    """
    store = Store.open(path, is_new_allowed=False)
    options = with_kept_cameras(options, store)
    book = open_book(options)
    cameras = [
        _with_thresholds(known_camera(book, name), recount.thresholds)
        for name in store.cameras()
        if options.camera is None or name == options.camera
    ]
    if options.camera is not None and not cameras:
        msg = f"no camera {options.camera!r} in {path}; it has {store.cameras()}"
        raise ConfigError(msg)
    jobs = [(path, camera, options, recount) for camera in cameras]
    if recount.jobs > 1 and len(jobs) > 1:
        with ProcessPoolExecutor(recount.jobs, get_context("spawn")) as pool:
            done = list(pool.map(_recount_camera, *zip(*jobs, strict=True)))
    else:
        done = [_recount_camera(*job) for job in jobs]
    if not any(one.n_camera_hours for one in done) and any(
        one.n_left_out for one in done
    ):
        msg = (
            f"{path}: none of its scores are of model {options.model!r} with these "
            "polygons and this sampling; give --model, --cameras, --sample-fps, "
            "--speed, --precision and --backend of the run, or decode again with "
            "`truckcount restate`"
        )
        raise ConfigError(msg)
    if recount.is_dry_run:
        return done
    told = {c.name for c in book.cameras if not c.is_zone_assumed}
    return [
        replace(one, n_revisions=one.n_revisions + _rezone(store, camera, recount))
        if camera.name in told
        else one
        for camera, one in zip(cameras, done, strict=True)
    ]


def _rezone(store: Store, camera: Camera, recount: RecountOptions) -> int:
    """Bring the hours that were not counted anew to the camera's zone, too."""
    span = (recount.from_us, recount.to_us)
    with store.lock(camera.name):
        return rezone_hours(store.root, camera.name, camera.timezone, span, _now_us)


def _now_us() -> int:
    return time.time_ns() // 1000


def with_kept_cameras(options: RunOptions, store: Store) -> RunOptions:
    """Take the gates that a store was counted with last, where none are given."""
    kept = store.root / KEPT_CAMERAS
    if options.cameras is not None or options.gate is not None or not kept.exists():
        return options
    return replace(options, cameras=kept)


def known_camera(book: CameraBook, name: str) -> Camera:
    """Return a camera by name; one that is not configured has the whole picture."""
    if book.forced is not None:
        return book.forced
    for camera in book.cameras:
        if camera.name == name:
            return camera
    if book.cameras:
        logger.warning("camera %s is not in cameras.toml; taken as unconfigured", name)
    return Camera(name=name, gates=book.default_gates)


def hours_of(
    records: Sequence[SegmentRecord], from_us: int = 0, to_us: int = FOREVER_US
) -> list[Interval]:
    """Return the whole hours that segments lie in, within [from, to)."""
    spans = [
        (max(span_of(r).start_us, from_us), min(span_of(r).end_us, to_us))
        for r in records
    ]
    return join_windows(
        [
            (a // HOUR_US * HOUR_US, -(-b // HOUR_US) * HOUR_US)
            for a, b in spans
            if a < b
        ]
    )


def hours_before(store: Store, camera: str, windows: Sequence[Interval]) -> Counts:
    """Return n_trucks of a camera's hours as they stand."""
    return stored_counts(
        row
        for low, high in windows
        for row in read_bins(store.root, camera, 60, low, high)
    )


def _recount_camera(
    path: Path, camera: Camera, options: RunOptions, recount: RecountOptions
) -> Recounted:
    store, weights = Store.open(path), find_weights(options.model)
    with store.lock(camera.name):
        records = [r for r in store.segments(camera.name) if is_counted(r)]
        if options.speed == "fastest":
            plan = known_plan(camera, records, weights=weights, options=options)
            options = (plan or exact_plan(options, "")).apply_to(options)
        digest = scoring_hash(camera, weights.model_id, options)
        fits = [r for r in records if r.config_hash == digest]
        counter = CameraCounter(
            store,
            camera,
            records,
            weights=weights,
            options=options,
            seals=store.seals(camera.name),
            kept_bins=store.kept_bins(camera.name),
        )
        windows = counter.unsealed(hours_of(fits, recount.from_us, recount.to_us))
        old = hours_before(store, camera.name, windows)
        publisher = CountsPublisher(store, camera, counter)
        counted = counter.count(windows)
        done = list(counted) if recount.is_dry_run else publisher.publish(counted)
    new = counted_hours(row for counts in done for row in counts.rows[60])
    return Recounted(
        comparison=compare_hours(camera.name, old, new),
        n_camera_hours=sum((b - a) // HOUR_US for a, b in windows),
        n_revisions=publisher.n_revisions,
        n_left_out=len(records) - len(fits),
    )


def _with_thresholds(
    camera: Camera, thresholds: tuple[tuple[str, float], ...]
) -> Camera:
    gates = []
    for gate in camera.gates:
        own = {ALIASES.get(k, k): v for k, v in (*gate.thresholds, *thresholds)}
        gates.append(replace(gate, thresholds=tuple(sorted(own.items()))))
    return replace(camera, gates=tuple(gates))
