"""Gates and cameras that cannot be watched are refused, with the reason."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truckcount.domain.camera import WHOLE_PICTURE, Camera, Gate, check_name
from truckcount.errors import ConfigError

SQUARE = ((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8))
BOW_TIE = ((0.2, 0.2), (0.8, 0.8), (0.8, 0.2), (0.2, 0.9))
STAR = tuple(
    (0.5 + 0.4 * math.cos(a), 0.5 + 0.4 * math.sin(a))
    for a in (2 * math.pi * 2 * k / 5 for k in range(5))
)


@pytest.mark.parametrize(
    "name", ["", "-a", "_cam", ".cam", "Cam", "a b", "a/b", "a=b", "café", "a" * 64]
)
def test_a_name_that_is_no_safe_folder_is_refused(name):
    with pytest.raises(ConfigError, match="camera name"):
        check_name("camera", name)
    with pytest.raises(ConfigError, match="camera name"):
        Camera(name=name)
    with pytest.raises(ConfigError, match="gate name"):
        Gate(name=name, polygon=SQUARE)


@pytest.mark.parametrize("name", ["a", "7", "dc-north", "cam07", "a" * 63])
def test_a_safe_name_is_taken(name):
    assert Camera(name=name).name == name


@pytest.mark.parametrize(
    ("polygon", "reason"),
    [
        (SQUARE[:2], "3 corners"),
        ((), "3 corners"),
        (((0.2, 0.2), (1.2, 0.2), (0.8, 0.8)), "outside the picture"),
        (((0.2, -0.1), (0.9, 0.2), (0.8, 0.8)), "outside the picture"),
        (((0.2, math.nan), (0.9, 0.2), (0.8, 0.8)), "outside the picture"),
        (BOW_TIE, "crosses itself"),
        (STAR, "crosses itself"),
        (((0.2, 0.2), (0.21, 0.2), (0.21, 0.21)), "too small"),
        (((0.1, 0.1), (0.5, 0.5), (0.9, 0.9)), "too small"),
    ],
    ids=["two", "none", "right", "above", "nan", "bow", "star", "tiny", "line"],
)
def test_a_polygon_that_cannot_be_watched_is_refused(polygon, reason):
    with pytest.raises(ConfigError, match=f"'exit'.*{reason}"):
        Gate(name="exit", polygon=polygon)


@pytest.mark.parametrize(
    "vector",
    [(0.0, 0.0), (-0.0, 0.0), (math.nan, 1.0), (math.inf, 0.0)],
    ids=["zero", "minus zero", "nan", "infinite"],
)
def test_a_vector_without_direction_is_refused(vector):
    with pytest.raises(ConfigError, match="zero vector"):
        Gate(name="exit", polygon=SQUARE, in_vector=vector)


def test_a_gate_has_all_its_directions_or_the_one():
    assert Gate(name="g", polygon=SQUARE).directions == ("any",)
    directed = Gate(name="g", polygon=SQUARE, in_vector=(0.0, -1.0))
    assert directed.is_directional
    assert directed.directions == ("in", "out", "unknown")


@given(st.integers(0, 3), st.booleans())
def test_a_gate_is_the_same_from_any_corner_and_either_way_round(first, is_reversed):
    corners = SQUARE[first:] + SQUARE[:first]
    corners = corners[::-1] if is_reversed else corners
    assert Gate(name="g", polygon=corners).bounds == (0.2, 0.2, 0.8, 0.8)


def test_a_concave_gate_is_allowed():
    polygon = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.5, 0.3), (0.1, 0.9))
    assert Gate(name="g", polygon=polygon).bounds == (0.1, 0.1, 0.9, 0.9)


def test_a_camera_without_gates_watches_the_whole_picture():
    camera = Camera(name="a")
    assert camera.gates == (WHOLE_PICTURE,)
    assert WHOLE_PICTURE.bounds == (0, 0, 1, 1)
    assert camera.timezone == "UTC"


def test_gates_of_a_camera_need_names_of_their_own():
    gate = Gate(name="exit", polygon=SQUARE)
    with pytest.raises(ConfigError, match="share a name"):
        Camera(name="a", gates=(gate, gate))
    with pytest.raises(ConfigError, match="no gate"):
        Camera(name="a", gates=())


def test_a_gate_cannot_be_changed_behind_the_counters_back():
    gate = Gate(name="exit", polygon=SQUARE)
    with pytest.raises(dataclasses.FrozenInstanceError):
        gate.name = "entry"
