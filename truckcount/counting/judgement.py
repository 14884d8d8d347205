"""A finished track to the passages it was, or to why it was none."""

import itertools
from dataclasses import replace

from truckcount.counting.direction import judge_direction
from truckcount.counting.options import CountingOptions
from truckcount.counting.polygon import crosses, is_inside
from truckcount.counting.track import Observation, Track, travel
from truckcount.counting.turns import split_at_turns
from truckcount.domain.camera import Gate, Point
from truckcount.domain.passage import Passage

PARK_S = 5.0  # a stand that is no mere stop in the stream
LEAVING_OBS = 2  # one sight away from its stand may be of somebody else
START_S = 1.0  # a truck found this soon after the start may have been there at it
SURELY = 1 + 1e-9  # what is nearer to a limit is reckoned in full
MAX_PATH = 16  # points of a stored path


def judge_track(
    track: Track,
    gate: Gate,
    options: CountingOptions,
    aspect: float,
    *,
    watch_start_us: int,
    is_cut: bool,
) -> list[Passage]:
    """Judge a track that has ended.

    Parameters
    ----------
    watch_start_us : int
        First sample after the last gap in coverage.
    is_cut : bool
        Coverage ended, not the track.

    Returns
    -------
    list of Passage
        None for noise; two for a truck that came, parked and went back.
    """
    if track.max_p < options.on_score:
        return []
    parts = [
        part
        for leg in split_at_turns(track.obs, options)
        for part in _split_at_stand(leg, options)
    ]
    passages = []
    for k, part in enumerate(parts):
        passage = _judge_part(
            track,
            part,
            gate,
            options,
            aspect,
            watch_start_us=watch_start_us,
            is_first=k == 0,
            is_cut=is_cut and k == len(parts) - 1,
        )
        if passage is not None:
            passages.append(passage)
    return passages


def _judge_part(
    track: Track,
    obs: list[Observation],
    gate: Gate,
    options: CountingOptions,
    aspect: float,
    *,
    watch_start_us: int,
    is_first: bool,
    is_cut: bool,
) -> Passage | None:
    stay = _find_stay(obs, gate, aspect)
    if stay is None:
        return None
    onset_us, offset_us, inside = stay
    evidence = _evidence(inside)  # while it stood, too
    is_censored = is_first and _was_there(obs, gate, aspect, watch_start_us)
    if is_censored:
        leaving = _leaving_after_stand(obs, options)
        left = None if leaving is None else _find_stay(leaving, gate, aspect)
        if leaving is not None and left is not None:
            # parked before the watch began: its departure is what is counted
            obs, is_censored = leaving, False
            onset_us, offset_us, inside = left
    size = _median([max(o.w * o.h, 1e-8) ** 0.5 for o in obs])
    direction, score = judge_direction(
        [(o.x, o.y) for o in obs], size, gate.in_vector, aspect
    )
    scores = [o.p for o in inside]
    passage = Passage(
        gate=gate.name,
        onset_us=onset_us,
        offset_us=offset_us,
        direction=direction,
        is_counted=True,
        drop_reason=None,
        onset_censored=is_censored,
        offset_censored=is_cut,
        score_peak=max(scores),
        score_mean=sum(scores) / len(scores),
        direction_score=score,
        direction_method="none" if gate.in_vector is None else "track",
        n_samples=len(inside),
        segment_id_onset=inside[0].segment,
        segment_id_offset=inside[-1].segment,
        path=_thin_path(obs, aspect),
    )
    reason = _drop_reason(track, obs, passage, evidence, options)
    if reason is None:
        return passage
    return replace(passage, is_counted=False, drop_reason=reason)


def _evidence(obs: list[Observation]) -> float:
    """Mean score, weighted by size: where a vehicle is near, more of it is seen."""
    total = sum_weights = 0.0
    for o in obs:
        weight = max(o.w * o.h, 1e-8) ** 0.5
        total += weight * o.p
        sum_weights += weight
    return total / sum_weights


def _drop_reason(
    track: Track,
    obs: list[Observation],
    passage: Passage,
    evidence: float,
    options: CountingOptions,
) -> str | None:
    """Say why a passage is not counted; the first reason that holds."""
    if _rides_on_another(track, options):
        return "dedupe"
    if passage.onset_censored:
        return "censored"
    if evidence < options.track_score or passage.score_peak < options.on_score:
        return "not_truck"
    if len(obs) < 2:
        return "short"
    way = travel(obs)
    if way < options.min_travel:
        return "still"
    is_brief = (obs[-1].t_us - obs[0].t_us) < options.min_on_s * 1e6
    # a truck that crosses the gate between two ticks is brief, but goes far
    if is_brief and way < 2 * options.min_travel:
        return "short"
    return None


