"""Light and lens change a view's pixels, not its shape, and always the same way."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.pictures import picture
from truckcount.training.photometric import disturb

VIEW = picture(0, size=(160, 96)).image


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_a_view_stays_a_picture(seed):
    before = VIEW.copy()
    out = disturb(np.random.default_rng(seed), VIEW)
    assert (out.shape, out.dtype) == (VIEW.shape, np.uint8)
    assert out.flags["C_CONTIGUOUS"]
    assert np.array_equal(VIEW, before), "the picture in memory is drawn again"


def test_the_same_seed_disturbs_the_same_way():
    a, b = (disturb(np.random.default_rng(3), VIEW) for _ in range(2))
    assert np.array_equal(a, b)


def test_views_differ():
    outs = {disturb(np.random.default_rng(k), VIEW).tobytes() for k in range(8)}
    assert len(outs) == 8
