"""A gate smaller than the trucks in it says so: it counts their pieces."""

from dataclasses import replace

import pytest

from tests.counting.simulate import scores_of
from tests.golden.sample_clips import CAMERAS, TRUTHS
from truckcount.domain.camera import Camera, Gate
from truckcount.domain.sample import ViewRect
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.gate_size import size_warnings
from truckcount.pipeline.run import run_paths
from truckcount.presence.weights import find_weights

BOX = ((0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7))
GATE = Gate(name="g", polygon=BOX)
CAMERA = Camera(name="cam", gates=(GATE,))
VIEW = ViewRect(gate="g", x0=0.2, y0=0.2, x1=0.7, y1=0.8, width_px=320, height_px=192)


def warn(boxes, views=(VIEW,)):
    scores = scores_of([[(0.5, 0.5, *box)] for box in boxes])
    return size_warnings({"g": scores}, CAMERA, views, find_weights("truckmap"))


@pytest.mark.parametrize(
    ("box", "is_small"),
    [
        ((0.40, 0.50, 0.9), False),
        ((0.46, 0.20, 0.9), True),  # as wide as the view
        ((0.20, 0.55, 0.9), True),  # as high
        ((0.46, 0.20, 0.4), False),  # no truck
    ],
)
def test_boxes_as_large_as_the_view_tell(box, is_small):
    assert bool(warn([box] * 6)) is is_small


def test_one_glimpse_or_one_long_truck_of_many_does_not():
    large, usual = (0.46, 0.2, 0.9), (0.2, 0.2, 0.9)
    assert not warn([large] * 4)
    assert not warn([large] + [usual] * 11)
    assert warn([large] * 2 + [usual] * 10)


def test_a_view_that_cannot_grow_is_not_too_small():
    whole = replace(VIEW, x0=0.0, x1=1.0, y0=0.0, y1=1.0)
    assert not warn([(0.95, 0.95, 0.9)] * 6, [whole])
    assert warn([(0.5, 0.5, 0.9)] * 6, [replace(whole, y0=0.3, y1=0.8)])


def test_a_gate_in_tiles_is_told_elsewhere():
    assert not warn([(0.46, 0.2, 0.9)] * 6, [VIEW, replace(VIEW, x0=0.4, x1=0.9)])


@pytest.mark.golden
def test_a_run_says_once_which_gates_are_too_small(tmp_path):
    truth = next(t for t in TRUTHS if t.camera == "dc-north")
    good = run_paths(
        [str(truth.file)], RunOptions(store=tmp_path / "good", cameras=CAMERAS)
    )
    assert good.camera_warnings == ()
    cameras = tmp_path / "cameras.toml"
    corners = [[0.43, 0.4], [0.57, 0.4], [0.57, 0.64], [0.43, 0.64]]
    cameras.write_text(
        '[cameras.dc-north]\ntimezone = "UTC"\n'
        f'[[cameras.dc-north.gates]]\nname = "small"\npolygon = {corners}\n'
    )
    options = RunOptions(store=tmp_path / "small", cameras=cameras)
    (warning,) = run_paths([str(truth.file)], options).camera_warnings
    assert "fill the view of gate small:" in warning
    assert "larger than a truck" in warning
