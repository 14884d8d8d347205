"""A segment: one decoded stretch of one camera with its clock."""

import time
from dataclasses import dataclass

US_PER_S = 1_000_000
CLOCK_SD_S = {
    "rtcp": 0.1,  # the camera's own clock, set by NTP
    "option": 1.0,  # a person gives whole seconds
    "sidecar": 1.0,
    "filename": 1.0,  # at least: recorders write whole seconds, some minutes
    "arrival": 2.0,  # buffers of network and camera
    "container": 5.0,  # written when the file is opened, or closed
    "mtime": 600.0,  # whoever copies a file sets it anew: above what may be final
}
"""How far a start time is off, by its source; seconds, one standard deviation. Nobody
measured them: what a recorder's clock itself is off is `clock_shift_s`."""
UNKNOWN_LENGTH_SD_S = 3600.0  # a file time stamps the end: of how long a file?
RECORDED_SD_S = 86_400.0  # a recording that was opened now is of any time before

FUTURE_US = 15 * 60 * US_PER_S  # clocks of recorder and host differ by less


def is_in_future(start_us: int, now_us: int | None = None) -> bool:
    """Tell a start that no recording can have by now: some clock is wrong."""
    now_us = time.time_ns() // 1000 if now_us is None else now_us
    return start_us > now_us + FUTURE_US


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
    sd_s: float
    """Standard deviation of ``start_us``, seconds."""
    twin_us: int | None = None
    """The other moment of the repeated autumn hour that a name may mean."""
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
