"""A store's videos to the hours another model or polygon gives, shown, then published.

The videos are decoded again into a workplace beside the tables, which readers do
not see. What was scored stays there until it is published, so that looking first
costs nothing twice.
"""

import contextlib
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from truckcount.domain.camera import Camera
from truckcount.domain.iso_time import iso_utc
from truckcount.domain.scores import Scores, concat_scores
from truckcount.errors import ConfigError, TruckcountError, VideoError
from truckcount.pipeline.cameras import open_book
from truckcount.pipeline.config import RunOptions, scoring_hash
from truckcount.pipeline.counts.camera_counter import CameraCounter
from truckcount.pipeline.counts.recount import CountsPublisher
from truckcount.pipeline.counts.timeline import Interval, span_of
from truckcount.pipeline.counts.windows import join_windows
from truckcount.pipeline.executors import score_tasks
from truckcount.pipeline.restating.comparison import (
    Comparison,
    compare_hours,
    counted_hours,
)
from truckcount.pipeline.restating.store_recount import (
    HOUR_US,
    hours_before,
    known_camera,
    with_kept_cameras,
)
from truckcount.pipeline.result import RunListener
from truckcount.pipeline.scoring import ScoreTask
from truckcount.pipeline.segments import is_counted, record_of
from truckcount.presence.weights import Weights, find_weights
from truckcount.store import SegmentRecord, Store
from truckcount.video import Source, find_sources, fingerprint

logger = logging.getLogger(__name__)

WORKPLACE = ".restate"  # pyarrow leaves out what begins with a dot


@dataclass(frozen=True, slots=True, kw_only=True)
class Restated:
    """What restating a camera would change, or changed."""

    comparison: Comparison
    n_camera_hours: int
    n_decoded: int
    """Files scored by this call; others were scored before."""
    missing: tuple[str, ...]
    """Files that are not there any more, or cannot be read: they keep their hours."""
    n_revisions: int
    """0 until it is published."""


def restate_store(
    path: Path,
    options: RunOptions,
    *,
    is_published: bool = False,
    listener: RunListener | None = None,
) -> list[Restated]:
    """Score and count a store's videos anew; publish only when told to.

    Raises
    ------
    ConfigError
        When the store has no such camera.
    """
    store = Store.open(path, is_new_allowed=False)
    options = with_kept_cameras(options, store)
    weights = find_weights(options.model)
    book = open_book(options)
    names = [n for n in store.cameras() if options.camera in {None, n}]
    if options.camera is not None and not names:
        msg = f"no camera {options.camera!r} in {path}; it has {store.cameras()}"
        raise ConfigError(msg)
    if is_published and options.cameras is not None:
        store.keep_cameras(options.cameras.read_bytes())
    done = []
    for name in names:
        camera = known_camera(book, name)
        restatement = _Restatement(store, camera, weights, options)
        n_decoded = restatement.score(listener)  # hours of it: runs go on meanwhile
        with store.lock(name):
            restated = restatement.count(is_published=is_published)
        done.append(replace(restated, n_decoded=n_decoded))
    return done


