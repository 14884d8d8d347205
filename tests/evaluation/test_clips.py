"""Every figure of the evaluation, worked by hand on a small example."""

from pathlib import Path

import pytest

from truckcount.evaluation.clips import measure, score_clip, score_clips
from truckcount.evaluation.matching import Stay
from truckcount.evaluation.truth import ClipTruth


def stay(onset_s, offset_s=None, direction=""):
    offset_s = onset_s + 2 if offset_s is None else offset_s
    return Stay(onset_s=onset_s, offset_s=offset_s, direction=direction)


def truth(clip="c", *, scored=(), unscored=(), group="g", light="day", until_s=60.0):
    return ClipTruth(
        clip=clip,
        file=Path(f"{clip}.mp4"),
        camera=clip,
        group=group,
        role="score",
        light=light,
        annotated_until_s=until_s,
        scored=tuple(scored),
        unscored=tuple(unscored),
    )


def outcome(clip):
    return clip.n_true_positive, clip.n_false_positive, clip.n_false_negative


# scored truth, unscored truth, predictions -> (right, false, missed)
TABLE = {
    "all right": ([stay(10), stay(20)], [], [stay(10.4), stay(20)], (2, 0, 0)),
    "missed": ([stay(10), stay(20)], [], [stay(10)], (1, 0, 1)),
    "false": ([stay(10)], [], [stay(10), stay(40)], (1, 1, 0)),
    "double": ([stay(10)], [], [stay(10), stay(10.5)], (1, 1, 0)),
    "ambiguous excuses one": ([], [stay(30)], [stay(30)], (0, 0, 0)),
    "ambiguous excuses no more than one": ([], [stay(30)], [stay(30)] * 3, (0, 2, 0)),
    "ambiguous is not missed": ([], [stay(30)], [], (0, 0, 0)),
    "the scored truth is served first": ([stay(30)], [stay(30)], [stay(30)], (1, 0, 0)),
    "what is left over is excused": (
        [stay(30)], [stay(30)], [stay(30), stay(31)], (1, 0, 0),
    ),
    "up to the annotated end": ([], [], [stay(60.0)], (0, 1, 0)),
    "not after the annotated end": ([], [], [stay(60.01)], (0, 0, 0)),
}  # fmt: skip


@pytest.mark.parametrize("name", TABLE)
def test_a_clip_is_scored(name):
    scored, unscored, predicted, expected = TABLE[name]
    found = score_clip(truth(scored=scored, unscored=unscored), predicted)
    assert outcome(found) == expected


def test_what_is_false_and_what_is_missed_are_named():
    found = score_clip(truth(scored=[stay(10)]), [stay(40)])
    assert found.false == (stay(40),)
    assert found.missed == (stay(10),)


# a: 4 true, 3 found (onsets off by 0.2, 0.4, 0.1), 1 missed, 2 false
# b: 2 true, 1 found (onset off by 0.5), 1 missed; c: none true, 1 false
# d: nothing true, nothing predicted
TRUTHS = [
    truth(
        "a",
        scored=[
            stay(10, direction="in"),
            stay(20, direction="out"),
            stay(30, direction="in"),
            stay(40, direction="in"),
        ],
    ),
    truth("b", scored=[stay(10, direction="any"), stay(20, direction="in")], group="h"),
    truth("c", group="h", light="night"),
    truth("d", group="i", light="night"),
]
PREDICTED = {
    "a": [
        stay(10.2, direction="in"),
        stay(19.6, direction="in"),
        stay(30.1, direction="in"),
        stay(50),
        stay(55),
    ],
    "b": [stay(10.5, direction="unknown")],
    "c": [stay(5)],
}
FIGURES = {
    "n_clips": 4,
    "n_clips_with_truck": 2,
    "n_truth": 6,
    "clip_mean_f1": (6 / (6 + 2 + 1) + 2 / (2 + 0 + 1)) / 2,
    "clip_mean_wape": (abs(5 - 4) / 4 + abs(1 - 2) / 2) / 2,
    "pooled_f1": 8 / (8 + 2 + 2),
    "pooled_precision": 4 / 6,
    "pooled_recall": 4 / 6,
    "pooled_wape": (1 + 1) / 6,
    "bias": 0.0,
    "false_in_truck_free": 1,
    "direction_accuracy": 2 / 3,
    "median_onset_error_s": 0.3,
    "max_onset_error_s": 0.5,
}


