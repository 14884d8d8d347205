"""What is drawn lies where it was seen, whatever the size of the picture."""

import numpy as np
import pytest

from truckcount.domain.camera import Gate
from truckcount.pipeline.viewing.drawing import (
    TRUCK,
    draw_banner,
    draw_box,
    draw_gate,
    draw_map,
    label,
)

SIZES = [(90, 160), (360, 640), (1080, 1920), (641, 361)]


def blank(size, grey=0):
    return np.full((*size, 3), grey, np.uint8)


def changed(image, grey=0):
    rows, cols = np.nonzero((image != grey).any(axis=2))
    return rows.min(), rows.max(), cols.min(), cols.max()


@pytest.mark.parametrize("size", SIZES)
def test_a_box_lies_around_its_centre(size):
    image = blank(size)
    draw_box(image, (0.5, 0.5, 0.25, 0.5), "", TRUCK)
    top, bottom, left, right = changed(image)
    height, width = size
    assert abs(top - 0.25 * height) <= 2
    assert abs(bottom - 0.75 * height) <= 2
    assert abs(left - 0.375 * width) <= 2
    assert abs(right - 0.625 * width) <= 2
    assert not image[height // 2, width // 2].any()  # an outline, what is in it shows


@pytest.mark.parametrize("size", SIZES)
def test_a_gate_is_tinted_within_and_left_alone_without(size):
    image = blank(size, 100)
    draw_gate(image, Gate(name="g", polygon=((0.5, 0.5), (1, 0.5), (1, 1), (0.5, 1))))
    height, width = size
    assert (image[3 * height // 4, 3 * width // 4] != 100).any()
    assert (image[3 * height // 4 :, : width // 4] == 100).all()


def test_a_gate_shows_which_way_is_in():
    square = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
    pictures = []
    for vector in ((0.0, 1.0), (0.0, -1.0), None):
        image = blank((360, 640))
        draw_gate(image, Gate(name="g", polygon=square, in_vector=vector))
        pictures.append(image)
    down, up, none = (
        (p[:, :, 0].astype(int) > 200)[100:260, 280:360].sum(axis=1) for p in pictures
    )
    assert none.sum() < min(down.sum(), up.sum())
    # the head is the wide end
    assert np.argmax(down) > 80 > np.argmax(up)


@pytest.mark.parametrize("place", [(-50, 20), (630, 20), (10_000, 20)])
def test_a_label_stays_in_the_picture(place):
    image = blank((100, 640), 100)
    label(image, "truck 0.93", place, TRUCK)
    _, _, left, right = changed(image, 100)
    whole = blank((100, 640), 100)
    label(whole, "truck 0.93", (200, 20), TRUCK)
    _, _, left_of, right_of = changed(whole, 100)
    assert right - left >= right_of - left_of - 2


def test_a_banner_is_along_the_lower_edge():
    image = blank((360, 640), 100)
    draw_banner(image, "trucks 5, in 2, out 3")
    top, bottom, left, right = changed(image, 100)
    assert (bottom, left, right) == (359, 0, 639)
    assert top > 300
    assert image.max() > 200


def test_a_map_glows_where_the_truck_is_and_leaves_the_rest():
    view = blank((64, 128), 90)
    heat = np.zeros((8, 16), np.float32)
    heat[2, 12] = 1.0
    out = draw_map(view, heat)
    assert out.shape == (128, 256, 3)
    assert (out[:, :128] == 90).all()
    row, col = np.unravel_index(
        np.abs(out.astype(int) - 90).sum(axis=2).argmax(), (128, 256)
    )
    assert abs(row - 2.5 * 16) <= 8
    assert abs(col - 12.5 * 16) <= 8
