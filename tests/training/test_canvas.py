"""Training views: boxes stay in the view and go where their pixels go."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.pictures import picture
from truckcount.training import canvas as module
from truckcount.training.canvas import PictureDraw, compose_view
from truckcount.training.label_set import BUS, IGNORE, LIGHT, TRUCK

POOL = [picture(0), picture(1, size=(200, 150)), picture(2, size=(900, 300))]
SOURCES = PictureDraw(
    {"a": POOL[:2], "b": POOL[2:], "none": []}, dict.fromkeys("ab", 1) | {"none": 1}
)


class Fixed:
    """A generator that always says the same of coins and takes middles of ranges."""

    def __init__(self, coin):
        self.coin = coin

    def random(self):
        return self.coin

    def uniform(self, low, high):
        return (low + high) / 2

    def choice(self, values, p=None):
        return values if isinstance(values, int) else values[0]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([(320, 192), (192, 128), (160, 192)]))
def test_boxes_stay_inside_the_view(seed, size):
    width, height = size
    view = compose_view(np.random.default_rng(seed), SOURCES, width, height)
    assert view.image.shape == (height, width, 3)
    assert view.trust.shape == (height, width)
    assert len(view.boxes) == len(view.classes)
    assert (view.boxes >= 0).all()
    assert (view.boxes <= [width, height, width, height]).all()
    assert (view.boxes[:, 2:] > view.boxes[:, :2]).all()
    assert (view.classes >= TRUCK).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_a_box_lies_on_the_pixels_it_names(seed):
    view = compose_view(np.random.default_rng(seed), SOURCES)
    for x1, y1, x2, y2 in view.boxes:
        inner = view.image[
            round(y1 + 0.25 * (y2 - y1)) : round(y2 - 0.25 * (y2 - y1)),
            round(x1 + 0.25 * (x2 - x1)) : round(x2 - 0.25 * (x2 - x1)),
        ]
        assert np.median(inner[..., 0]) > 180
        assert np.median(inner[..., 1]) < 60


def test_a_flip_mirrors_picture_boxes_and_trust(monkeypatch):
    half = np.array([(0, 0), (200, 0), (200, 240), (0, 240)], np.float32)
    one = picture(0, trusted=half)
    monkeypatch.setattr(module, "MOSAIC_PROBABILITY", 0.0)
    monkeypatch.setattr(module, "_choose_scale", lambda *_: (_scale(one), None))
    upright = compose_view(Fixed(0.9), lambda _: one)
    flipped = compose_view(Fixed(0.1), lambda _: one)
    assert np.array_equal(flipped.image, upright.image[:, ::-1])
    assert np.array_equal(flipped.trust, upright.trust[:, ::-1])
    assert 0 < upright.trust.mean() < 1
    mirrored = upright.boxes[:, [2, 1, 0, 3]] * [-1, 1, -1, 1] + [320, 0, 320, 0]
    assert flipped.boxes == pytest.approx(mirrored)
    assert np.array_equal(flipped.classes, upright.classes)


def _scale(one):
    height, width = one.image.shape[:2]
    return max(320 / width, 192 / height)


def cut_whole(one, monkeypatch):
    """The picture as one view of its own size."""
    height, width = one.image.shape[:2]
    monkeypatch.setattr(module, "MOSAIC_PROBABILITY", 0.0)
    monkeypatch.setattr(module, "_choose_scale", lambda *_: (1.0, None))
    return compose_view(Fixed(0.9), lambda _: one, width, height)


VAGUE = {
    "ignored": ([(40, 40, 100, 100)], [IGNORE]),
    "too low to tell": ([(40, 40, 80, 47)], [TRUCK]),
    "too narrow to tell": ([(40, 40, 44, 80)], [TRUCK]),
}


@pytest.mark.parametrize("name", VAGUE)
def test_what_nobody_can_tell_is_masked_not_background(name, monkeypatch):
    boxes, classes = VAGUE[name]
    one = picture(0, size=(320, 192), boxes=boxes, classes=classes)
    view = cut_whole(one, monkeypatch)
    x1, y1, x2, y2 = boxes[0]
    assert len(view.boxes) == 0
    assert (view.trust[y1:y2, x1:x2] == 0).all()
    assert view.trust.sum() == 320 * 192 - (x2 - x1) * (y2 - y1)


def test_a_box_that_is_hardly_in_the_view_is_masked(monkeypatch):
    one = picture(0, size=(320, 192), boxes=[(-80, 40, 30, 100)], classes=[TRUCK])
    view = cut_whole(one, monkeypatch)
    assert len(view.boxes) == 0
    assert (view.trust[40:100, :30] == 0).all()


def test_persons_and_bicycles_are_background(monkeypatch):
    boxes, classes = [(40, 40, 100, 100)], [IGNORE - 1]
    one = picture(0, size=(320, 192), boxes=boxes, classes=classes)
    view = cut_whole(one, monkeypatch)
    assert len(view.boxes) == 0
    assert view.trust.all()


def test_a_picture_that_labels_its_main_object_alone_teaches_there_alone(monkeypatch):
    one = picture(
        0,
        size=(320, 192),
        boxes=[(100, 50, 200, 150)],
        classes=[BUS],
        trusted=np.zeros((0, 2), np.float32),
    )
    view = cut_whole(one, monkeypatch)
    assert view.trust[50:150, 100:200].all()
    assert not view.trust[:, :80].any()
    assert not view.trust[:, 220:].any()
    assert view.classes.tolist() == [BUS]


def test_a_gate_is_trusted_inside_and_nowhere_else(monkeypatch):
    gate = np.array([(100, 50), (200, 50), (200, 150), (100, 150)], np.float32)
    boxes, classes = [(110, 60, 180, 120)], [LIGHT]
    one = picture(0, size=(320, 192), boxes=boxes, classes=classes, trusted=gate)
    view = cut_whole(one, monkeypatch)
    assert view.trust[51:149, 101:199].all()
    assert not view.trust[:45].any()
    assert not view.trust[:, 210:].any()


def test_a_source_without_a_share_or_without_pictures_is_never_drawn():
    draw = PictureDraw(
        {"a": POOL[:1], "b": POOL[1:2], "c": []}, {"a": 1, "b": 0, "c": 1}
    )
    rng = np.random.default_rng(0)
    assert {draw(rng).name for _ in range(50)} == {"p0"}


def test_sources_are_drawn_by_their_share():
    draw = PictureDraw({"a": POOL[:1] * 9, "b": POOL[1:2]}, {"a": 1, "b": 3})
    rng = np.random.default_rng(0)
    drawn = [draw(rng).name for _ in range(400)]
    assert 0.65 < drawn.count("p1") / 400 < 0.85


def test_the_same_seed_gives_the_same_view():
    a, b = (compose_view(np.random.default_rng(7), SOURCES) for _ in range(2))
    assert np.array_equal(a.image, b.image)
    assert np.array_equal(a.boxes, b.boxes)
