"""Frame figures against scikit-learn, ties, weights and soft labels included."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckcount.errors import LabelError
from truckcount.evaluation.frame_metrics import (
    NAMES,
    FrameOutcomes,
    ScoreTable,
    bin_scores,
    frame_intervals,
    measure_frames,
)

sklearn = pytest.importorskip("sklearn.metrics", reason="scikit-learn is the oracle")


def outcomes(p, label, weight=None, unit=None):
    n = len(p)
    return FrameOutcomes(
        p=np.asarray(p, float),
        label=np.asarray(label, float),
        weight=np.ones(n) if weight is None else np.asarray(weight, float),
        unit=np.arange(n) if unit is None else np.asarray(unit),
    )


def oracle(p, label, weight, threshold=0.5):
    """Every frame twice: as a truck and as none, each with its share."""
    score = np.concatenate([p, p])
    truth = np.concatenate([np.ones(len(p), int), np.zeros(len(p), int)])
    shares = np.concatenate([weight * label, weight * (1 - label)])
    said = (score >= threshold).astype(int)
    kept = shares > 0
    score, truth, shares, said = (a[kept] for a in (score, truth, shares, said))
    of = {"sample_weight": shares}
    return {
        "accuracy": sklearn.accuracy_score(truth, said, **of),
        "balanced_accuracy": sklearn.balanced_accuracy_score(truth, said, **of),
        "precision": sklearn.precision_score(truth, said, zero_division=np.nan, **of),
        "recall": sklearn.recall_score(truth, said, **of),
        "specificity": sklearn.recall_score(truth, said, pos_label=0, **of),
        "f1": sklearn.f1_score(truth, said, **of),
        "roc_auc": sklearn.roc_auc_score(truth, score, **of),
        "average_precision": sklearn.average_precision_score(truth, score, **of),
        "brier": sklearn.brier_score_loss(truth, score, **of),
    }


@st.composite
def frames(draw):
    n = draw(st.integers(4, 40))
    seed = draw(st.integers(0, 2**31))
    n_levels = draw(st.sampled_from([2, 5, 1000]))  # few levels: many ties
    kind = draw(st.sampled_from(["hard", "soft"]))
    rng = np.random.default_rng(seed)
    p = rng.integers(0, n_levels + 1, n) / n_levels
    label = rng.integers(0, 2, n).astype(float)
    label[:2] = 0, 1
    if kind == "soft":
        label = np.round(rng.random(n), 2)
        label[:2] = 0, 1
    return p, label, rng.integers(1, 4, n).astype(float)


@given(frames())
@settings(max_examples=80)
def test_every_figure_is_that_of_scikit_learn(found):
    p, label, weight = found
    mine = measure_frames(outcomes(p, label, weight))
    for name, value in oracle(p, label, weight).items():
        if np.isnan(value):
            assert mine[name] is None
        else:
            assert mine[name] == pytest.approx(value, abs=1e-9), name


def test_the_threshold_itself_is_a_truck():
    figures = measure_frames(outcomes([0.5, 0.4], [1, 0]), threshold=0.5)
    assert figures["accuracy"] == 1


def test_the_calibration_error_is_what_a_hand_gives():
    # two bins: says 0.9, true half the time; says 0.2, true never
    found = measure_frames(outcomes([0.9, 0.9, 0.2, 0.2], [1, 0, 0, 0]))
    assert found["ece"] == pytest.approx((2 * 0.4 + 2 * 0.2) / 4)


@given(frames())
@settings(max_examples=30)
def test_the_calibration_error_is_that_of_a_loop(found):
    p, label, weight = found
    error = 0.0
    for k in range(15):
        inside = np.minimum((p * 15).astype(int), 14) == k
        if inside.any():
            share = weight[inside].sum()
            gap = np.average(p[inside], weights=weight[inside]) - np.average(
                label[inside], weights=weight[inside]
            )
            error += share * abs(gap)
    mine = measure_frames(outcomes(p, label, weight))["ece"]
    assert mine == pytest.approx(error / weight.sum(), abs=1e-12)


# labels -> figures that nothing defines
UNDEFINED = {
    "no truck": ([0, 0], {"recall", "balanced_accuracy", "roc_auc"}),
    "only trucks": ([1, 1], {"specificity", "balanced_accuracy", "roc_auc"}),
}


@pytest.mark.parametrize("name", UNDEFINED)
def test_what_nothing_defines_is_none_not_zero(name):
    label, undefined = UNDEFINED[name]
    figures = measure_frames(outcomes([0.9, 0.1], label))
    assert undefined <= {k for k, v in figures.items() if v is None}
    assert figures["accuracy"] == 0.5


def test_no_frames_define_nothing():
    assert set(measure_frames(outcomes([], [])).values()) == {None}


@given(frames(), st.integers(2, 6))
@settings(max_examples=15)
def test_a_replicate_is_the_figure_of_the_frames_it_draws(found, n_units):
    """The vectorised bootstrap against copying frames, replicate by replicate."""
    p, label, weight = found
    unit = np.arange(len(p)) % n_units
    whole = outcomes(p, label, weight, unit)
    rng = np.random.default_rng(3)
    n_units = len(np.unique(unit))
    draws = rng.multinomial(n_units, np.full(n_units, 1 / n_units), 20)
    values = {name: [] for name in NAMES}
    for draw in draws:
        rows = np.repeat(np.arange(len(p)), draw[unit])
        figures = measure_frames(outcomes(p[rows], label[rows], weight[rows]))
        for name, value in figures.items():
            if value is not None:
                values[name].append(value)
    mine = frame_intervals(whole, seed=3, n_bootstrap=20)
    for name in NAMES:
        if values[name]:
            expected = np.percentile(values[name], (2.5, 97.5))
            assert mine[name] == pytest.approx(expected, abs=1e-9), name
        else:
            assert mine[name] is None


def random_frames(n, n_units, seed=0):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    p = 0.3 * label + 0.7 * rng.random(n)
    return outcomes(p, label, unit=rng.integers(0, n_units, n))


def test_intervals_hold_the_figures_and_are_the_same_every_time():
    many = random_frames(600, 20)
    figures, intervals = measure_frames(many), frame_intervals(many, seed=4)
    assert intervals == frame_intervals(many, seed=4)
    assert intervals != frame_intervals(many, seed=5)
    for name, value in figures.items():
        low, high = intervals[name]
        assert low <= value <= high, name
        assert low < high, name


def test_frames_of_a_unit_are_drawn_together():
    """A thousand copies of ten frames tell no more than the ten."""
    few = random_frames(10, 10, seed=2)
    few = outcomes(few.p, few.label)
    copies = outcomes(
        np.repeat(few.p, 100), np.repeat(few.label, 100), unit=np.repeat(range(10), 100)
    )
    assert frame_intervals(copies)["accuracy"] == pytest.approx(
        frame_intervals(few)["accuracy"]
    )
    alone = outcomes(copies.p, copies.label)
    low, high = frame_intervals(alone)["accuracy"]
    assert high - low < 0.1


def test_one_unit_gives_no_interval():
    one = outcomes([0.9, 0.1], [1, 0], unit=[0, 0])
    assert set(frame_intervals(one).values()) == {None}


def test_blocks_of_replicates_give_what_one_block_gives(monkeypatch):
    many = random_frames(200, 8)
    whole = frame_intervals(many, n_bootstrap=50)
    module = "truckcount.evaluation.frame_metrics.MAX_CELLS"
    monkeypatch.setattr(module, 400)
    assert frame_intervals(many, n_bootstrap=50) == whole


def test_cumulated_scores_are_those_of_scikit_learns_curve():
    rng = np.random.default_rng(0)
    p, label = rng.integers(0, 9, 50) / 8, rng.integers(0, 2, 50)
    table = ScoreTable(outcomes(p, label))
    tp, fp = table.cumulate(np.ones((1, 50)))
    fpr, tpr, thresholds = sklearn.roc_curve(label, p, drop_intermediate=False)
    assert table.thresholds == pytest.approx(thresholds[1:])
    assert tp[:, 0] / label.sum() == pytest.approx(tpr[1:])
    assert fp[:, 0] / (1 - label).sum() == pytest.approx(fpr[1:])


def test_bins_hold_all_the_weight():
    rng = np.random.default_rng(0)
    p, label, weight = rng.random(99), rng.random(99), rng.random(99)
    bins = bin_scores(p, label, weight, 7)
    assert bins.shape == (3, 7)
    assert bins.sum(axis=1) == pytest.approx([weight.sum(), weight @ p, weight @ label])


BAD = {
    "a probability above 1": ([1.2, 0.1], [1, 0], "p must lie"),
    "a missing probability": ([np.nan, 0.1], [1, 0], "p must lie"),
    "a label of -1": ([0.2, 0.1], [-1, 0], "label must lie"),
    "fewer labels": ([0.2, 0.1], [1], "shape"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_probability_is_refused(name):
    p, label, told = BAD[name]
    with pytest.raises(LabelError, match=told):
        outcomes(p, label)
