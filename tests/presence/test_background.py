"""A view's background is what it always shows; the difference is what drives by."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from truckcount.domain.camera import Gate
from truckcount.domain.sample import FLAG_DARK, FLAG_MOVED, Sample
from truckcount.presence import background as module
from truckcount.presence.background import (
    SAME,
    WAIT_PICTURES,
    Backgrounds,
    add_difference,
    background_of,
    blocks_of,
    complete_views,
    median_of,
)
from truckcount.presence.engine import ClipScorer
from truckcount.presence.runtime import Maps
from truckcount.presence.tensor_background import add_tensor_difference
from truckcount.presence.views import plan_views

RNG = np.random.default_rng(4)
ROAD = RNG.integers(60, 180, (96, 160, 3), dtype=np.uint8)
TRUCK_PX = 24


def street(k: int, *, noise: float = 2.0, n: int = 25) -> np.ndarray:
    """Return picture k of n: a red truck drives across the road once."""
    rng = np.random.default_rng(k)
    picture = ROAD + rng.normal(0, noise, ROAD.shape)
    x = k * (ROAD.shape[1] - TRUCK_PX) // (n - 1)
    picture[40:60, x : x + TRUCK_PX] = (250, 10, 10)
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 13, 24, 25, 40])
def test_the_median_is_numpys(n):
    pictures = list(RNG.integers(0, 256, (n, 7, 5, 3), dtype=np.uint8))
    assert np.array_equal(median_of(pictures), np.sort(pictures, axis=0)[n // 2])


def test_a_truck_that_drives_by_is_no_background():
    pictures = [street(k) for k in range(25)]
    found = background_of(pictures)
    assert np.abs(found.astype(int) - ROAD).mean() < 2
    apart = add_difference(pictures[12], found)
    assert np.array_equal(apart[:, :, :3], pictures[12])
    x = 12 * (ROAD.shape[1] - TRUCK_PX) // 24
    assert apart[42:58, x + 2 : x + TRUCK_PX - 2, 3].min() > SAME + 50
    apart[36:64, x - 4 : x + TRUCK_PX + 4, 3] = SAME
    assert apart[:, :, 3].max() < SAME + 12


def test_other_light_is_no_news():
    light = np.clip(ROAD.astype(int) + 30, 0, 255).astype(np.uint8)
    assert np.median(add_difference(light, ROAD)[:, :, 3]) < SAME + 3


@pytest.mark.parametrize("background", [ROAD, None])
def test_tensors_differ_as_arrays_do(background):
    view = street(9, noise=9)
    array = add_difference(view, background)
    tensor = add_tensor_difference(torch.from_numpy(view), background).numpy()
    assert tensor.dtype == np.uint8
    assert np.abs(array.astype(int) - tensor).max() <= 1


def test_pictures_of_a_camera_that_moves_have_no_background():
    others = list(RNG.integers(0, 256, (9, 96, 160, 3), dtype=np.uint8))
    assert background_of(others) is None
    assert background_of([ROAD] * 9) is not None
    assert background_of([ROAD] * 3) is None  # so few may all show the same truck


def test_blocks_hold_one_camera_each_and_every_row_once():
    cameras = ["a"] * 60 + ["b"] * 3 + ["a"] * 30
    blocks = blocks_of(cameras)
    assert sorted(row for block in blocks for row in block) == list(range(93))
    for block in blocks:
        assert len({cameras[row] for row in block}) == 1
    assert sorted(map(len, blocks)) == [3, 22, 22, 23, 23]


def test_colours_alone_are_completed_with_nothing_known():
    views = RNG.integers(0, 256, (2, 32, 64, 3), dtype=np.uint8)
    for whole in (
        complete_views(views, 4),
        complete_views(torch.from_numpy(views), 4).numpy(),
    ):
        assert np.array_equal(whole[..., :3], views)
        assert (whole[..., 3] == SAME).all()
    assert complete_views(views, 3) is views


def sample(k: int, view: np.ndarray, flags: int = 0, gap_us: int = 200_000) -> Sample:
    t_us = k * gap_us
    return Sample(tick=k, t_us=t_us, pts_us=t_us, views=(view,), quality_flags=flags)


def test_samples_wait_for_the_first_background_and_keep_their_order():
    backgrounds = Backgrounds()
    shown = []
    for k in range(80):
        got = backgrounds.take(sample(k, street(k % 25)))
        if k < 50:
            assert not got
        shown += got
    assert [one.sample.tick for one in shown] == list(range(80))
    assert all(one.backgrounds[0] is not None for one in shown)
    assert np.abs(shown[0].backgrounds[0].astype(int) - ROAD).mean() < 4


def test_a_short_clip_is_shown_when_it_ends():
    backgrounds = Backgrounds()
    assert not [one for k in range(3) for one in backgrounds.take(sample(k, ROAD))]
    shown = backgrounds.flush()
    assert [one.backgrounds for one in shown] == [(None,)] * 3  # too few to know


def test_stills_wait_for_enough_pictures_not_for_time_alone():
    backgrounds = Backgrounds()
    n_shown = [
        len(backgrounds.take(sample(k, ROAD, gap_us=30_000_000))) for k in range(12)
    ]
    assert n_shown == [0] * (WAIT_PICTURES - 1) + [WAIT_PICTURES, 1, 1]


def test_memory_of_waiting_samples_is_bounded(monkeypatch):
    monkeypatch.setattr(module, "MOST_BYTES", 20 * ROAD.size)
    backgrounds = Backgrounds()
    n_shown = [len(backgrounds.take(sample(k, ROAD))) for k in range(22)]
    assert n_shown == [0] * 19 + [20, 1, 1]


def test_what_cannot_be_seen_is_not_learned():
    backgrounds = Backgrounds()
    black = np.zeros_like(ROAD)
    for k in range(60):
        is_dark = k % 4 != 0
        backgrounds.take(sample(k, black if is_dark else ROAD, FLAG_DARK * is_dark))
    (shown,) = backgrounds.take(sample(60, ROAD))
    assert np.array_equal(shown.backgrounds[0], ROAD)


def test_a_camera_that_was_turned_begins_anew():
    backgrounds = Backgrounds()
    for k in range(60):
        backgrounds.take(sample(k, ROAD))
    (moved,) = backgrounds.take(sample(60, ROAD, FLAG_MOVED))
    assert moved.backgrounds == ()
    other = ROAD[::-1].copy()
    shown = [one for k in range(61, 130) for one in backgrounds.take(sample(k, other))]
    assert np.array_equal(shown[0].backgrounds[0], other)


def test_the_background_follows_the_light():
    backgrounds = Backgrounds()
    light = np.clip(ROAD.astype(int) + 40, 0, 255).astype(np.uint8)
    for k in range(300):
        backgrounds.take(sample(k, ROAD, gap_us=1_000_000))
    for k in range(300, 480):
        (shown,) = backgrounds.take(sample(k, light, gap_us=1_000_000))
    assert np.array_equal(shown.backgrounds[0], light)


def test_a_clip_without_a_usable_picture_waits_for_none():
    backgrounds = Backgrounds()
    for k in range(5):
        unseen = sample(k, ROAD, FLAG_DARK)
        assert not backgrounds.take(replace(unseen, views=()))
    assert len(backgrounds.flush()) == 5


class FourthRuntime:
    """A truck where a view differs from its background."""

    device = "cpu"
    n_channels = 4

    def score_views(self, views):
        assert views.shape[3] == 4
        n, height, width, _ = views.shape
        cells = views[..., 3].reshape(n, height // 8, 8, width // 8, 8)
        heat = ((cells.mean(axis=(2, 4)) - SAME) / 128).clip(0, 1).astype(np.float32)
        return Maps(heat, np.zeros((n, 4, *heat.shape[1:]), np.float32))


GATE = Gate(name="g", polygon=((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)))


@pytest.mark.parametrize("is_gated", [False, True])
@pytest.mark.parametrize("batch_size", [1, 8, 64])
def test_the_engine_scores_the_same_whatever_the_batch(batch_size, is_gated):
    (rect,) = plan_views([GATE], (640, 360))
    shape = (rect.height_px, rect.width_px)
    road = np.random.default_rng(1).integers(60, 180, (*shape, 3), dtype=np.uint8)

    def scores_of(size):
        scorer = ClipScorer(
            FourthRuntime(), [GATE], [rect], "s", size, is_gated=is_gated
        )
        for k in range(90):
            view = road.copy()
            x = 4 * k % (shape[1] - 40)
            view[60:100, x : x + 40] = 250
            scorer.process(sample(k, view))
        return scorer.finish()["g"]

    want, got = scores_of(3), scores_of(batch_size)
    assert got.t_us.tolist() == [k * 200_000 for k in range(90)]
    assert np.array_equal(got.score_u8, want.score_u8)
    assert np.array_equal(got.peaks, want.peaks)
    assert (got.score_u8 > 100).mean() > 0.5
