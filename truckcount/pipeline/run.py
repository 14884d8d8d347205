"""Paths to parquet: the main job, in five hops.

``score_file`` makes the first two (video to samples to scores), ``publish_counts``
the other three (scores to passages to hours to parquet).
"""

import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from truckcount.domain.camera import Camera
from truckcount.errors import (
    ClockError,
    DecodeError,
    GrowingFileError,
    TruckcountError,
    VideoError,
)
from truckcount.pipeline.cameras import CameraBook, load_book
from truckcount.pipeline.config import RunOptions, scoring_hash
from truckcount.pipeline.recount import CameraCounts, publish_counts
from truckcount.pipeline.result import FileOutcome, RunListener, RunResult
from truckcount.pipeline.run_result import gather_result
from truckcount.pipeline.scoring import ScoredFile, ScoreTask, score_file, score_task
from truckcount.pipeline.segments import (
    failed_outcome,
    failed_record,
    is_counted,
    outcome_of,
    record_of,
)
from truckcount.presence.devices import open_runtime
from truckcount.presence.weights import Weights, find_weights
from truckcount.store import SegmentRecord, Store
from truckcount.video import Source, check_settled, find_sources, fingerprint

logger = logging.getLogger(__name__)

PUBLISH_EVERY_S = 60.0  # hours appear while a long archive is still being read


@dataclass(slots=True)
class _CameraJob:
    """The files of one camera in one run."""

    camera: Camera
    sources: list[tuple[Source, str]] = field(default_factory=list)
    counts: list[CameraCounts] = field(default_factory=list)
    outcomes: list[FileOutcome] = field(default_factory=list)
    own_ids: set[str] = field(default_factory=set)


def run_paths(
    paths: Sequence[str],
    options: RunOptions,
    listener: RunListener | None = None,
) -> RunResult:
    """Count the trucks of files, folders, globs or streams.

    One bad file never stops the others: it gets a failed outcome.

    Returns
    -------
    RunResult
        With ``exit_code`` 0, 3 (some inputs failed) or 4 (nothing usable).

    Raises
    ------
    ConfigError, ModelError, StoreError
        When nothing can be done at all.
    """
    began, cpu_began = time.monotonic(), time.process_time()
    weights = find_weights(options.model)
    book = load_book(options)
    store = Store.open(options.store)
    jobs, failed = _plan_jobs(paths, book, options)
    if listener is not None:
        listener.started(sum(len(job.sources) for job in jobs) + len(failed))
        for outcome in failed:
            listener.finished(outcome, 0)
    scorer = _Scorer(weights, options, listener)
    n_trucks = 0
    for job in jobs:
        n_trucks = _run_camera(store, job, scorer, weights, options, listener, n_trucks)
    return gather_result(
        weights,
        options,
        [(job.camera, job.counts, job.own_ids) for job in jobs],
        failed + [outcome for job in jobs for outcome in job.outcomes],
        wall_s=time.monotonic() - began,
        cpu_s=time.process_time() - cpu_began + scorer.worker_cpu_s,
    )


def _plan_jobs(
    paths: Sequence[str], book: CameraBook, options: RunOptions
) -> tuple[list[_CameraJob], list[FileOutcome]]:
    """Give each file to its camera; what cannot be given is a failed outcome."""
    jobs: dict[str, _CameraJob] = {}
    failed: list[FileOutcome] = []
    for path in paths:
        try:
            sources = find_sources([path])
        except VideoError as error:
            logger.warning("%s", error)
            failed.append(failed_outcome(str(path), "", error))
            continue
        for source in sources:
            camera = book.camera_for(source)
            try:
                check_settled(source, options.settle_s, time.time())
                digest = fingerprint(source)
            except (VideoError, OSError) as error:
                logger.warning("%s", error)
                failed.append(failed_outcome(source.name, camera.name, error))
                continue
            job = jobs.setdefault(camera.name, _CameraJob(camera=camera))
            if source not in [known for known, _ in job.sources]:
                job.sources.append((source, digest))
    return list(jobs.values()), failed


