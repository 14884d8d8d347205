"""Curves of the report show what the figures beside them say."""

import numpy as np
import pytest

from truckcount.evaluation.frames import score_predictions
from truckcount.training.report import plots

pd = pytest.importorskip("pandas")
figure = pytest.importorskip("matplotlib.figure")


def scores_of(label, p):
    frames = pd.DataFrame({"label": np.array(label, float), "p": p, "group": "g"})
    frames["image"] = [f"{k}.png" for k in range(len(frames))]
    return score_predictions(frames, 0.5)


@pytest.mark.parametrize(
    ("label", "p"),
    [
        ([1, 1, 1, 0], [0.5] * 4),
        ([1, 0, 1, 0, 1, 0, 0, 1], [0.9, 0.8, 0.7, 0.6, 0.6, 0.3, 0.2, 0.1]),
    ],
    ids=["one score", "eight scores"],
)
def test_the_precision_curve_encloses_the_average_precision(label, p):
    scores = scores_of(label, p)
    axes = figure.Figure().add_subplot()
    plots.draw_precision(scores.outcomes)(axes, plots.LIGHT)
    (line,) = axes.lines
    assert line.get_drawstyle() == "steps-pre"
    recall, precision = line.get_data()
    drawn = float((np.diff(recall) * precision[1:]).sum())
    assert drawn == pytest.approx(scores.figures()["average_precision"])
    assert plots._step(recall, precision)[0] == precision[1]


def test_epochs_are_whole_numbers():
    curves = [{"epoch": e, "val_loss": 1 / e} for e in (1, 2, 3)]
    axes = figure.Figure().add_subplot()
    plots.draw_epochs(curves, ["val_loss"])(axes, plots.LIGHT)
    assert all(float(tick).is_integer() for tick in axes.get_xticks())
