"""Matching follows the convention of the evaluation data, against brute force."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckcount.evaluation.matching import PAD_S, Stay, match_stays


def stay(onset_s, offset_s):
    return Stay(onset_s=onset_s, offset_s=offset_s)


TABLE = {
    "nothing at all": ([], [], []),
    "nothing predicted": ([], [(0, 1)], []),
    "nothing true": ([(0, 1)], [], []),
    "the same stay": ([(1, 3)], [(1, 3)], [(0, 0)]),
    "one second apart, both padded by a half": ([(0, 1)], [(2, 3)], [(0, 0)]),
    "more than a second apart": ([(0, 1)], [(2.01, 3)], []),
    "two predictions of one truck": ([(0, 4), (5, 6)], [(0, 4.5)], [(0, 0)]),
    "one prediction of two trucks": ([(0, 10)], [(0, 2), (4, 6)], [(0, 1)]),
    "the nearer middle wins": ([(0, 2), (0, 6)], [(0, 5)], [(1, 0)]),
    # the near pair alone would leave two without a partner
    "most pairs first": ([(0, 2), (2, 4)], [(2, 4), (4.5, 6)], [(0, 0), (1, 1)]),
    "then the least difference": (
        [(0, 4), (1, 5)], [(1, 5), (0, 4)], [(0, 1), (1, 0)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_hand_worked(name):
    predicted, truth, pairs = TABLE[name]
    found = match_stays([stay(*p) for p in predicted], [stay(*t) for t in truth])
    assert sorted(found) == pairs


def overlaps(p, t):
    return p.onset_s - PAD_S <= t.offset_s + PAD_S and (
        t.onset_s - PAD_S <= p.offset_s + PAD_S
    )


def best_by_trying_all(predicted, truth):
    """(pairs, least sum of mid-time differences) over every one-to-one matching."""
    best = (0, 0.0)
    size = min(len(predicted), len(truth))
    for n in range(1, size + 1):
        for mine in itertools.combinations(predicted, n):
            for theirs in itertools.permutations(truth, n):
                pairs = list(zip(mine, theirs, strict=True))
                if all(overlaps(p, t) for p, t in pairs):
                    cost = sum(abs(p.middle_s - t.middle_s) for p, t in pairs)
                    best = min(best, (-n, cost))
    return -best[0], best[1]


# eighths of a second are exact in binary: no pair hangs on rounding
stays = st.builds(
    lambda a, n: stay(a / 8, (a + n) / 8), st.integers(0, 80), st.integers(0, 32)
)


@settings(max_examples=150, deadline=None)
@given(st.lists(stays, max_size=4), st.lists(stays, max_size=4))
def test_no_matching_is_larger_or_nearer(predicted, truth):
    pairs = match_stays(predicted, truth)
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == len(pairs)
    assert all(overlaps(predicted[i], truth[j]) for i, j in pairs)
    cost = sum(abs(predicted[i].middle_s - truth[j].middle_s) for i, j in pairs)
    n_best, cost_best = best_by_trying_all(predicted, truth)
    assert len(pairs) == n_best
    assert cost == pytest.approx(cost_best, abs=1e-6)
