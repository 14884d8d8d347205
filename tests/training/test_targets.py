"""Targets: what each cell of the map should say of boxes drawn by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckcount.training.canvas import Canvas
from truckcount.training.label_set import BUS, LIGHT, TRUCK
from truckcount.training.targets import draw_target


def canvas(boxes, classes, trust=None):
    return Canvas(
        image=np.zeros((96, 160, 3), np.uint8),
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        classes=np.array(classes, np.int64),
        trust=np.ones((96, 160), np.uint8) if trust is None else trust,
    )


def test_the_cell_of_a_centre_says_one_in_its_class_alone():
    target = draw_target(canvas([(20, 16, 100, 64)], [BUS]))
    assert target.heat.shape == (3, 12, 20)
    assert target.heat[BUS, 5, 7] == 1  # centre (60, 40) px
    assert target.heat[BUS].max() == 1
    assert (target.heat == 1).sum() == 1
    assert not target.heat[[TRUCK, LIGHT]].any()


boxes = st.tuples(
    st.integers(0, 140), st.integers(0, 80), st.integers(8, 90), st.integers(8, 60)
).map(lambda b: (b[0], b[1], min(b[0] + b[2], 160), min(b[1] + b[3], 96)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(boxes, st.integers(0, 2)), max_size=5))
def test_every_centre_says_one_and_nothing_says_more(rows):
    target = draw_target(canvas([b for b, _ in rows], [c for _, c in rows]))
    for (x1, y1, x2, y2), label in rows:
        column = min(int((x1 + x2) / 16), 19)
        row = min(int((y1 + y2) / 16), 11)
        assert target.heat[label, row, column] == 1
        assert target.trust[row, column] == 1
    assert target.heat.max(initial=0) <= 1
    assert target.heat.min(initial=0) >= 0


def test_box_cells_give_the_box_back():
    x1, y1, x2, y2 = 20, 16, 100, 62
    target = draw_target(canvas([(x1, y1, x2, y2)], [TRUCK]))
    rows, columns = np.nonzero(target.box_weight)
    assert len(rows) > 1
    for row, column in zip(rows, columns, strict=True):
        log_w, log_h, dx, dy = target.box[:, row, column]
        assert 16 * np.exp([log_w, log_h]) == pytest.approx([x2 - x1, y2 - y1])
        centre = (8 * (column + dx), 8 * (row + dy))
        assert centre == pytest.approx(((x1 + x2) / 2, (y1 + y2) / 2))


def test_a_bump_is_as_long_as_its_box():
    target = draw_target(canvas([(0, 40, 160, 56)], [TRUCK]))
    row, column = (target.heat[TRUCK] > 0.5).nonzero()
    assert np.ptp(column) > 3 * np.ptp(row)


def test_of_two_boxes_with_one_centre_the_small_one_gives_the_size():
    target = draw_target(canvas([(50, 38, 66, 50), (8, 4, 108, 84)], [LIGHT, TRUCK]))
    assert target.heat[LIGHT, 5, 7] == target.heat[TRUCK, 5, 7] == 1
    assert 16 * np.exp(target.box[0, 5, 7]) == pytest.approx(16)


def test_masked_pixels_are_masked_cells_except_where_a_centre_stands():
    trust = np.ones((96, 160), np.uint8)
    trust[:, :80] = 0
    target = draw_target(canvas([(20, 16, 60, 64)], [TRUCK], trust))
    assert target.trust[:, 10:].all()
    assert target.trust[:, :10].sum() == 1
    assert target.trust[5, 5] == 1


def test_an_empty_road_has_an_empty_target():
    target = draw_target(canvas([], []))
    assert not target.heat.any()
    assert not target.box_weight.any()
    assert target.trust.all()
