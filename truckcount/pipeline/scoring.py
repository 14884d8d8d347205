"""One file to scores: the first two hops, which need pixels."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from truckcount.domain.camera import Camera
from truckcount.domain.scores import Scores
from truckcount.domain.segment import SegmentReport, StartTime
from truckcount.errors import DecodeError
from truckcount.pipeline.config import RunOptions
from truckcount.presence.devices import open_runtime
from truckcount.presence.engine import ClipScorer
from truckcount.presence.runtime import Runtime
from truckcount.presence.views import plan_views
from truckcount.presence.weights import Weights, find_weights
from truckcount.video import Source, open_decoder, probe_video, resolve_start

PROGRESS_EVERY_S = 0.2  # wall time; a terminal shows no more


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTask:
    """What a worker needs to score one file; picklable."""

    source: Source
    camera: Camera
    segment_id: str
    options: RunOptions
    model: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredFile:
    """What scoring one file gave."""

    scores: dict[str, Scores]
    report: SegmentReport
    start: StartTime
    cpu_s: float


def score_task(task: ScoreTask) -> ScoredFile:
    """Score one file in a worker process, which keeps its runtime."""
    weights = find_weights(task.model)
    runtime = _worker_runtime(weights, task.options.device)
    return score_file(task, weights, runtime, lambda _video_s: None)


def score_file(
    task: ScoreTask,
    weights: Weights,
    runtime: Runtime,
    advance: Callable[[float], None],
) -> ScoredFile:
    """Decode one file and score every gate of its camera.

    Raises
    ------
    VideoError
        When the file gives no picture or no trustworthy start time.
    """
    began = time.process_time()
    options, camera = task.options, task.camera
    probe = probe_video(task.source)
    start = resolve_start(
        task.source,
        camera,
        probe,
        start=options.start,
        is_strict=options.is_strict_time,
    )
    rects = plan_views(
        camera.gates, (probe.width, probe.height), weights.header.view_size
    )
    decoder = open_decoder(
        task.source,
        rects,
        start_us=start.start_us,
        sample_fps=options.sample_fps,
        backend=options.backend,
    )
    scorer = ClipScorer(runtime, camera.gates, rects, task.segment_id)
    shown = time.monotonic()
    for sample in decoder:
        scorer.process(sample)
        if time.monotonic() - shown > PROGRESS_EVERY_S:
            shown = time.monotonic()
            advance(sample.pts_us / 1e6)
    scores = scorer.finish()
    report = decoder.report
    if report.n_samples == 0:
        msg = (
            f"{task.source.name}: no picture could be decoded "
            f"({report.n_bad_packets} damaged packets); check the recorder"
        )
        raise DecodeError(msg)
    return ScoredFile(
        scores=scores,
        report=report,
        start=start,
        cpu_s=time.process_time() - began,
    )


_RUNTIMES: dict[tuple[str, str], Runtime] = {}


def _worker_runtime(weights: Weights, device: str) -> Runtime:
    key = (weights.sha256, device)
    if key not in _RUNTIMES:
        _RUNTIMES[key] = open_runtime(weights, device)
    return _RUNTIMES[key]
