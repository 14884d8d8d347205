"""Passages and coverage to hour rows: zero, null and partly seen told apart."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from truckcount.counting.coverage import Coverage
from truckcount.counting.estimates import Estimate, estimate_duty, estimate_video
from truckcount.counting.options import CountingOptions
from truckcount.domain.camera import Gate
from truckcount.domain.hour import HourRow
from truckcount.domain.passage import Passage

US_PER_MINUTE = 60_000_000
PRESENT_REASONS = frozenset({None, "censored", "still"})
FOREVER_US = 2**62

Int64Array = npt.NDArray[np.int64]


def count_hours(
    passages: Sequence[Passage],
    coverage: Coverage,
    gate: Gate,
    *,
    bin_minutes: int = 60,
    from_us: int,
    to_us: int,
    source_kind: str = "video",
    options: CountingOptions | None = None,
) -> list[HourRow]:
    """Count passages into bins; the onset decides the bin.

    Parameters
    ----------
    from_us, to_us : int
        Bins that begin in [from, to), floored to the bin's grid.
    source_kind : str
        ``video`` or ``duty``: how the whole bin is estimated from what was seen.

    Returns
    -------
    list of HourRow
        Every direction of the gate for every bin, also where nothing was seen.
    """
    options = CountingOptions() if options is None else options
    bin_us = bin_minutes * US_PER_MINUTE
    by_bin: dict[int, list[Passage]] = defaultdict(list)
    for passage in passages:
        by_bin[passage.onset_us // bin_us * bin_us].append(passage)
    stays = _stays(passages)
    rows = []
    for start in range(from_us // bin_us * bin_us, to_us, bin_us):
        bounds = (start, start + bin_us)
        covered = min(coverage.seconds(*bounds), bin_us / 1e6)
        exposure_left = bin_us / 1e6 - covered
        unusable = min(coverage.seconds(*bounds, usable=False), exposure_left)
        gap_s = coverage.longest_gap_s(*bounds)
        n_samples = coverage.n_samples(*bounds)
        is_seen = covered > 0
        busy = coverage.busy_s(*bounds) if is_seen else None
        occupancy = _occupancy(stays, *bounds, covered) if is_seen else None
        for direction in gate.directions:
            own = [p for p in by_bin[start] if p.direction == direction]
            n = sum(p.is_counted for p in own)
            guess = Estimate()
            if is_seen and source_kind == "duty":
                guess = _estimate_clips(own, coverage, bounds, options)
            elif is_seen:
                guess = estimate_video(n, covered / (bin_us / 1e6))
            n_censored = sum(p.drop_reason == "censored" for p in own)
            rows.append(
                HourRow(
                    gate=gate.name,
                    direction=direction,
                    bin_start_us=start,
                    bin_minutes=bin_minutes,
                    n_trucks=n if is_seen else None,
                    onsets=len(own) if is_seen else None,
                    n_censored=n_censored if is_seen else None,
                    coverage_s=covered,
                    unusable_s=unusable,
                    max_gap_s=gap_s,
                    busy_s=busy,
                    n_samples=n_samples,
                    occupancy_mean=occupancy,
                    n_trucks_est=guess.n_trucks,
                    n_trucks_se=guess.se,
                    n_trucks_se_indep=guess.se_indep,
                )
            )
    return rows


def unwatched_row(
    gate: Gate, direction: str, start_us: int, bin_minutes: int = 60
) -> HourRow:
    """Return the row of a bin that nobody watched: null, never 0."""
    return HourRow(
        gate=gate.name,
        direction=direction,
        bin_start_us=start_us,
        bin_minutes=bin_minutes,
        n_trucks=None,
        onsets=None,
        n_censored=None,
        coverage_s=0.0,
        unusable_s=0.0,
        max_gap_s=60.0 * bin_minutes,
        busy_s=None,
        n_samples=0,
        occupancy_mean=None,
        n_trucks_est=None,
        n_trucks_se=None,
        n_trucks_se_indep=None,
    )


def _estimate_clips(
    own: Sequence[Passage],
    coverage: Coverage,
    bounds: tuple[int, int],
    options: CountingOptions,
) -> Estimate:
    """Estimate a bin from its clips, each with its onsets and its exposure.

    The first sample of a clip only tells who is there already, and a truck that
    comes within the last ``min_on_s`` cannot be told from noise: neither adds
    exposure. What of a clip lies in the next bin adds none, as its onsets are that
    bin's.
    """
    starts, ends, firsts = coverage.clips(*bounds, round(options.seam_s * 1e6))
    ends = np.minimum(ends, bounds[1])
    exposure = (ends - starts - firsts) / 1e6 - options.min_on_s
    is_usable = exposure > 0
    onsets = np.array([p.onset_us for p in own if p.is_counted], np.int64)
    at = np.searchsorted(starts, onsets, "right") - 1
    counts = np.bincount(at[at >= 0], minlength=len(starts)).astype(np.float64)
    bin_s = (bounds[1] - bounds[0]) / 1e6
    return estimate_duty(counts[is_usable], exposure[is_usable], bin_s)


def _stays(passages: Sequence[Passage]) -> Int64Array:
    """Onset and offset of what was present, shape (P, 2); open ones never end."""
    pairs = [
        (p.onset_us, FOREVER_US if p.offset_us is None else p.offset_us)
        for p in passages
        if p.drop_reason in PRESENT_REASONS
    ]
    return np.array(pairs, np.int64).reshape(-1, 2)


def _occupancy(stays: Int64Array, start: int, end: int, covered_s: float) -> float:
    """Mean number of trucks present: their seconds over the covered seconds."""
    inside = np.minimum(stays[:, 1], end) - np.maximum(stays[:, 0], start)
    return float(np.clip(inside, 0, None).sum()) / 1e6 / covered_s
