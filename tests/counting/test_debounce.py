"""The debouncer's truth table: score sequence in, presences out."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truckcount.counting.debounce import Debouncer
from truckcount.counting.options import CountingOptions
from truckcount.errors import ConfigError

OPTIONS = CountingOptions(
    on_score=0.5, off_score=0.3, min_on_s=0.3, fill_s=0.5, seam_s=2.0
)
STEP_US = 200_000


def presences(scores, times=None, options=OPTIONS):
    debouncer = Debouncer(options)
    found = []
    for k, score in enumerate(scores):
        t = k * STEP_US if times is None else round(times[k] * 1e6)
        found += debouncer.process(t, score, "s")
    return found + debouncer.finish()


def spans(found):
    return [(p.onset_us / 1e6, p.offset_us / 1e6) for p in found]


@pytest.mark.parametrize(
    ("name", "scores", "want"),
    [
        ("nothing", [0, 0, 0, 0, 0], []),
        ("never above on", [0.4, 0.45, 0.49, 0.4], []),
        ("one flash is dropped", [0, 0.9, 0, 0, 0, 0], []),
        ("a stay", [0, 0.9, 0.8, 0.9, 0, 0, 0, 0], [(0.2, 0.6)]),
        ("held between thresholds", [0, 0.6, 0.35, 0.31, 0.4, 0, 0, 0], [(0.2, 0.8)]),
        ("ends below off", [0, 0.6, 0.6, 0.6, 0.29, 0.29, 0.29, 0.29], [(0.2, 0.6)]),
        ("a dip is filled", [0.9, 0.9, 0.9, 0, 0, 0.9, 0.9, 0, 0, 0, 0], [(0, 1.2)]),
        ("a long dip parts", [0.9] * 3 + [0] * 4 + [0.9] * 3, [(0, 0.4), (1.4, 1.8)]),
        ("a flicker is no stay", [0.9, 0, 0, 0, 0.9, 0, 0, 0, 0.9, 0, 0, 0], []),
        ("exactly on and off", [0.5, 0.3, 0.3, 0, 0, 0, 0], [(0, 0.4)]),
    ],
)  # fmt: skip
def test_truth_table(name, scores, want):
    assert spans(presences(scores)) == want, name


def test_a_gap_in_coverage_ends_a_presence_and_censors_both_sides():
    times = [0, 0.2, 0.4, 0.6, 10, 10.2, 10.4, 10.6, 10.8]
    before, after = presences([0.9] * 9, times)
    assert (before.is_onset_censored, before.is_offset_censored) == (True, True)
    assert (after.is_onset_censored, after.is_offset_censored) == (True, True)
    assert spans([before, after]) == [(0, 0.6), (10, 10.8)]


def test_seconds_not_samples():
    """The same scene at another rate gives the same presence within a sample."""
    slow = spans(presences([0, 0.9, 0.9, 0.9, 0, 0], [k * 0.4 for k in range(6)]))
    fast_scores = [0.9 if 0.4 <= k * 0.1 <= 1.2 else 0 for k in range(24)]
    fast = spans(presences(fast_scores, [k * 0.1 for k in range(24)]))
    assert len(slow) == len(fast) == 1
    assert slow[0] == pytest.approx(fast[0], abs=0.4)


@given(st.lists(st.floats(0, 1), max_size=120))
def test_presences_are_apart_and_long_enough(scores):
    found = presences(scores)
    for p in found:
        assert p.offset_us - p.onset_us >= OPTIONS.min_on_s * 1e6
        assert p.peak >= OPTIONS.on_score
        assert p.n_samples <= (p.offset_us - p.onset_us) / STEP_US + 1
    for a, b in itertools.pairwise(found):
        assert b.onset_us - a.offset_us > OPTIONS.fill_s * 1e6


@given(st.lists(st.floats(0, 1), max_size=80), st.floats(0.01, 0.15))
def test_a_higher_threshold_never_sees_more(scores, more):
    strict = CountingOptions(
        on_score=0.5 + more, off_score=0.3, min_on_s=0.3, fill_s=0.5
    )
    seen = sum(p.offset_us - p.onset_us for p in presences(scores))
    less = sum(p.offset_us - p.onset_us for p in presences(scores, options=strict))
    assert less <= seen


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"on_score": 0.3, "off_score": 0.5}, "off_score"),
        ({"on_score": 1.2}, "on_score"),
        ({"min_on_s": -1}, "min_on_s"),
        ({"peak_floor": 0.9}, "peak_floor"),
        ({"track_score": 40.0}, "track_score"),
        ({"same_share": float("nan")}, "same_share"),
        ({"min_travel": -1.0}, "min_travel"),
        ({"reach": float("inf")}, "reach"),
    ],
)
def test_options_that_contradict_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        CountingOptions(**options)


def test_overrides_name_what_is_unknown():
    with pytest.raises(ConfigError, match="on_scores"):
        CountingOptions().with_overrides((("on_scores", 0.4),))
    assert CountingOptions().with_overrides((("on", 0.6),)).on_score == 0.6