class _Restatement:
    """Restates one camera: scores in a workplace of its own, counts in the store."""

    def __init__(
        self, store: Store, camera: Camera, weights: Weights, options: RunOptions
    ) -> None:
        self._store, self._camera = store, camera
        self._weights, self._options = weights, options
        self._digest = scoring_hash(camera, weights.model_id, options)
        self._work = Store.open(store.root / WORKPLACE / self._digest)
        self._old = self._counted()
        self._new: dict[str, SegmentRecord] = {}
        self._missing: list[str] = []

    def _counted(self) -> dict[str, SegmentRecord]:
        records = self._store.segments(self._camera.name)
        return {r.segment_id: r for r in records if is_counted(r)}

    def count(self, *, is_published: bool) -> Restated:
        """Count with the new scores; call under the camera's lock."""
        self._old = self._counted()  # others may have come while this one scored
        self._new = {k: r for k, r in self._new.items() if k in self._old}
        fits = {k for k, r in self._old.items() if r.config_hash == self._digest}
        records = [self._new.get(k, r) for k, r in self._old.items()]
        restated = fits | self._new.keys()
        scores = _TwoStores(self._store, self._work, set(self._new))
        counter = CameraCounter(
            scores,
            self._camera,
            records,
            weights=self._weights,
            options=self._options,
            seals=self._store.seals(self._camera.name),
            kept_bins=self._store.kept_bins(self._camera.name),
        )
        moved = [
            (s.start_us, s.end_us)
            for k in self._new
            for s in (span_of(self._old[k]), span_of(self._new[k]))
        ]
        spans = [span_of(r) for r in records if r.segment_id in fits]
        kept = [(s.start_us, s.end_us) for s in spans]
        windows = counter.unsealed(_hours_held(moved + kept))
        old = hours_before(self._store, self._camera.name, windows)
        publisher = CountsPublisher(self._store, self._camera, counter)
        if is_published:
            for segment_id in self._new:
                self._copy_scores(segment_id)
            counted = publisher.publish(counter.count(windows))
            publisher.fill_outages(windows)
            won = counter.spans.won_near(moved)
            records = [
                replace(r, winner_intervals=tuple(won.get(segment_id, ())))
                for segment_id, r in self._new.items()
            ]
            self._store.write_segments(self._camera.name, records)
            shutil.rmtree(self._work.root, ignore_errors=True)
            with contextlib.suppress(OSError):  # another camera's work may be there
                self._work.root.parent.rmdir()
        else:
            counted = list(counter.count(windows))
        new = counted_hours(row for part in counted for row in part.rows[60])
        logger.info(
            "%s: %d of %d segments", self._camera.name, len(restated), len(records)
        )
        return Restated(
            comparison=compare_hours(self._camera.name, old, new),
            n_camera_hours=sum((b - a) // HOUR_US for a, b in windows),
            n_decoded=0,
            missing=tuple(self._missing),
            n_revisions=publisher.n_revisions,
        )

    def score(self, listener: RunListener | None) -> int:
        """Score what has no scores under this hash yet; return how many files."""
        with self._work.lock(self._camera.name):
            return self._score(listener)

    def _score(self, listener: RunListener | None) -> int:
        known = {r.segment_id: r for r in self._work.segments(self._camera.name)}
        tasks = []
        for segment_id, record in self._old.items():
            if record.config_hash == self._digest:
                continue
            if segment_id in known:
                self._new[segment_id] = known[segment_id]
                continue
            source = _find_file(record)
            if source is None:
                logger.warning("%s is not there any more: its hours stay", record.path)
                self._missing.append(record.path)
            else:
                tasks.append(self._task(source, record))
        if listener is not None:
            listener.started(len(tasks))
        n_done = 0
        for task, scored in score_tasks(tasks, self._weights, listener):
            if isinstance(scored, TruckcountError):
                logger.warning("%s", scored)
                self._missing.append(task.source.name)
                continue
            before = self._old[task.segment_id]
            record = record_of(
                task,
                scored,
                model_id=self._weights.model_id,
                scoring_hash=self._digest,
                run_id=before.run_id,
            )
            record = replace(
                record,
                path=before.path,
                start_source=before.start_source,
                time_quality=before.time_quality,
                clock_sd_s=before.clock_sd_s,
            )
            self._work.write_scores(self._camera.name, scored.scores, self._digest)
            self._work.write_segment(self._camera.name, record)
            self._new[record.segment_id] = record
            n_done += 1
        return n_done

    def _task(self, source: Source, record: SegmentRecord) -> ScoreTask:
        # the start that was found then, whatever the file's time is by now; the
        # camera's shift is added again when the start is read
        options = self._options
        if source.kind == "file" and record.start_us is not None:
            begin = record.start_us - round(record.clock_offset_s * 1e6)
            options = replace(options, start=iso_utc(begin))
        return ScoreTask(
            source=source,
            camera=self._camera,
            segment_id=record.segment_id,
            options=options,
        )

    def _copy_scores(self, segment_id: str) -> None:
        span = span_of(self._new[segment_id])
        window = (span.start_us, span.end_us + HOUR_US)
        scores = {
            gate.name: self._work.read_scores(
                self._camera.name, gate.name, window, {segment_id: [window]}
            )
            for gate in self._camera.gates
        }
        self._store.write_scores(self._camera.name, scores, self._digest)


class _TwoStores:
    """Reads some segments' scores from a workplace, the others' from the store."""

    def __init__(self, store: Store, work: Store, restated: set[str]) -> None:
        self._store, self._work, self._restated = store, work, restated

    def read_scores(
        self,
        camera: str,
        gate: str,
        window: Interval,
        won: Mapping[str, Sequence[Interval]],
    ) -> Scores:
        """Read a gate's scores in a window, each moment from one segment."""
        owned = sorted(
            (low, high, k) for k, parts in won.items() for low, high in parts
        )
        parts = []
        for low, high, segment_id in owned:
            begin, end = max(low, window[0]), min(high, window[1])
            if begin < end:
                place = self._work if segment_id in self._restated else self._store
                mine = {segment_id: [(begin, end)]}
                parts.append(place.read_scores(camera, gate, (begin, end), mine))
        return concat_scores([part for part in parts if len(part)])


def _find_file(record: SegmentRecord) -> Source | None:
    """Find a segment's file with the bytes it had."""
    try:
        (source,) = find_sources([record.path])
        return source if fingerprint(source) == record.segment_id else None
    except (VideoError, OSError, ValueError):
        return None


def _hours_held(spans: Sequence[Interval]) -> list[Interval]:
    return join_windows(
        [(a // HOUR_US * HOUR_US, -(-b // HOUR_US) * HOUR_US) for a, b in spans]
    )
