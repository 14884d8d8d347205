"""A view is a part of the picture; a sample prints shapes, never pixels."""

import numpy as np
import pytest

from truckcount.domain.sample import Sample, ViewRect


@pytest.mark.parametrize(
    "box",
    [(0.5, 0.1, 0.5, 0.9), (0.6, 0.1, 0.5, 0.9), (-0.1, 0.1, 0.5, 0.9), (0, 0, 1, 1.1)],
    ids=["empty", "inside out", "left of the picture", "below it"],
)
def test_a_view_that_is_empty_or_outside_is_refused(box):
    x0, y0, x1, y1 = box
    with pytest.raises(ValueError, match="'exit' is empty or outside"):
        ViewRect(gate="exit", x0=x0, y0=y0, x1=x1, y1=y1, width_px=64, height_px=32)


def test_a_sample_prints_the_shape_of_its_views():
    views = (np.zeros((192, 320, 3), np.uint8),)
    text = repr(Sample(tick=7, t_us=1_400_000, pts_us=0, views=views))
    assert "tick=7" in text
    assert "(192, 320, 3)" in text
    assert len(text) < 120
