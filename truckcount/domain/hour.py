"""An hour row: what was seen in one gate and direction in one bin of UTC time."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HourRow:
    """One row of ``hours`` before the store stamps it; features.md section 1.1."""

    gate: str
    direction: str
    bin_start_us: int
    """Inclusive start of the bin, microseconds since 1970-01-01 UTC."""
    bin_minutes: int
    n_trucks: int | None
    """Trucks whose onset was observed here; None iff ``coverage_s`` is 0."""
    onsets: int | None
    """Raw rising edges of presence before the counting rules."""
    n_censored: int | None
    coverage_s: float
    """Seconds in which usable samples watched the gate."""
    unusable_s: float
    """Seconds decoded but unusable: frozen, dark, covered, moved."""
    max_gap_s: float
    """Longest stretch of the bin without usable coverage."""
    busy_s: float | None
    n_samples: int
    occupancy_mean: float | None
    n_trucks_est: float | None
    n_trucks_se: float | None
    n_trucks_se_indep: float | None
    clock_offset_s: float = 0.0
    """Correction applied to the recorder's clock, by the files that were watched."""
    clock_sd_s: float = 0.0
    """Standard deviation of where those files begin; 0 where nothing was watched."""