def _run_camera(
    store: Store,
    job: _CameraJob,
    scorer: "_Scorer",
    weights: Weights,
    options: RunOptions,
    listener: RunListener | None,
    n_trucks: int,
) -> int:
    """Score and publish one camera's files; return all trucks counted so far."""
    camera = job.camera
    digest = scoring_hash(camera, weights.model_id, options)
    with store.lock(camera.name):
        records = {
            r.segment_id: r for r in store.segments(camera.name) if is_counted(r)
        }
        todo: list[ScoreTask] = []
        changed: set[str] = set()
        seen: dict[str, str] = {}
        for source, segment_id in job.sources:
            if segment_id in seen:
                job.outcomes.append(
                    outcome_of(source, camera, records.get(segment_id), "duplicate")
                )
                continue
            seen[segment_id] = source.name
            known = records.get(segment_id)
            if known is not None and store.has_scores(camera.name, segment_id, digest):
                job.outcomes.append(outcome_of(source, camera, known, "reused"))
                changed.add(segment_id)
                job.own_ids.add(segment_id)
                continue
            todo.append(
                ScoreTask(
                    source=source,
                    camera=camera,
                    segment_id=segment_id,
                    options=options,
                    model=options.model,
                )
            )
        pending: list[SegmentRecord] = []
        published = time.monotonic()

        def publish() -> None:
            nonlocal pending
            counts = publish_counts(
                store,
                camera,
                list(records.values()),
                changed,
                weights=weights,
                options=options,
            )
            if counts is not None:
                job.counts.append(counts)
            for record in pending:
                store.write_segment(record)
            pending = []
            changed.clear()

        for task, scored in scorer.score(todo):
            if isinstance(scored, TruckcountError):
                outcome = failed_outcome(task.source.name, camera.name, scored)
                store.write_segment(failed_record(task, outcome))
            else:
                store.write_scores(camera.name, scored.scores, scoring_hash=digest)
                record = record_of(task, scored, weights)
                records[record.segment_id] = record
                pending.append(record)
                changed.add(record.segment_id)
                job.own_ids.add(record.segment_id)
                outcome = outcome_of(task.source, camera, record, "done", scored)
            job.outcomes.append(outcome)
            if time.monotonic() - published > PUBLISH_EVERY_S or len(todo) == 1:
                publish()
                published = time.monotonic()
            if listener is not None:
                listener.finished(outcome, n_trucks + _count(job))
        if changed or pending:
            publish()
    return n_trucks + _count(job)


def _count(job: _CameraJob) -> int:
    latest = {(p.gate, p.onset_us): p for counts in job.counts for p in counts.passages}
    return sum(
        p.is_counted and p.segment_id_onset in job.own_ids for p in latest.values()
    )


class _Scorer:
    """Scores tasks here or in worker processes, yielding each as it is done."""

    def __init__(
        self, weights: Weights, options: RunOptions, listener: RunListener | None
    ) -> None:
        self._weights = weights
        self._options = options
        self._listener = listener
        self._runtime = None if options.jobs > 1 else _LazyRuntime(weights, options)
        self.worker_cpu_s = 0.0

    def score(
        self, tasks: Sequence[ScoreTask]
    ) -> Iterator[tuple[ScoreTask, ScoredFile | TruckcountError]]:
        """Yield (task, scores or what went wrong)."""
        if self._options.jobs > 1 and len(tasks) > 1:
            yield from self._score_in_workers(tasks)
            return
        for task in tasks:
            name = task.source.name
            advance = _advance_for(self._listener, name)
            try:
                runtime = self._runtime or _LazyRuntime(self._weights, self._options)
                yield task, score_file(task, self._weights, runtime.get(), advance)
            except VideoError as error:
                yield task, error
            except OSError as error:
                yield task, DecodeError(f"{name}: cannot be read: {error}")

    def _score_in_workers(
        self, tasks: Sequence[ScoreTask]
    ) -> Iterator[tuple[ScoreTask, ScoredFile | TruckcountError]]:
        # spawn: forked children would share the decoder's and runtime's threads
        with ProcessPoolExecutor(
            self._options.jobs, mp_context=get_context("spawn")
        ) as pool:
            futures: dict[Future[ScoredFile], ScoreTask] = {
                pool.submit(score_task, task): task for task in tasks
            }
            for future in as_completed(futures):
                task = futures[future]
                try:
                    scored = future.result()
                except VideoError as error:
                    yield task, error
                except OSError as error:
                    msg = f"{task.source.name}: cannot be read: {error}"
                    yield task, DecodeError(msg)
                else:
                    self.worker_cpu_s += scored.cpu_s
                    yield task, scored


class _LazyRuntime:
    """Opens the runtime when the first file needs it: a re-run never does."""

    def __init__(self, weights: Weights, options: RunOptions) -> None:
        self._weights, self._device = weights, options.device
        self._runtime = None

    def get(self):  # type: ignore[no-untyped-def]
        if self._runtime is None:
            self._runtime = open_runtime(self._weights, self._device)  # type: ignore[assignment]
        return self._runtime


def _advance_for(listener: RunListener | None, name: str):  # type: ignore[no-untyped-def]
    if listener is None:
        return lambda _video_s: None
    return lambda video_s: listener.advanced(name, video_s)


__all__ = ["ClockError", "GrowingFileError", "Path", "run_paths"]
