"""Which peaks a track goes on with that is alone: for all samples at once.

On most roads at most times one truck is in view, and its peak is the only one. Then
no assignment is to be made: the peak goes on with the track or does not, and that
follows from the peaks just before it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from truckcount.counting.assignment import FORBIDDEN
from truckcount.counting.association import (
    LEAST_RATIO,
    MOST_RATIO,
    SLACK_AFTER_S,
    SPEED_SLACK,
)
from truckcount.counting.options import CountingOptions
from truckcount.counting.track import VELOCITY_OBS

SURELY = 1 - 1e-9  # NumPy's hypotenuse may be off by a bit: leave what is so close

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Peaks:
    """Peaks in time order, in columns of shape (M,); picture heights."""

    t_us: npt.NDArray[np.int64]
    x: Floats
    y: Floats
    w: Floats
    h: Floats


def find_joins(peaks: Peaks, can_follow: Bools, options: CountingOptions) -> Bools:
    """Tell which peaks a track takes whose last observations are the ones before.

    Parameters
    ----------
    can_follow : bool array, shape (M,)
        The peak is the only one of its sample, and no gap lies before it.

    Returns
    -------
    bool array, shape (VELOCITY_OBS, M)
        Row n - 1: by a track of n observations, the last row of that many or more.
        Where it is false, ``associate`` has to say.
    """
    joins = np.zeros((VELOCITY_OBS, len(can_follow)), np.bool_)
    for n in range(1, min(VELOCITY_OBS, len(can_follow) - 1) + 1):
        joins[n - 1, n:] = can_follow[n:] & _joins_after(peaks, n, options)
    return joins


def _joins_after(peaks: Peaks, n: int, options: CountingOptions) -> Bools:
    """Judge peaks n, n + 1, ... each by the n before: ``associate`` in columns."""
    m = len(peaks.t_us) - n
    first, last, now = slice(0, m), slice(n - 1, n - 1 + m), slice(n, n + m)
    w, h = _mean_before(peaks.w, n), _mean_before(peaks.h, n)
    unseen_s = (peaks.t_us[now] - peaks.t_us[last]) / 1e6
    x, y = peaks.x[last], peaks.y[last]
    ratio = peaks.w[now] * peaks.h[now] / np.maximum(w * h, 1e-9)
    size_x = np.maximum(np.maximum(w, peaks.w[now]), h / 2)
    size_y = np.maximum(np.maximum(h, peaks.h[now]), w / 2)
    # boxes of no size, peaks of one sample: neither can follow
    with np.errstate(divide="ignore", invalid="ignore"):
        if n > 1:
            seconds = (peaks.t_us[last] - peaks.t_us[first]) / 1e6
            x = x + (x - peaks.x[first]) / seconds * unseen_s
            y = y + (y - peaks.y[first]) / seconds * unseen_s
        distance = np.hypot((peaks.x[now] - x) / size_x, (peaks.y[now] - y) / size_y)
    reach = options.reach if n > 1 else options.first_reach
    reaches = reach + SPEED_SLACK * np.maximum(0.0, unseen_s - SLACK_AFTER_S)
    return np.asarray(
        (ratio > LEAST_RATIO)
        & (ratio < MOST_RATIO)
        & (distance <= np.minimum(reaches * SURELY, FORBIDDEN / 2))
        & (unseen_s <= options.fill_s)
    )


def _mean_before(values: Floats, n: int) -> Floats:
    """Mean of the n before each, summed in their order as ``Track.size`` does."""
    m = len(values) - n
    total = values[:m]
    for k in range(1, n):
        total = total + values[k : k + m]
    return total / n
