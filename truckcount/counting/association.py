"""Peaks of a sample to the tracks they belong to."""

import math
from collections.abc import Sequence

from truckcount.counting.assignment import FORBIDDEN, assign
from truckcount.counting.options import CountingOptions
from truckcount.counting.track import Observation, Track

SIZE_RATIO = 2.6  # a truck's box does not grow more than this between two samples
LEAST_RATIO, MOST_RATIO = SIZE_RATIO**-2, SIZE_RATIO**2  # of areas
SPEED_SLACK = 0.5  # boxes per second of unseen time that a prediction may be off
MOVING_OBS = 2  # from which on a track has a velocity
SLACK_AFTER_S = 0.3  # a sample or two are not unseen time


def associate(
    tracks: Sequence[Track],
    seen: Sequence[Observation],
    t_us: int,
    options: CountingOptions,
) -> list[tuple[int, int]]:
    """Pair tracks with the observations of one sample.

    In three rounds, each the assignment of least total distance; distances are from
    the prediction at constant velocity, in box sizes (Hungarian method, as in SORT
    [1]_). First come tracks whose speed is known and observations that could begin a
    track; then tracks seen once, which may be anywhere near (the cascade of DeepSORT
    [2]_); weak observations are for those who found nothing better and were seen lately
    (ByteTrack [3]_): a truck that waits behind another is not led away by its glimmers.

    Returns
    -------
    list of (index of track, index of observation)

    References
    ----------
    .. [1] Bewley et al., Simple Online and Realtime Tracking:
       https://arxiv.org/abs/1602.00763
    .. [2] Wojke et al.: https://arxiv.org/abs/1703.07402
    .. [3] Zhang et al.: https://arxiv.org/abs/2110.06864
    """
    if not tracks or not seen:
        return []
    costs = [_costs(track, seen, t_us, options) for track in tracks]
    rows, columns = range(len(tracks)), range(len(seen))
    moving = [i for i in rows if tracks[i].n_obs >= MOVING_OBS]
    strong = [j for j in columns if seen[j].p >= options.off_score]
    since_us = t_us - options.fill_s * 1e6
    recent = [i for i in rows if tracks[i].obs[-1].t_us >= since_us]
    pairs: list[tuple[int, int]] = []
    rounds = ((moving, strong), (rows, strong), (recent, columns))
    for some_rows, some_columns in rounds:
        taken, gone = {i for i, _ in pairs}, {j for _, j in pairs}
        left_rows = [i for i in some_rows if i not in taken]
        left_columns = [j for j in some_columns if j not in gone]
        if left_rows and left_columns:
            found = assign([[costs[i][j] for j in left_columns] for i in left_rows])
            pairs += [(left_rows[i], left_columns[j]) for i, j in found]
    return sorted(pairs)


def _costs(
    track: Track, seen: Sequence[Observation], t_us: int, options: CountingOptions
) -> list[float]:
    """Say what it costs to go on with each observation, ``FORBIDDEN`` if it must not.

    Plain floats: of a handful, an array is slower.
    """
    x, y, reach = _expect(track, t_us, options)
    w, h = track.size
    area = max(w * h, 1e-9)
    costs = []
    for _, peak_x, peak_y, peak_w, peak_h, p, _, _ in seen:
        cost = FORBIDDEN
        ratio = peak_w * peak_h / area
        if LEAST_RATIO < ratio < MOST_RATIO:
            # along a thin box the height says little, so no side counts for less
            # than half of the other
            size_x, size_y = max(w, peak_w, h / 2), max(h, peak_h, w / 2)
            distance = math.hypot((peak_x - x) / size_x, (peak_y - y) / size_y)
            if distance <= reach:
                # a better peak wins among equals; the shift stays below a tenth
                shift = abs(math.log(ratio)) + (1 - p)
                cost = distance + 0.1 * shift
        costs.append(cost)
    return costs


def _expect(
    track: Track, t_us: int, options: CountingOptions
) -> tuple[float, float, float]:
    """Say where a track is expected, and how far from there it may be (boxes)."""
    last = track.obs[-1]
    unseen_s = (t_us - last.t_us) / 1e6
    if unseen_s > options.fill_s:
        # only a track that stood lasts so long: it waits where it was, or has
        # set off unseen; whoever passes farther away is somebody else
        return last.x, last.y, options.first_reach
    reach = options.reach if track.n_obs > 1 else options.first_reach
    x, y = track.predict(t_us)
    return x, y, reach + SPEED_SLACK * max(0.0, unseen_s - SLACK_AFTER_S)
