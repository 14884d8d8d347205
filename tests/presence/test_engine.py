"""The batching engine gives every sample its own scores, in order."""

import numpy as np
import pytest

from truckcount.domain.camera import Gate
from truckcount.domain.sample import FLAG_DARK, Sample
from truckcount.presence.engine import ClipScorer
from truckcount.presence.runtime import Maps
from truckcount.presence.views import plan_views


class BrightnessRuntime:
    """A truck where the view is bright: tells which view a map belongs to."""

    device = "cpu"

    def __init__(self):
        self.shapes = []

    def score_views(self, views):
        self.shapes.append(views.shape)
        n, height, width, _ = views.shape
        heat = np.zeros((n, height // 8, width // 8), np.float32)
        heat[:, height // 16, width // 16] = views[:, 0, 0, 0] / 255
        return Maps(heat, np.zeros((n, 4, *heat.shape[1:]), np.float32))


GATES = [
    Gate(name="left", polygon=((0.0, 0.2), (0.45, 0.2), (0.45, 0.9), (0.0, 0.9))),
    Gate(name="right", polygon=((0.5, 0.2), (0.95, 0.2), (0.95, 0.9), (0.5, 0.9))),
]
RECTS = plan_views(GATES, (640, 360))


def sample(k, levels, flags=0):
    views = tuple(
        np.full((r.height_px, r.width_px, 3), level, np.uint8)
        for r, level in zip(RECTS, levels, strict=True)
    )
    return Sample(
        tick=k, t_us=k * 200_000, pts_us=k * 200_000, views=views, quality_flags=flags
    )


@pytest.mark.parametrize("batch_size", [1, 3, 8, 100])
def test_every_sample_gets_its_own_score(batch_size):
    scorer = ClipScorer(BrightnessRuntime(), GATES, RECTS, "s", batch_size)
    for k in range(17):
        scorer.process(sample(k, (10 * k + 40, 250 - 10 * k)))
    scores = scorer.finish()
    assert scores["left"].score_u8.tolist() == [10 * k + 40 for k in range(17)]
    assert scores["right"].score_u8.tolist() == [250 - 10 * k for k in range(17)]
    assert scores["left"].t_us.tolist() == [k * 200_000 for k in range(17)]
    assert np.diff(scores["left"].peak_start).tolist() == [1] * 17


def test_unusable_pictures_are_not_shown_to_the_network():
    runtime = BrightnessRuntime()
    scorer = ClipScorer(runtime, GATES, RECTS, "s")
    for k in range(8):
        scorer.process(sample(k, (200, 200), FLAG_DARK if k % 2 else 0))
    scores = scorer.finish()
    assert sum(shape[0] for shape in runtime.shapes) == 4 * len(GATES)
    assert scores["left"].score_u8.tolist() == [200, 0] * 4
    assert scores["left"].quality_flags.tolist() == [0, FLAG_DARK] * 4


def test_no_sample_gives_empty_scores():
    scores = ClipScorer(BrightnessRuntime(), GATES, RECTS, "s").finish()
    assert [len(s) for s in scores.values()] == [0, 0]


def test_views_that_do_not_change_are_scored_once_in_two_seconds():
    runtime = BrightnessRuntime()
    scorer = ClipScorer(runtime, GATES, RECTS, "s", is_gated=True)
    for k in range(40):
        scorer.process(sample(k, (90, 120)))
    scores = scorer.finish()
    assert sum(shape[0] for shape in runtime.shapes) == 4 * len(GATES)
    assert scores["left"].score_u8.tolist() == [90] * 40
    assert np.diff(scores["left"].peak_start).tolist() == [1] * 40


def test_a_change_in_any_view_is_scored_at_once():
    levels = [(90, 120)] * 3 + [(90, 130)] * 3 + [(60, 130)] * 3
    by_gate = []
    for is_gated in (False, True):
        scorer = ClipScorer(
            BrightnessRuntime(), GATES, RECTS, "s", 4, is_gated=is_gated
        )
        for k, level in enumerate(levels):
            scorer.process(sample(k, level, FLAG_DARK if k == 4 else 0))
        by_gate.append(scorer.finish())
    assert by_gate[0] == by_gate[1]
    assert by_gate[1]["right"].score_u8.tolist() == [120] * 3 + [130, 0] + [130] * 4


def test_only_the_view_that_changed_is_scored_again():
    runtime = BrightnessRuntime()
    scorer = ClipScorer(runtime, GATES, RECTS, "s", is_gated=True)
    for k in range(10):
        scorer.process(sample(k, (90, 120 + 10 * k)))
    scores = scorer.finish()
    assert scorer.n_views == 1 + 10
    assert scores["left"].score_u8.tolist() == [90] * 10
    assert scores["right"].score_u8.tolist() == [120 + 10 * k for k in range(10)]
