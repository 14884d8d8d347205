"""Predicted passages against true ones: one to one, by padded overlap.

The convention of the project's evaluation data: intervals padded by half a
second may match where they overlap; as many pairs as possible, then the least
sum of mid-time differences.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

PAD_S = 0.5
NO_MATCH = 1e9  # above any sum of real mid-time differences


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """An interval in which a truck was in the gate, seconds of the clip."""

    onset_s: float
    offset_s: float
    direction: str = ""

    @property
    def middle_s(self) -> float:
        """Middle of the stay."""
        return (self.onset_s + self.offset_s) / 2


def match_stays(
    predicted: Sequence[Stay], truth: Sequence[Stay]
) -> list[tuple[int, int]]:
    """Pair predictions with truths.

    Returns
    -------
    list of (index of prediction, index of truth)
        A largest one-to-one matching of padded overlaps and, among those, one of
        least total mid-time difference.
    """
    if not predicted or not truth:
        return []
    cost = np.full((len(predicted), len(truth)), NO_MATCH)
    for i, p in enumerate(predicted):
        for j, t in enumerate(truth):
            low = max(p.onset_s, t.onset_s) - PAD_S
            high = min(p.offset_s, t.offset_s) + PAD_S
            if low <= high:
                cost[i, j] = abs(p.middle_s - t.middle_s)
    rows, columns = linear_sum_assignment(cost)
    return [
        (int(i), int(j))
        for i, j in zip(rows, columns, strict=True)
        if cost[i, j] < NO_MATCH
    ]
