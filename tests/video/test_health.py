"""A picture that cannot be counted from is told from a quiet one."""

import numpy as np
import pytest

from truckcount.domain.sample import (
    FLAG_DARK,
    FLAG_FROZEN,
    FLAG_MOVED,
    FLAG_OCCLUDED,
)
from truckcount.video.health import PictureHealth

FPS = 5
RNG = np.random.default_rng(0)


def scene(seed=1):
    """A still picture with structure of every size."""
    import cv2

    rng = np.random.default_rng(seed)
    image = np.zeros((192, 320, 3), np.uint8)
    for n in (6, 12, 40):
        coarse = rng.integers(0, 255, (n, n, 3)).astype(np.uint8)
        image = image + cv2.resize(coarse, (320, 192)) // 3
    return image


def noisy(image, level=2.0):
    return np.clip(image + RNG.normal(0, level, image.shape), 0, 255).astype(np.uint8)


def flags_of(pictures):
    health = PictureHealth()
    return [health.process(k * 1_000_000 // FPS, p) for k, p in enumerate(pictures)]


def seconds_with(flags, bit):
    return sum(bool(f & bit) for f in flags) / FPS


STILL = scene()


def test_a_quiet_day_raises_no_flag():
    assert not any(flags_of(noisy(STILL) for _ in range(60 * FPS)))


def test_a_quiet_night_raises_no_flag():
    night = (STILL * 0.12 + 8).astype(np.uint8)
    assert not any(flags_of(noisy(night, 3) for _ in range(60 * FPS)))


def test_passing_trucks_raise_no_flag():
    def traffic():
        for k in range(60 * FPS):
            image = STILL.copy()
            x = (k * 12) % 500 - 150
            image[40:180, max(x, 0) : max(x + 150, 0)] = (180, 180, 190)
            yield noisy(image)

    assert not any(flags_of(traffic()))


def test_a_slow_change_of_light_raises_no_flag():
    days = (noisy((STILL * (1 - 0.8 * k / 400)).astype(np.uint8)) for k in range(400))
    assert not any(flags_of(days))


def test_a_frozen_picture_is_known_after_ten_seconds():
    pictures = [noisy(STILL) for _ in range(5 * FPS)]
    flags = flags_of(pictures + [pictures[-1]] * (30 * FPS))
    assert seconds_with(flags, FLAG_FROZEN) == pytest.approx(20, abs=0.5)


@pytest.mark.parametrize("level", [2, 252])
def test_black_and_white_out_are_dark_at_once(level):
    blank = np.full_like(STILL, level)
    flags = flags_of([noisy(STILL)] * 5 + [noisy(blank, 1) for _ in range(5 * FPS)])
    assert seconds_with(flags, FLAG_DARK) == 5


def test_a_cover_over_the_lens_is_occluded():
    grey = np.full_like(STILL, 120)
    pictures = [noisy(STILL) for _ in range(20 * FPS)]
    flags = flags_of(pictures + [noisy(grey, 0.5) for _ in range(20 * FPS)])
    assert seconds_with(flags, FLAG_OCCLUDED) == pytest.approx(17, abs=1)


def test_a_turned_camera_is_moved():
    turned = np.roll(STILL, 60, axis=1)
    pictures = [noisy(STILL) for _ in range(20 * FPS)]
    flags = flags_of(pictures + [noisy(turned) for _ in range(20 * FPS)])
    assert seconds_with(flags, FLAG_MOVED) == pytest.approx(15, abs=1.5)


def test_a_camera_that_shakes_is_not_moved():
    shaken = (noisy(np.roll(STILL, k % 5 - 2, axis=1)) for k in range(60 * FPS))
    assert not any(flags_of(shaken))
