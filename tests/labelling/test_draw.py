import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckcount.errors import LabelError
from truckcount.labelling.draw import Candidates, DrawOptions, draw, parse_mix


def candidates(score, *, camera=None, hour=None, step_s=0.2, is_free=None):
    n = len(score)
    return Candidates(
        camera=np.zeros(n, np.int64) if camera is None else np.asarray(camera),
        t_us=np.arange(n, dtype=np.int64) * round(step_s * 1e6),
        local_hour=np.zeros(n, np.int64) if hour is None else np.asarray(hour),
        score=np.asarray(score, float),
        on_score=np.full(n, 0.5),
        is_free=np.ones(n, bool) if is_free is None else is_free,
    )


def of_kind(drawn, kind):
    return [i for i, k in drawn if k == kind]


def test_changes_are_drawn_where_the_score_crosses_on_score():
    score = np.zeros(1000)
    score[300:340], score[700:720] = 0.9, 0.95
    score[100] = 0.3  # a larger step than noise, but no crossing
    options = DrawOptions(n=8, mix=(0, 1, 0, 0))
    drawn = of_kind(draw(candidates(score), options), "change")
    edges = np.array([300, 340, 700, 720])
    near = [i for i in drawn if np.abs(edges - i).min() <= 1]
    assert {int(edges[np.abs(edges - i).argmin()]) for i in near} == set(edges)
    assert any(abs(i - 100) <= 1 for i in drawn)


def test_uncertain_frames_are_those_nearest_to_on_score():
    score = np.full(500, 0.01)
    score[[50, 150, 250, 350]] = [0.45, 0.55, 0.5, 0.6]
    options = DrawOptions(n=4, mix=(0, 0, 1, 0), min_gap_s=5)
    assert of_kind(draw(candidates(score), options), "uncertain") == [50, 150, 250, 350]


def test_spread_goes_round_cameras_and_hours():
    n = 960
    camera = np.repeat([0, 1], n // 2)
    hour = np.tile(np.repeat(np.arange(24), n // 48), 2)
    made = candidates(np.zeros(n), camera=camera, hour=hour, step_s=60)
    drawn = draw(made, DrawOptions(n=48, mix=(1, 0, 0, 0)))
    places = {(int(camera[i]), int(hour[i])) for i, _ in drawn}
    assert len(places) == 48


def test_within_an_hour_spread_leaves_no_large_gap():
    drawn = draw(candidates(np.zeros(1000)), DrawOptions(n=10, mix=(1, 0, 0, 0)))
    places = np.array([i for i, _ in drawn])
    assert np.diff(places).max() < 300
    assert np.diff(places).min() > 30


def test_a_quiet_clip_still_gives_all_its_frames():
    drawn = draw(candidates(np.zeros(1000)), DrawOptions(n=40))
    assert len(drawn) == 40
    assert len(of_kind(drawn, "change")) == len(of_kind(drawn, "uncertain")) == 0
    assert len(of_kind(drawn, "random")) == 8


@settings(max_examples=12)
@given(
    seed=st.integers(0, 1000),
    n=st.integers(1, 60),
    gap_s=st.sampled_from([0.0, 0.5, 3.0]),
)
def test_frames_are_drawn_once_apart_and_the_same_for_a_seed(seed, n, gap_s):
    rng = np.random.default_rng(seed)
    camera = np.sort(rng.integers(0, 3, 200))
    is_free = rng.random(200) < 0.8
    made = candidates(rng.random(200), camera=camera, is_free=is_free)
    options = DrawOptions(n=n, min_gap_s=gap_s, seed=seed)
    drawn = draw(made, options)
    assert draw(made, options) == drawn
    places = [i for i, _ in drawn]
    assert len(set(places)) == len(places) <= n
    assert is_free[places].all()
    for c in range(3):
        mine = made.t_us[[i for i in places if camera[i] == c]]
        assert len(mine) < 2 or np.diff(np.sort(mine)).min() >= gap_s * 1e6


def test_what_was_drawn_before_keeps_its_neighbours_away():
    score, is_free = np.zeros(100), np.ones(100, bool)
    score[50], is_free[50] = -1, False
    made = candidates(score, is_free=is_free)
    places = [i for i, _ in draw(made, DrawOptions(n=100, min_gap_s=1.0))]
    assert min(abs(i - 50) for i in places) >= 5


@pytest.mark.parametrize(
    "make",
    [
        lambda: DrawOptions(n=0),
        lambda: DrawOptions(mix=(0, 0, 0, 0)),
        lambda: DrawOptions(min_gap_s=-1),
        lambda: parse_mix("spread=x"),
        lambda: parse_mix("sprad=1"),
    ],
    ids=["n", "mix", "gap", "share", "kind"],
)
def test_options_that_make_no_sense_are_refused(make):
    with pytest.raises(LabelError):
        make()
