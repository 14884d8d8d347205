"""A truck longer than a tile is one truck; small ones keep their tile's sharpness."""

import numpy as np
import pytest

from truckcount.domain.camera import Gate
from truckcount.domain.sample import Sample
from truckcount.presence.engine import ClipScorer
from truckcount.presence.runtime import Maps
from truckcount.presence.tiles import join_whole, needs_whole
from truckcount.presence.views import plan_run_views, plan_views
from truckcount.presence.weights import find_weights

STRIP = Gate(name="strip", polygon=((0.1, 0.45), (0.9, 0.45), (0.9, 0.75), (0.1, 0.75)))
SQUARE = Gate(name="square", polygon=((0.3, 0.3), (0.6, 0.3), (0.6, 0.7), (0.3, 0.7)))
SIZE = (1280, 720)
HEADER = find_weights("truckmap").header
TILE = plan_views([STRIP], SIZE)[0]
LONG = (0.5, 0.6, 0.6, 0.3, 0.8)  # a truck over half of the picture


def peaks(*rows):
    return np.array(rows, np.float32).reshape(-1, 5)


def test_a_gate_in_tiles_gets_one_view_of_all_of_it_and_no_other_gate_does():
    rects = plan_run_views(HEADER, [STRIP, SQUARE], SIZE)
    (whole,) = [rect for rect in rects if rect.is_whole]
    assert [r for r in rects if not r.is_whole] == plan_views([STRIP, SQUARE], SIZE)
    assert whole.gate == "strip"
    assert whole.x0 < 0.1
    assert whole.x1 > 0.9
    assert whole.y1 - whole.y0 > 0.8  # drawn out to the network's aspect
    per_x = whole.width_px / (whole.x1 - whole.x0) / SIZE[0]
    per_y = whole.height_px / (whole.y1 - whole.y0) / SIZE[1]
    assert per_x == pytest.approx(per_y, rel=0.1)


def test_pieces_of_a_long_truck_give_way_to_it():
    tiles = peaks((0.32, 0.6, 0.2, 0.28, 0.9), (0.7, 0.62, 0.15, 0.25, 0.7))
    assert join_whole(tiles, peaks(LONG), TILE).tolist() == peaks(LONG).tolist()


def test_a_truck_apart_from_the_long_one_stays():
    small = (0.15, 0.5, 0.06, 0.08, 0.6)
    found = join_whole(peaks(small), peaks(LONG), TILE)
    assert found.tolist() == peaks(small, LONG).tolist()


def test_small_trucks_are_taken_from_the_tiles_alone():
    tiles = peaks((0.3, 0.6, 0.06, 0.08, 0.7), (0.6, 0.6, 0.05, 0.08, 0.5))
    whole = peaks((0.3, 0.6, 0.06, 0.08, 0.9), (0.8, 0.6, 0.05, 0.08, 0.9))
    assert join_whole(tiles, whole, TILE).tolist() == tiles.tolist()
    assert join_whole(peaks(), whole, TILE).tolist() == []


def test_a_doubtful_long_truck_takes_nobodys_place():
    tiles = peaks((0.32, 0.6, 0.1, 0.14, 0.9))
    unsure = (*LONG[:4], 0.29)
    assert join_whole(tiles, peaks(unsure), TILE).tolist() == tiles.tolist()


@pytest.mark.parametrize(
    ("row", "is_needed"),
    [
        ((0.3, 0.6, 0.2, 0.28, 0.9), True),
        ((0.3, 0.6, 0.2, 0.28, 0.29), False),  # not surely anything
        ((0.3, 0.6, 0.06, 0.08, 0.9), False),  # surely small
    ],
)
def test_the_whole_gate_is_looked_at_when_a_tile_shows_something_large(row, is_needed):
    assert needs_whole(peaks(row), TILE) is is_needed
    assert not needs_whole(peaks(), TILE)


class OneBox:
    """A truck in the middle of each view, as wide and high as the view's level says."""

    device = "cpu"

    def __init__(self):
        self.shapes = []

    def score_views(self, views):
        self.shapes += [views.shape[1:3]] * len(views)
        n, height, width, _ = views.shape
        heat = np.zeros((n, height // 8, width // 8), np.float32)
        box = np.zeros((n, 4, *heat.shape[1:]), np.float32)
        heat[:, height // 16, width // 16] = 0.8
        box[:, :2] = np.log(views[:, :1, :1, :1] / 16)
        return Maps(heat, box)


def score(box_px, *, is_gated=False, n=6):
    """Score boxes of so many pixels in tiles, of 180 in the view of the whole gate."""
    runtime = OneBox()
    rects = plan_run_views(HEADER, [STRIP], SIZE)
    scorer = ClipScorer(runtime, [STRIP], rects, "s", is_gated=is_gated)
    for k in range(n):
        views = tuple(
            np.full((r.height_px, r.width_px, 3), 180 if r.is_whole else box_px, "u1")
            for r in rects
        )
        scorer.process(Sample(tick=k, t_us=k, pts_us=k, views=views))
    return scorer.finish()["strip"], runtime, rects


@pytest.mark.parametrize("is_gated", [False, True])
def test_the_network_sees_the_whole_gate_only_where_it_is_needed(is_gated):
    n_tiles = len(plan_views([STRIP], SIZE))
    small, runtime, _ = score(30, is_gated=is_gated)
    n_seen = 1 if is_gated else 6
    assert len(runtime.shapes) == n_seen * n_tiles
    assert np.diff(small.peak_start).tolist() == [n_tiles] * 6
    large, runtime, rects = score(120, is_gated=is_gated)
    assert len(runtime.shapes) == n_seen * len(rects)
    assert np.diff(large.peak_start).tolist() == [1] * 6
    assert set(large.score_u8.tolist()) == {round(0.8 * 255)}
