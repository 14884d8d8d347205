"""Training views keep what their label says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckcount.training.classifier.augment import (
    MIN_KEPT,
    choose_crop,
    kept_share,
    make_view,
    scale_view,
)


def frame(width=120, height=80):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


@given(seed=st.integers(0, 400), x=st.integers(0, 90), y=st.integers(0, 60))
@settings(max_examples=60)
def test_a_crop_keeps_a_truck(seed, x, y):
    boxes = np.array([[x, y, x + 30, y + 20]], np.float32)
    crop = choose_crop(np.random.default_rng(seed), (80, 120), boxes, is_bold=True)
    assert 0 <= crop[0] < crop[2] <= 120
    assert 0 <= crop[1] < crop[3] <= 80
    assert kept_share(boxes, crop) >= MIN_KEPT


def sizes(boxes, *, is_bold=True):
    crops = [
        choose_crop(np.random.default_rng(k), (80, 120), boxes, is_bold=is_bold)
        for k in range(200)
    ]
    return [(c[2] - c[0], c[3] - c[1]) for c in crops]


def test_the_size_of_a_crop_does_not_tell_the_label():
    assert sizes(None) == sizes(np.array([[0, 0, 12, 8]], np.float32))


def test_crops_are_mild_where_nobody_drew_boxes():
    assert min(w for w, _ in sizes(None, is_bold=False)) >= 120 * 0.88 * 0.88 - 1
    assert min(w for w, _ in sizes(None)) < 90


def test_the_same_randomness_gives_the_same_view():
    views = [
        make_view(np.random.default_rng(5), frame(), None, 64, is_bold=True)
        for _ in range(2)
    ]
    assert np.array_equal(*views)
    other = make_view(np.random.default_rng(6), frame(), None, 64, is_bold=True)
    assert not np.array_equal(views[0], other)


@pytest.mark.parametrize("augmentation", ["full", "light", "none"])
@pytest.mark.parametrize("seed", range(4))
def test_a_view_has_the_networks_size(augmentation, seed):
    rng = np.random.default_rng(seed)
    view = make_view(rng, frame(), None, 64, augmentation)
    assert view.shape == (64, 64, 3)
    assert view.dtype == np.uint8


def test_without_augmentation_a_view_is_the_frame_scaled():
    image = frame()
    view = make_view(np.random.default_rng(0), image, None, 64, "none")
    assert np.array_equal(view, scale_view(image, 64))
    assert np.array_equal(scale_view(image[:80, :80], 80), image[:80, :80])
