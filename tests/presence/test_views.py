"""Gate views: the gate is in its views, whatever its shape."""

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truckcount.domain.camera import Gate
from truckcount.presence.views import plan_model_views, plan_views
from truckcount.presence.weights import find_weights

SIZES = st.sampled_from(
    [(640, 360), (1280, 720), (352, 288), (720, 1280), (1919, 1079)]
)


@st.composite
def boxes(draw):
    x0, y0 = draw(st.floats(0, 0.85)), draw(st.floats(0, 0.85))
    x1, y1 = draw(st.floats(x0 + 0.12, 1)), draw(st.floats(y0 + 0.12, 1))
    return Gate(name="g", polygon=((x0, y0), (x1, y0), (x1, y1), (x0, y1)))


@given(gate=boxes(), size=SIZES)
def test_views_hold_the_whole_gate(gate, size):
    rects = plan_views([gate], size)
    x0, y0, x1, y1 = gate.bounds
    assert min(r.x0 for r in rects) <= x0 + 1e-9
    assert max(r.x1 for r in rects) >= x1 - 1e-9
    for rect in rects:
        assert rect.y0 <= y0 + 1e-9
        assert rect.y1 >= y1 - 1e-9
    ordered = sorted(rects, key=lambda r: r.x0)
    for a, b in itertools.pairwise(ordered):
        assert b.x0 < a.x1, "tiles overlap, so no truck is only between them"


@given(gate=boxes(), size=SIZES)
def test_views_fit_the_network(gate, size):
    for rect in plan_views([gate], size):
        assert rect.width_px % 32 == 0
        assert rect.height_px % 32 == 0
        assert rect.width_px <= 320
        assert rect.height_px <= 192


@given(gate=boxes(), size=SIZES, span=st.floats(0.1, 1))
def test_a_small_gate_can_ask_for_more_of_the_picture(gate, size, span):
    wide = replace(gate, view_span=span)
    rects = plan_views([wide], size)
    assert max(r.x1 for r in rects) - min(r.x0 for r in rects) >= span - 1e-9
    for rect in rects:
        assert rect.y1 - rect.y0 >= span - 1e-9
    test_views_hold_the_whole_gate.hypothesis.inner_test(wide, size)


def test_a_span_that_the_view_has_changes_nothing():
    half = Gate(name="g", polygon=((0.2, 0.2), (0.7, 0.2), (0.7, 0.8), (0.2, 0.8)))
    spanned = replace(half, view_span=0.5)
    assert plan_views([spanned], (640, 360)) == plan_views([half], (640, 360))


@given(gate=boxes(), size=SIZES)
def test_trucks_keep_their_shape(gate, size):
    """Pixels of a view are as square as rounding to 32 allows."""
    for rect in plan_views([gate], size):
        scale_x = rect.width_px / ((rect.x1 - rect.x0) * size[0])
        scale_y = rect.height_px / ((rect.y1 - rect.y0) * size[1])
        if min(rect.width_px, rect.height_px) >= 96:
            assert scale_x / scale_y == pytest.approx(1, abs=0.35)


def test_a_wide_gate_is_cut_into_tiles():
    strip = Gate(name="g", polygon=((0, 0.5), (1, 0.5), (1, 0.68), (0, 0.68)))
    assert len(plan_views([strip], (1280, 720))) > 1
    square = Gate(name="g", polygon=((0.3, 0.3), (0.6, 0.3), (0.6, 0.7), (0.3, 0.7)))
    assert len(plan_views([square], (1280, 720))) == 1


@given(
    across=st.floats(0.5, 1.0),
    thin=st.floats(0.03, 0.06),
    place=st.floats(0, 0.5),
    size=st.sampled_from([(640, 360), (1280, 720), (352, 288), (1919, 1079)]),
    is_upright=st.booleans(),
)
def test_a_gate_drawn_as_a_line_has_room_for_a_truck(
    across, thin, place, size, is_upright
):
    """A tripwire's view is as high as a truck, not as the line: at least a quarter."""
    start = place * (1 - across)
    a, b = ((place, start), (place + thin, start + across))
    if not is_upright:
        a, b = a[::-1], b[::-1]
    gate = Gate(name="g", polygon=(a, (b[0], a[1]), b, (a[0], b[1])))
    for rect in plan_views([gate], size):
        assert (rect.x1 - rect.x0) >= 0.15
        assert (rect.y1 - rect.y0) >= 0.15
        assert 0.9 <= rect.width_px / rect.height_px <= 2.4


@pytest.mark.parametrize(
    ("input_px", "side"), [(335, 335), (None, 352)], ids=["told", "of older files"]
)
def test_a_classifier_sees_the_same_places_stretched_to_its_square(input_px, side):
    header = find_weights("truckmap").header
    gate = Gate(name="g", polygon=((0, 0), (1, 0), (1, 1), (0, 1)))
    as_map = plan_model_views(header, [gate], (1280, 720))
    assert as_map == plan_views([gate], (1280, 720), header.view_size)
    classifier = replace(
        header, network="seed", view_size=(352, 352), input_px=input_px
    )
    (rect,) = plan_model_views(classifier, [gate], (1280, 720))
    assert (rect.width_px, rect.height_px) == (side, side)
    assert (rect.x0, rect.y0, rect.x1, rect.y1) == (0, 0, 1, 1)
