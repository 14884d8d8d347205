"""What was decoded to whether its pictures are too far apart to show who passes."""

from truckcount.domain.camera import Camera
from truckcount.domain.segment import SegmentReport
from truckcount.pipeline.counts.camera_counter import is_sparse
from truckcount.pipeline.counts.timeline import Span
from truckcount.video.sources import Source


def shows_no_onset(
    source: Source, camera: Camera, report: SegmentReport, held_s: float
) -> bool:
    """Tell stills far apart, by the rule that a run counts them by."""
    span = Span(
        segment_id="clip",
        start_us=report.start_us,
        end_us=report.end_us,
        is_stills=source.kind == "stills",
        n_samples=report.n_samples,
        duration_s=report.duration_s,
    )
    return camera.source_kind == "stills" or is_sparse(span, held_s)