def _rides_on_another(track: Track, options: CountingOptions) -> bool:
    """Whether it is a part of a longer truck beside which it was seen."""
    for number, n in track.riding.items():
        if n < options.same_share * track.n_obs:
            continue
        other = track.partner_weight[number]
        if (other, -number) > (track.sum_p, -track.number):
            return True
    return False


def _find_stay(
    obs: list[Observation], gate: Gate, aspect: float
) -> tuple[int, int, list[Observation]] | None:
    """Find onset, offset and the observations inside, or on either side of the gate."""
    indices = [i for i, o in enumerate(obs) if o.is_inside]
    if indices:
        inside = [obs[i] for i in indices]
        end = obs[min(indices[-1] + 1, len(obs) - 1)]
        return inside[0].t_us, end.t_us, inside
    for a, b in itertools.pairwise(obs):
        share = crosses(gate.polygon, (a.x / aspect, a.y), (b.x / aspect, b.y))
        if share is not None:
            onset = a.t_us + round(share * (b.t_us - a.t_us))
            return onset, b.t_us, [a, b]
    return None


def _was_there(
    obs: list[Observation], gate: Gate, aspect: float, watch_start_us: int
) -> bool:
    """Whether a track was inside the gate when the watch began.

    A truck found a few samples late is traced back at its own speed.
    """
    first = obs[0]
    late_s = (first.t_us - watch_start_us) / 1e6
    if late_s > START_S or not first.is_inside:
        return False
    if late_s <= 0:
        return True
    early = obs[: min(len(obs), 5)]
    seconds = (early[-1].t_us - first.t_us) / 1e6
    if seconds <= 0:
        return True
    x = first.x - (early[-1].x - first.x) / seconds * late_s
    y = first.y - (early[-1].y - first.y) / seconds * late_s
    return is_inside(gate.polygon, x / aspect, y)


def _leaving_after_stand(
    obs: list[Observation], options: CountingOptions
) -> list[Observation] | None:
    """Cut the standing start off a track that later drove away.

    For good: one whose detections jump while something passes before it is seen
    where it stood again, or once more at most.
    """
    first = obs[0]
    for k in range(len(obs) - 1, -1, -1):
        o = obs[k]
        way = ((o.x - first.x) ** 2 + (o.y - first.y) ** 2) ** 0.5
        if way <= options.min_travel * max(o.w * o.h, 1e-8) ** 0.5:
            if len(obs) - (k + 1) < LEAVING_OBS:
                return None
            stood_s = (obs[k + 1].t_us - first.t_us) / 1e6
            return obs[k:] if stood_s >= PARK_S else None
    return None


def _split_at_stand(
    obs: list[Observation], options: CountingOptions
) -> list[list[Observation]]:
    """Split a track that came, stood and went back the way it came."""
    if (obs[-1].t_us - obs[0].t_us) / 1e6 < PARK_S:
        return [obs]
    best: tuple[int, int, int] | None = None
    largest = max([max(o.w * o.h, 1e-8) for o in obs]) ** 0.5
    surely_gone = (options.min_travel * largest * SURELY) ** 2
    start = 0
    for k in range(1, len(obs)):
        _, x, y, *_ = obs[k]
        while (obs[start].x - x) ** 2 + (obs[start].y - y) ** 2 > surely_gone:
            start += 1  # without a look at all between: that costs their square
        while travel(obs[start : k + 1]) > options.min_travel:
            start += 1
        stood = obs[k].t_us - obs[start].t_us
        if stood >= PARK_S * 1e6 and (best is None or stood > best[0]):
            best = (stood, start, k)
    if best is None:
        return [obs]
    _, a, b = best
    size = max(obs[a].w * obs[a].h, 1e-8) ** 0.5
    come = (obs[a].x - obs[0].x, obs[a].y - obs[0].y)
    gone = (obs[-1].x - obs[b].x, obs[-1].y - obs[b].y)
    least = options.min_travel * size
    is_return = come[0] * gone[0] + come[1] * gone[1] < 0
    if is_return and _length(come) > least and _length(gone) > least:
        return [obs[: b + 1], obs[b:]]
    return [obs]


def _thin_path(
    obs: list[Observation], aspect: float
) -> tuple[tuple[int, float, float], ...]:
    step = max(1, -(-len(obs) // MAX_PATH))
    kept = obs[::step]
    if kept[-1] is not obs[-1]:
        kept = [*kept, obs[-1]]
    return tuple((o.t_us, round(o.x / aspect, 5), round(o.y, 5)) for o in kept)


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _length(way: Point) -> float:
    return float((way[0] ** 2 + way[1] ** 2) ** 0.5)