def test_every_figure_is_what_a_hand_gives():
    figures = score_clips(TRUTHS, PREDICTED).figures()
    assert figures == pytest.approx(FIGURES)


def test_bias_has_a_sign():
    one = [truth(scored=[stay(10), stay(20)])]
    assert score_clips(one, {}).figures()["bias"] == -1
    many = {"c": [stay(t) for t in (10, 20, 30, 40, 50)]}
    assert score_clips(one, many).figures()["bias"] == 1.5


def test_a_figure_that_nothing_defines_is_none_not_zero():
    figures = score_clips([truth()], {"c": [stay(3)]}).figures()
    assert figures["false_in_truck_free"] == 1
    undefined = {name for name, value in figures.items() if value is None}
    assert undefined == {
        "clip_mean_f1",
        "clip_mean_wape",
        "pooled_f1",
        "pooled_precision",
        "pooled_recall",
        "pooled_wape",
        "bias",
        "direction_accuracy",
        "median_onset_error_s",
        "max_onset_error_s",
    }
    assert measure([])["clip_mean_f1"] is None


def test_nothing_predicted_has_no_precision():
    figures = score_clips([truth(scored=[stay(10)])], {}).figures()
    assert figures["pooled_precision"] is None
    assert figures["pooled_recall"] == 0
    assert figures["clip_mean_f1"] == 0


def test_intervals_are_the_same_every_time():
    scores = score_clips(TRUTHS, PREDICTED)
    assert scores.intervals() == scores.intervals()


def test_intervals_hold_the_figures():
    scores = score_clips(TRUTHS, PREDICTED)
    for name, interval in scores.intervals().items():
        assert interval is not None
        assert interval[0] <= FIGURES[name] <= interval[1], name


def test_clips_of_a_group_are_drawn_together():
    """One camera gives no interval: nothing is known of another camera."""
    truths = [truth(c, scored=[stay(10)], group="same") for c in "abcdef"]
    predicted = {c: [stay(10)] for c in "abc"}
    assert set(score_clips(truths, predicted).intervals().values()) == {None}
    alone = [truth(c, scored=[stay(10)], group=c) for c in "abcdef"]
    low, high = score_clips(alone, predicted).intervals()["clip_mean_f1"]
    assert low < 0.3
    assert high > 0.7


def test_an_interval_that_nothing_defines_is_none():
    empty = [truth(c, group=c) for c in "ab"]
    intervals = score_clips(empty, {}).intervals()
    assert intervals["clip_mean_f1"] is None
    assert intervals["false_in_truck_free"] == (0, 0)


def test_slices_split_the_figures():
    slices = score_clips(TRUTHS, PREDICTED).slices(lambda t: t.light)
    assert {k: v["n_clips"] for k, v in slices.items()} == {"day": 2, "night": 2}
    assert slices["night"]["false_in_truck_free"] == 1
    assert slices["night"]["clip_mean_f1"] is None


def test_the_json_names_every_clip():
    value = score_clips(TRUTHS, PREDICTED).to_json()
    assert value["figures"] == pytest.approx(FIGURES)
    rows = {row["clip"]: row for row in value["clips"]}
    assert rows["a"] == {
        "clip": "a",
        "group": "g",
        "truth": 4,
        "true_positive": 3,
        "false_positive": 2,
        "false_negative": 1,
        "false_onsets_s": [50, 55],
        "missed_onsets_s": [40],
    }
