"""A pasted truck stands on the road, in the right size, and in the labels."""

import numpy as np
import pytest

from truckcount.training.cut_outs import CutOut, feather
from truckcount.training.label_set import BUS, IGNORE, LIGHT, TRUCK, LabelledPicture
from truckcount.training.paste import (
    TIMES_HIGHER,
    PastingDraw,
    can_take,
    paste_truck,
    places_in,
    places_of,
)

SIZE = (320, 200)  # width, height
CAR = (140, 120, 170, 140)


def road(boxes=(), classes=(), *, trusted=None, group="g"):
    image = np.full((SIZE[1], SIZE[0], 3), 100, np.uint8)
    return LabelledPicture(
        image=image,
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        classes=np.array(classes, np.int64),
        group=group,
        trusted=trusted,
        name="p",
    )


@pytest.fixture(scope="module")
def red():
    image = np.zeros((120, 150, 3), np.uint8)
    image[:] = (220, 30, 30)
    return [CutOut(image, feather(np.ones((120, 150), np.uint8)), "red")]


def pasted(red, picture, seed=0):
    return paste_truck(np.random.default_rng(seed), picture, red, places_in(picture))


@pytest.mark.parametrize("seed", range(6))
def test_a_truck_stands_where_a_car_stood_and_is_as_much_higher(red, seed):
    picture = road([CAR], [LIGHT])
    found = pasted(red, picture, seed)
    assert found.classes[-1] == TRUCK
    x1, y1, x2, y2 = found.boxes[-1]
    low, high = TIMES_HIGHER[LIGHT]
    assert low * 20 - 1 <= y2 - y1 <= high * 20 + 1
    assert (x2 - x1) / (y2 - y1) == pytest.approx(150 / 120, abs=0.1)
    assert abs(y2 - 140) <= 5
    seen = found.image[int(y1) + 4 : int(y2) - 4, int(x1) + 4 : int(x2) - 4]
    # the car itself may stand a little nearer, and hide a part of it
    assert (seen[..., 0] > seen[..., 1] + 40).mean() > 0.75
    # above it nothing changed
    assert (found.image[: int(y1)] == 100).all()


def test_the_picture_that_is_given_stays(red):
    picture = road([CAR], [LIGHT])
    pasted(red, picture)
    assert (picture.image == 100).all()
    assert len(picture.boxes) == 1


def test_what_a_truck_hides_is_no_longer_a_label(red):
    found = pasted(red, road([CAR, (10, 150, 40, 170)], [LIGHT, LIGHT]), seed=3)
    assert len(found.boxes) == 2
    if abs(found.boxes[-1][3] - 140) < 8:  # it took the first car's place
        assert found.boxes[0].tolist() == [10, 150, 40, 170]


def test_what_is_nearer_to_the_camera_stays_in_front(red):
    near = (150, 136, 174, 152)
    picture = road([CAR, near], [LIGHT, LIGHT])
    places = places_in(road([CAR], [LIGHT]))
    for seed in range(8):
        found = paste_truck(np.random.default_rng(seed), picture, red, places)
        assert list(near) in found.boxes.tolist()
        assert (found.image[136:152, 150:174] == 100).all()


def test_perspective_comes_from_the_cars_of_the_place(red):
    far, close = (100, 40, 116, 50), (100, 150, 160, 190)
    picture = road([far, close], [LIGHT, BUS])
    heights = {}
    for seed in range(20):
        *_, (_, y1, _, y2) = pasted(red, picture, seed).boxes
        heights.setdefault(y2 < 100, []).append(y2 - y1)
    assert max(heights[True]) < 24 < 30 < min(heights[False])


CANNOT = {
    "it shows a truck": road([CAR], [TRUCK]),
    "nobody can say": road([CAR], [IGNORE]),
    "background is no negative": road([CAR], [LIGHT], trusted=np.zeros((0, 2))),
}


@pytest.mark.parametrize("name", CANNOT)
def test_pictures_that_may_hold_a_truck_take_none(name):
    assert not can_take(CANNOT[name])


def test_empty_pictures_borrow_the_places_of_their_camera(red):
    empty, other = road(group="a"), road(group="b")
    places = places_of([road([CAR], [LIGHT], group="a")])
    rng = np.random.default_rng(0)
    for picture, n in ((empty, 1), (other, 0)):
        draw = PastingDraw(lambda _, p=picture: p, red, places, share=1.0)
        assert int((draw(rng).classes == TRUCK).sum()) >= n
        assert n or draw(rng) is picture


def test_the_share_says_how_many(red):
    picture = road([CAR], [LIGHT])
    draw = PastingDraw(lambda _: picture, red, {}, share=0.25)
    rng = np.random.default_rng(0)
    n = sum(draw(rng) is not picture for _ in range(400))
    assert 70 <= n <= 130


def test_a_truck_that_fits_nowhere_is_not_pasted(red):
    tiny = road([(10, 2, 14, 12)], [LIGHT])  # it would reach over the picture
    assert pasted(red, tiny) is tiny
