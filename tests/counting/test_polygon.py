"""Points and ways against polygons."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truckcount.counting.polygon import crosses, is_inside

BOX = ((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8))
DIAMOND = ((0.5, 0.1), (0.9, 0.5), (0.5, 0.9), (0.1, 0.5))
NOTCHED = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.5, 0.5), (0.1, 0.9))
steps = st.integers(0, 40).map(lambda k: k / 40)  # hits corners and sides exactly


@pytest.mark.parametrize(
    ("polygon", "x", "y", "want"),
    [
        (BOX, 0.5, 0.5, True),
        (BOX, 0.1, 0.5, False),
        (BOX, 0.5, 0.9, False),
        (DIAMOND, 0.3, 0.5, True),
        (DIAMOND, 0.05, 0.5, False),
        (DIAMOND, 0.2, 0.2, False),
        (NOTCHED, 0.5, 0.4, True),
        (NOTCHED, 0.5, 0.8, False),
        (NOTCHED, 0.15, 0.8, True),
        (NOTCHED, 0.0, 0.5, False),
    ],
)
def test_points_inside_and_outside(polygon, x, y, want):
    assert is_inside(polygon, x, y) is want
    assert is_inside(polygon[::-1], x, y) is want


@given(steps, steps, steps)
def test_of_two_gates_side_by_side_a_point_is_in_one(cut, x, y):
    """Also on the line between them: no truck is in both, none in neither."""
    low = ((0, 0), (cut, 0), (cut, 1), (0, 1))
    high = ((cut, 0), (1, 0), (1, 1), (cut, 1))
    whole = ((0, 0), (1, 0), (1, 1), (0, 1))
    assert is_inside(low, x, y) + is_inside(high, x, y) == is_inside(whole, x, y)


@given(steps, steps)
def test_points_on_its_sides_do_not_change_a_polygon(x, y):
    middles = [((a + c) / 2, (b + d) / 2) for (a, b), (c, d) in pairs(BOX)]
    finer = tuple(itertools.chain(*zip(BOX, middles, strict=True)))
    assert is_inside(finer, x, y) == is_inside(BOX, x, y)


def pairs(polygon):
    return zip(polygon, polygon[1:] + polygon[:1], strict=True)


@pytest.mark.parametrize(
    ("a", "b", "want"),
    [
        ((0.0, 0.5), (1.0, 0.5), 0.25),
        ((1.0, 0.5), (0.0, 0.5), 0.25),
        ((0.0, 0.0), (1.0, 0.1), None),
        ((0.0, 0.5), (0.1, 0.5), None),
    ],
    ids=["through", "back", "past", "short of it"],
)
def test_a_way_from_outside_to_outside_may_lead_through(a, b, want):
    assert crosses(BOX, a, b) == want
