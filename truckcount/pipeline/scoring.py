"""One file to scores: the first two hops, which need pixels."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from truckcount.domain.camera import Camera
from truckcount.domain.iso_time import iso_utc
from truckcount.domain.scores import Scores
from truckcount.domain.segment import SegmentReport, StartTime
from truckcount.errors import AmbiguousTimeError, DecodeError
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.film_pace import pace_warnings
from truckcount.pipeline.gate_size import size_warnings
from truckcount.pipeline.gpu_decoding import gpu_cutter
from truckcount.presence.engine import ClipScorer
from truckcount.presence.runtime import Runtime
from truckcount.presence.views import plan_run_views
from truckcount.presence.weights import Weights
from truckcount.video import Source, open_decoder, probe_video, resolve_start
from truckcount.video.read_ahead import ReadAhead

PROGRESS_EVERY_S = 0.2  # wall time; a terminal shows no more


Advance = Callable[[float, float | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreTask:
    """What a worker needs to score one file; picklable."""

    source: Source
    camera: Camera
    segment_id: str
    options: RunOptions
    start: StartTime | None = None
    """Where it begins, where more than the file was needed to tell."""
    model_id: str | None = None
    """Of the weights that the scores are kept under; other processes find their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredFile:
    """What scoring one file gave."""

    scores: dict[str, Scores]
    report: SegmentReport
    start: StartTime
    worker_cpu_s: float = 0.0
    """CPU time of another process; 0 when scored in this one."""
    n_views: int = 0
    """Views that the network saw: none of an unusable picture, nor one reused."""


def score_file(
    task: ScoreTask,
    weights: Weights,
    runtime: Runtime,
    advance: Advance | None = None,
    *,
    is_ahead: bool = False,
) -> ScoredFile:
    """Decode one file and score every gate of its camera.

    Parameters
    ----------
    advance : callable
        Told the seconds of video read so far and the file's length by its header
        (None when it has none), a few times a second.
    is_ahead : bool
        Decode in a thread of its own while the network runs: for one file on more
        than one core. Other files fill the cores better.

    Raises
    ------
    VideoError
        When the file gives no picture or no trustworthy start time.
    """
    options, camera, source = task.options, task.camera, task.source
    probe = probe_video(source, options.max_pixels)
    start = task.start
    if start is None:
        start = resolve_start(
            source, camera, probe, start=options.start, is_strict=options.is_strict_time
        )
    if start.quality == "ambiguous":
        # two hours of one name would be laid over one another, and one of them lost
        msg = (
            f"{source.name}: {iso_utc(start.start_us)} is ambiguous: the clock change "
            f"of {camera.timezone} repeats or skips that hour, and neither the file "
            "before it nor its own file time tells; not counted: give --start with "
            f"its offset or a sidecar {source.name}.json"
        )
        raise AmbiguousTimeError(msg)
    size = (probe.width, probe.height)
    rects = plan_run_views(weights.header, camera.gates, size)
    decoder = open_decoder(
        source,
        rects,
        start_us=start.start_us,
        sample_fps=options.sample_fps,
        backend=options.backend,
        camera=camera,
        max_pixels=options.max_pixels,
        key_frames_only=options.key_frames_only,
        cut=gpu_cutter(rects, options.device) if options.backend == "nvdec" else None,
    )
    samples = ReadAhead(decoder) if is_ahead else decoder
    scorer = ClipScorer(
        runtime,
        camera.gates,
        rects,
        task.segment_id,
        is_gated=options.speed == "fast",
    )
    shown = time.monotonic()
    for sample in samples:
        scorer.process(sample)
        if advance is not None and time.monotonic() - shown > PROGRESS_EVERY_S:
            shown = time.monotonic()
            advance(sample.pts_us / 1e6, probe.duration_s_from_header)
    scores = scorer.finish()
    report = decoder.report
    if report.n_samples == 0:
        msg = (
            f"{source.name}: no picture could be decoded "
            f"({report.n_bad_packets} damaged packets); check the recorder"
        )
        raise DecodeError(msg)
    told = size_warnings(scores, camera, rects, weights)
    if source.kind != "stills":
        told += pace_warnings(scores, camera, weights)
    report = replace(report, warnings=(*report.warnings, *told))
    return ScoredFile(scores=scores, report=report, start=start, n_views=scorer.n_views)
