"""Passages and coverage to hour rows: zero, null and partly seen told apart."""

from collections.abc import Sequence

from truckcount.counting.coverage import Coverage
from truckcount.domain.camera import Gate
from truckcount.domain.hour import HourRow
from truckcount.domain.passage import Passage

US_PER_MINUTE = 60_000_000
MIN_COVERAGE_SHARE = 0.25  # below it an estimate for the whole bin says nothing
PRESENT_REASONS = frozenset({None, "censored", "still"})


def count_hours(
    passages: Sequence[Passage],
    coverage: Coverage,
    gate: Gate,
    *,
    bin_minutes: int = 60,
    from_us: int,
    to_us: int,
) -> list[HourRow]:
    """Count passages into bins; the onset decides the bin.

    Parameters
    ----------
    from_us, to_us : int
        Bins that begin in [from, to), floored to the bin's grid.

    Returns
    -------
    list of HourRow
        Every direction of the gate for every bin, also where nothing was seen.
    """
    bin_us = bin_minutes * US_PER_MINUTE
    first = from_us // bin_us * bin_us
    rows = []
    for start in range(first, to_us, bin_us):
        rows += _count_bin(passages, coverage, gate, start, bin_us, bin_minutes)
    return rows


def estimate(n: int, coverage_share: float) -> tuple[float | None, float | None]:
    """Estimate trucks of the whole bin and its standard error.

    With R = 1 and phi = 1 (features.md sections 4.2 and 5): n / f, and
    sqrt((n + 1/2) (1 - f)) / f; None where less than a quarter was watched.
    """
    if coverage_share < MIN_COVERAGE_SHARE:
        return None, None
    f = min(coverage_share, 1.0)
    return n / f, ((n + 0.5) * (1 - f)) ** 0.5 / f


def _count_bin(
    passages: Sequence[Passage],
    coverage: Coverage,
    gate: Gate,
    start: int,
    bin_us: int,
    bin_minutes: int,
) -> list[HourRow]:
    end = start + bin_us
    covered = min(coverage.seconds(start, end), bin_us / 1e6)
    unusable = min(coverage.seconds(start, end, usable=False), bin_us / 1e6 - covered)
    is_seen = covered > 0
    mine = [p for p in passages if start <= p.onset_us < end]
    rows = []
    for direction in gate.directions:
        own = [p for p in mine if p.direction == direction]
        n = sum(p.is_counted for p in own)
        guess, error = estimate(n, covered / (bin_us / 1e6))
        rows.append(
            HourRow(
                gate=gate.name,
                direction=direction,
                bin_start_us=start,
                bin_minutes=bin_minutes,
                n_trucks=n if is_seen else None,
                onsets=len(own) if is_seen else None,
                n_censored=(
                    sum(p.drop_reason == "censored" for p in own) if is_seen else None
                ),
                coverage_s=covered,
                unusable_s=unusable,
                max_gap_s=coverage.longest_gap_s(start, end),
                busy_s=coverage.busy_s(start, end) if is_seen else None,
                n_samples=coverage.n_samples(start, end),
                occupancy_mean=(
                    _occupancy(passages, start, end, covered) if is_seen else None
                ),
                n_trucks_est=guess if is_seen else None,
                n_trucks_se=error if is_seen else None,
                n_trucks_se_indep=error if is_seen else None,
            )
        )
    return rows


def _occupancy(
    passages: Sequence[Passage], start: int, end: int, covered_s: float
) -> float:
    """Mean number of trucks present: their seconds over the covered seconds."""
    present = sum(
        max(0, min(p.offset_us or end, end) - max(p.onset_us, start))
        for p in passages
        if p.drop_reason in PRESENT_REASONS
    )
    return present / 1e6 / covered_s
