"""Hour rows, passages and segments to fill stores with."""

from dataclasses import replace

from truckcount.domain.hour import HourRow
from truckcount.domain.passage import Passage
from truckcount.store import HourStamp, SegmentRecord

HOUR_US = 3_600_000_000
MINUTE_US = 60_000_000
T0_US = 1_767_225_600_000_000  # 2026-01-01T00:00Z
STAMP = HourStamp(
    camera="cam",
    timezone="America/Chicago",
    source_kind="video",
    model_id="m@sha256:0",
    config_hash="c0",
)
SEEN = HourRow(
    gate="exit",
    direction="any",
    bin_start_us=T0_US,
    bin_minutes=60,
    n_trucks=3,
    onsets=4,
    n_censored=0,
    coverage_s=1800.0,
    unusable_s=0.0,
    max_gap_s=1800.0,
    busy_s=12.5,
    n_samples=9000,
    occupancy_mean=0.01,
    n_trucks_est=6.0,
    n_trucks_se=2.6,
    n_trucks_se_indep=2.6,
)
UNSEEN = replace(
    SEEN, bin_start_us=T0_US + HOUR_US, n_trucks=None, onsets=None, n_censored=None,
    coverage_s=0.0, max_gap_s=3600.0, busy_s=None, n_samples=0, occupancy_mean=None,
    n_trucks_est=None, n_trucks_se=None, n_trucks_se_indep=None,
)  # fmt: skip


def hour(k=0, n=3, **changes):
    """An hour that was seen, k hours after the first."""
    return replace(SEEN, bin_start_us=T0_US + k * HOUR_US, n_trucks=n, **changes)


def passage(t_s=100.0, **changes):
    """A counted passage with onset t_s seconds after the first hour began."""
    onset = T0_US + round(t_s * 1e6)
    values = {
        "gate": "exit",
        "onset_us": onset,
        "offset_us": onset + 4_000_000,
        "direction": "any",
        "is_counted": True,
        "drop_reason": None,
        "onset_censored": False,
        "offset_censored": False,
        "score_peak": 0.9,
        "score_mean": 0.7,
        "direction_score": 0.0,
        "direction_method": "track",
        "n_samples": 20,
        "segment_id_onset": "s",
        "segment_id_offset": "s",
        "path": ((onset, 0.25, 0.5),),
    }
    return Passage(**values | changes)


def segment(**changes):
    """A counted file of the first hour."""
    values = {
        "segment_id": "0123456789abcdef",
        "path": "/v/a.mp4",
        "name": "a.mp4",
        "source_kind": "video",
        "size_bytes": 10,
        "status": "done",
        "run_id": "r",
        "start_us": T0_US,
        "end_us": T0_US + 60_000_000,
        "fps_nominal": 29.97,
        "config_hash": "s0",
        "winner_intervals": ((T0_US, T0_US + 60_000_000),),
    }
    return SegmentRecord(**values | changes)
