"""Thresholds by count error: chosen where they count, never on what is reported."""

from pathlib import Path

import pytest

from tests.counting.simulate import GATE, T0_US, scores_of, through
from truckcount.counting import CountingOptions
from truckcount.errors import LabelError
from truckcount.evaluation.matching import Stay
from truckcount.evaluation.truth import ClipTruth
from truckcount.training.thresholds import (
    ScoredGate,
    Thresholds,
    choose_thresholds,
    count_error,
    cross_validate,
    f1_less_false,
    grid,
)


def scored(group, seen, *, true_s=(), seconds=20.0):
    """A clip: what the network saw as (start, p), trucks there truly were."""
    trucks = [through(t, p=p) for t, p in seen]
    rows = scores_of(
        [
            [box for truck in trucks if (box := truck.at(k * 0.2)) is not None]
            for k in range(round(seconds * 5))
        ]
    )
    # a truck that sets off at t enters the gate a quarter of its way on
    stays = tuple(Stay(onset_s=t + 1.0, offset_s=t + 3.0) for t in true_s)
    truth = ClipTruth(
        clip=group,
        file=Path(f"{group}.mp4"),
        camera=group,
        group=group,
        role="score",
        light="day",
        annotated_until_s=seconds,
        scored=stays,
        unscored=(),
    )
    return ScoredGate(truth, GATE, rows, 16 / 9, T0_US)


# trucks are seen at 0.6 or more, a van at 0.5
CLIPS = [
    scored("a", [(2, 0.6), (10, 0.8)], true_s=(2, 10)),
    scored("b", [(2, 0.5)]),
    scored("c", [(2, 0.5), (10, 0.7)], true_s=(10,)),
]
CANDIDATES = grid((0.45, 0.55, 0.65), (0.4,))


def test_clips_count_with_the_thresholds_given():
    low, middle, high = ([c.score(t) for c in CLIPS] for t in CANDIDATES)
    assert [(s.n_false_positive, s.n_false_negative) for s in low] == [
        (0, 0),
        (1, 0),
        (1, 0),
    ]
    assert all(s.n_false_positive == s.n_false_negative == 0 for s in middle)
    assert [s.n_false_negative for s in high] == [1, 0, 0]


@pytest.mark.parametrize("worth", [count_error, f1_less_false])
def test_the_least_count_error_is_chosen(worth):
    assert choose_thresholds(CLIPS, CANDIDATES, worth) == Thresholds(0.55, 0.4)


def test_false_and_missed_in_one_clip_cancel_in_its_count():
    """An hour's count is right with one of each; the F1 is not."""
    mixed = scored("m", [(2, 0.8)], true_s=(12,))
    score = mixed.score(Thresholds(0.5))
    assert (score.n_false_positive, score.n_false_negative) == (1, 1)
    assert count_error([score]) == 0
    assert f1_less_false([score]) == 0


def test_a_group_is_counted_with_what_the_others_chose():
    """Only `b` and `c` show that a van is no truck; alone they would choose high."""
    far = scored("far", [(2, 0.5)], true_s=(2,))
    found = cross_validate([*CLIPS, far], CANDIDATES)
    assert found.chosen["far"] == Thresholds(0.55, 0.4)
    by_clip = {c.truth.clip: c for c in found.scores.clips}
    assert by_clip["far"].n_false_negative == 1
    assert len(found.scores.clips) == 4


def test_what_is_held_out_has_no_say():
    """The held-out truth may change as it likes: the choice for it stays."""
    other = scored("a", [(2, 0.6), (10, 0.8)], true_s=())
    chosen = cross_validate(CLIPS, CANDIDATES).chosen["a"]
    assert cross_validate([other, *CLIPS[1:]], CANDIDATES).chosen["a"] == chosen


def test_of_equals_the_first_candidate_is_taken():
    clips = [scored("a", []), scored("b", [])]
    assert set(cross_validate(clips, CANDIDATES).chosen.values()) == {CANDIDATES[0]}


def test_a_grid_holds_only_what_can_be_counted_with():
    found = grid((0.3, 0.6), (0.4,), (0.2, 0.4))
    assert [(t.on_score, t.off_score) for t in found] == [
        (0.3, 0.2),
        (0.6, 0.2),
        (0.6, 0.4),
    ]


def test_thresholds_are_named_as_the_counter_reads_them():
    thresholds = Thresholds(0.6, 0.42, 0.2)
    header = thresholds.to_header()
    assert header == {"on": 0.6, "off": 0.2, "track_score": 0.42}
    again = CountingOptions().with_overrides(tuple(header.items()))
    assert again == thresholds.to_options()
    assert Thresholds(0.6).to_options().track_score == CountingOptions().track_score


def test_nothing_to_choose_by_is_an_error():
    with pytest.raises(LabelError, match="by 0 clips"):
        choose_thresholds([], CANDIDATES)
    with pytest.raises(LabelError, match="two groups"):
        cross_validate(CLIPS[:1], CANDIDATES)
