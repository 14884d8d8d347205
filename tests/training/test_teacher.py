"""A teacher says the same of a view and of its mirror image."""

import numpy as np
import pytest

from truckcount.presence.weights import find_weights
from truckcount.training.teacher import Teacher


def test_the_mirrored_view_has_the_mirrored_map():
    teacher = Teacher(find_weights("truckmap"))
    view = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    heat = teacher(view)
    assert heat.shape == (8, 12)
    assert heat.dtype == np.float32
    mirrored = teacher(np.ascontiguousarray(view[:, ::-1]))
    assert mirrored[:, ::-1] == pytest.approx(heat, abs=1e-6)
