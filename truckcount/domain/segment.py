"""A segment: one decoded stretch of one camera with its clock."""

from dataclasses import dataclass

US_PER_S = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StartTime:
    """When a video's first frame was taken, and how we know."""

    start_us: int
    """Microseconds since 1970-01-01 UTC."""
    source: str
    """``option``, ``sidecar``, ``filename``, ``container``, ``mtime``, ``rtcp``
    (a stream, by its camera's own clock), ``arrival`` (a stream, by when its frames
    came) or ``none``."""
    quality: str
    """``exact``, ``zone`` (naive local time read in the camera's zone),
    ``ambiguous`` (repeated or missing hour of a clock change) or ``guess``."""
    pattern: str | None = None
    """Name of the recorder pattern that matched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentReport:
    """What decoding one source gave: known only when its last sample is out."""

    duration_s: float
    """Span from the first frame's PTS to the end of the last frame."""
    n_frames_decoded: int
    n_samples: int
    n_bad_packets: int
    width: int
    height: int
    codec: str
    fps_nominal: float | None
    is_vfr: bool
    is_truncated: bool
    start_us: int
    end_us: int
    seconds_decode: float
    """Process CPU seconds spent in decoding and conversion."""
    warnings: tuple[str, ...] = ()
