"""Trucks are cut out where their outline is found, and only there."""

import numpy as np
import pytest

from truckcount.training.cut_outs import cut_out, cut_trucks, feather
from truckcount.training.label_set import LIGHT, TRUCK, LabelledPicture

BOX = np.array([60, 50, 150, 120], np.float32)


def road(boxes=(BOX,), *, classes=None, seed=0):
    """A grey road; a red lorry with a low hood fills each box but a corner."""
    rng = np.random.default_rng(seed)
    image = rng.integers(85, 105, (180, 240, 3)).astype(np.uint8)
    for x1, y1, x2, y2 in np.asarray(boxes, int):
        paint = rng.integers(0, 30, (y2 - y1, x2 - x1, 3))
        image[y1:y2, x1:x2] = paint + np.array([200, 30, 30])
        cut_x, cut_y = x2 - (x2 - x1) // 4, y1 + (y2 - y1) // 2
        image[y1:cut_y, cut_x:x2] = rng.integers(85, 105, (cut_y - y1, x2 - cut_x, 3))
    return LabelledPicture(
        image=image,
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        classes=np.array(classes or [TRUCK] * len(boxes), np.int64),
        group="g",
        name="p",
    )


def test_the_outline_follows_the_truck_not_its_box():
    one = cut_out(road().image, BOX, "p#0")
    assert one is not None
    assert one.image.shape == (70, 90, 3)
    assert one.alpha[50, 20] == pytest.approx(1, abs=0.02)
    assert one.alpha[5, 85] == 0  # over the hood there is road
    is_opaque = one.alpha > 0.5
    assert one.image[is_opaque][:, 1].mean() < 60
    assert one.aspect == pytest.approx(90 / 70)


def test_edges_are_soft_and_hold_no_background():
    outline = np.zeros((60, 80), np.uint8)
    outline[10:50, 10:70] = 1
    soft = feather(outline)
    assert soft[30, 40] == pytest.approx(1)
    assert not soft[outline == 0].any()
    assert 0 < soft[10, 40] < 0.7  # the outermost pixel
    assert 0 < feather(np.ones((40, 40), np.uint8))[0, 20] < 0.7


@pytest.mark.parametrize("value", [90, None], ids=["one colour", "noise"])
def test_a_box_without_an_outline_gives_nothing(value):
    image = np.full((180, 240, 3), 90, np.uint8)
    if value is None:
        image = np.random.default_rng(0).integers(0, 255, image.shape).astype(np.uint8)
    one = cut_out(image, BOX)
    assert one is None or one.alpha.mean() < 0.93


LEFT_OUT = {
    "cut by the edge": ([(0, 50, 90, 120)], None),
    "small": ([(60, 50, 90, 80)], None),
    "behind a car": ([BOX, (120, 80, 170, 130)], [TRUCK, LIGHT]),
    "a car": ([BOX], [LIGHT]),
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_trucks_that_are_not_seen_whole_are_left_out(name):
    boxes, classes = LEFT_OUT[name]
    picture = road(np.array(boxes, np.float32), classes=classes)
    assert cut_trucks({"one": [picture]}, np.random.default_rng(0)) == []


def test_a_pool_gives_no_more_than_its_limit():
    pool = [road(seed=k) for k in range(4)]
    found = cut_trucks({"one": pool}, np.random.default_rng(0), limit=2)
    assert 1 <= len(found) <= 2
    assert found[0].name == "p#0"
