"""A scored file to what it came to: frames, views, coverage, unusable by cause."""

from truckcount.counting import CountingOptions, measure_coverage
from truckcount.domain.camera import Camera
from truckcount.domain.sample import CAUSES
from truckcount.domain.scores import Scores
from truckcount.pipeline.config import counting_options
from truckcount.pipeline.counts.camera_counter import is_sparse
from truckcount.pipeline.counts.timeline import Span, span_of
from truckcount.pipeline.result import FileWork
from truckcount.pipeline.scoring import ScoredFile
from truckcount.presence.weights import Weights
from truckcount.store import SegmentRecord


def measure_work(
    scored: ScoredFile, record: SegmentRecord, camera: Camera, weights: Weights
) -> FileWork:
    """Measure what a file adds, by the rules that its hours are counted by.

    Parameters
    ----------
    weights : Weights
        That scored it.
    """
    exposures = {
        gate.name: _exposure(
            scored.scores[gate.name],
            counting_options(gate, weights.header.thresholds),
            camera.source_kind,
            span_of(record),
            has_peaks=weights.has_peaks,
        )
        for gate in camera.gates
    }
    # the quality of a picture is that of all its gates: any of them tells
    first = next(iter(exposures.values()))
    return FileWork(
        n_frames=scored.report.n_frames_decoded,
        n_views=scored.n_views,
        end_us=scored.report.end_us,
        coverage_s={gate: usable_s for gate, (usable_s, _) in exposures.items()},
        unusable_s=first[1],
    )


def _exposure(
    scores: Scores,
    counting: CountingOptions,
    source_kind: str,
    span: Span,
    *,
    has_peaks: bool,
) -> tuple[float, dict[str, float]]:
    """Return a gate's usable seconds, and the others by cause."""
    unusable_s = {cause: 0.0 for cause, _ in CAUSES}
    is_video = source_kind == "video"
    held_s = counting.held_s(has_peaks=has_peaks)
    if source_kind == "stills" or (is_video and is_sparse(span, held_s)):
        return 0.0, unusable_s  # what came between them was not seen
    coverage = measure_coverage(scores, counting, busy=(), has_peaks=has_peaks)
    held_us = coverage.end_us - coverage.start_us
    left = scores.quality_flags.copy()
    for cause, flag in CAUSES:
        has_it = (left & flag) != 0
        unusable_s[cause] = float(held_us[has_it].sum()) / 1e6
        left[has_it] = 0
    return float(held_us[coverage.is_usable].sum()) / 1e6, unusable_s
