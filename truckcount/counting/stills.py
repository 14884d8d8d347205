"""Pictures taken one by one to hour rows: who is there can be seen, who comes not."""

import numpy as np
import numpy.typing as npt

from truckcount.counting.estimates import PARKED_DWELLS, Estimate, estimate_stills
from truckcount.counting.hours import US_PER_MINUTE
from truckcount.counting.options import CountingOptions
from truckcount.counting.polygon import is_inside
from truckcount.domain.camera import Gate
from truckcount.domain.hour import HourRow
from truckcount.domain.scores import PEAK_UNIT, Scores

SAME_PLACE = 0.25  # box sizes that a truck may seem to move while it stands


def count_still_hours(
    scores: Scores,
    gate: Gate,
    options: CountingOptions,
    *,
    bin_minutes: int = 60,
    from_us: int,
    to_us: int,
) -> list[HourRow]:
    """Count who is present in stills, bin by bin.

    Onsets happen between the pictures, so ``n_trucks`` is null and nothing is
    covered; the estimate stands in ``n_trucks_est`` where the gate's ``dwell`` is
    known. It has no direction: of a directional gate the ``unknown`` row carries it.
    """
    present = count_present(scores, gate, options)
    is_usable = scores.quality_flags == 0
    bin_us = bin_minutes * US_PER_MINUTE
    rows = []
    for start in range(from_us // bin_us * bin_us, to_us, bin_us):
        low, high = np.searchsorted(scores.t_us, [start, start + bin_us])
        inside = slice(int(low), int(high))
        seen = present[inside][is_usable[inside]]
        guess = Estimate()
        if gate.dwell is not None and len(seen) > 1:
            step_s = float(np.median(np.diff(scores.t_us[inside]))) / 1e6
            guess = estimate_stills(seen, step_s, *gate.dwell, bin_us / 1e6)
        for direction in gate.directions:
            has_guess = direction in {"any", "unknown"}
            rows.append(
                HourRow(
                    gate=gate.name,
                    direction=direction,
                    bin_start_us=start,
                    bin_minutes=bin_minutes,
                    n_trucks=None,
                    onsets=None,
                    n_censored=None,
                    coverage_s=0.0,
                    unusable_s=0.0,
                    max_gap_s=bin_us / 1e6,
                    busy_s=None,
                    n_samples=len(seen),
                    occupancy_mean=float(seen.mean()) if len(seen) else None,
                    n_trucks_est=guess.n_trucks if has_guess else None,
                    n_trucks_se=guess.se if has_guess else None,
                    n_trucks_se_indep=guess.se_indep if has_guess else None,
                )
            )
    return rows


def count_present(
    scores: Scores, gate: Gate, options: CountingOptions
) -> npt.NDArray[np.float64]:
    """Count the trucks in the gate of each still, without those that are parked.

    A truck in the same place for ten mean dwells is parked; it would stand for a
    stream of trucks that never came.
    """
    limit_us = 0.0 if gate.dwell is None else gate.dwell[0] * PARKED_DWELLS * 1e6
    present = np.zeros(len(scores))
    chains: list[tuple[tuple[float, ...], int, list[int]]] = []
    # who stands there is not seen in a dark picture, and stands there after it
    for i in np.flatnonzero(scores.quality_flags == 0).tolist():
        low, high = int(scores.peak_start[i]), int(scores.peak_start[i + 1])
        seen: list[tuple[float, ...]] = [
            (x / PEAK_UNIT, y / PEAK_UNIT, w / PEAK_UNIT, h / PEAK_UNIT)
            for x, y, w, h, p in scores.peaks[low:high].tolist()
            if p / 255 >= options.on_score
            and is_inside(gate.polygon, x / PEAK_UNIT, y / PEAK_UNIT)
        ]
        present[i] = len(seen)
        going = []
        for box in seen:
            chain = next((c for c in chains if _is_same_place(c[0], box)), None)
            if chain is None:
                going.append((box, int(scores.t_us[i]), [i]))
            else:
                chains.remove(chain)
                going.append((box, chain[1], [*chain[2], i]))
        for chain in chains:
            _leave_out_parked(present, chain, scores, limit_us)
        chains = going
    for chain in chains:
        _leave_out_parked(present, chain, scores, limit_us)
    return present


def _leave_out_parked(
    present: npt.NDArray[np.float64],
    chain: tuple[tuple[float, ...], int, list[int]],
    scores: Scores,
    limit_us: float,
) -> None:
    _, since_us, stills = chain
    if limit_us and int(scores.t_us[stills[-1]]) - since_us > limit_us:
        present[stills] -= 1


def _is_same_place(a: tuple[float, ...], b: tuple[float, ...]) -> bool:
    return (
        abs(a[0] - b[0]) < SAME_PLACE * max(a[2], b[2])
        and abs(a[1] - b[1]) < SAME_PLACE * max(a[3], b[3])
        and max(a[2], b[2]) < (1 + 2 * SAME_PLACE) * min(a[2], b[2])
    )
