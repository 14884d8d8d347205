"""A picture that cannot be counted from is told from a quiet one."""

import itertools

import cv2
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
    rng = np.random.default_rng(seed)
    image = np.zeros((192, 320, 3), np.uint8)
    for n in (6, 12, 40):
        coarse = rng.integers(0, 255, (n, n, 3)).astype(np.uint8)
        image = image + cv2.resize(coarse, (320, 192)) // 3
    return image


GRAIN = RNG.normal(0, 1, (24, 192, 320, 3)).astype(np.float32)
_grains = itertools.cycle(GRAIN)


def noisy(image, level=2.0):
    return np.clip(image + level * next(_grains), 0, 255).astype(np.uint8)


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


def parked(x0, x1, y0=12, y1=185):
    """A pale trailer over a part of the view."""
    image = STILL.copy()
    image[y0:y1, max(x0, 0) : min(max(x1, 0), 320)] = (225, 225, 228)
    return image


def headlights(k):
    image = STILL * 0.12 + 8
    cv2.circle(image, (k * 9 % 400 - 40, 100), 60, (250, 250, 240), -1)
    return image


WARM = 12 * FPS
LIGHTS = {
    "a cloud": STILL * 0.45,
    "sun": np.clip(STILL * 1.5 + 20, 0, 255),
    "night view without colour": cv2.cvtColor(
        cv2.cvtColor(STILL, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB
    ),
    "fog": STILL * 0.16 + 160,
}


@pytest.mark.parametrize("name", LIGHTS)
def test_a_sudden_change_of_light_raises_no_flag(name):
    after = [noisy(LIGHTS[name]) for _ in range(15 * FPS)]
    assert not any(flags_of([noisy(STILL) for _ in range(WARM)] + after))


def test_nothing_but_noise_raises_no_flag():
    noise = (RNG.integers(0, 255, STILL.shape, np.uint8) for _ in range(25 * FPS))
    assert not any(flags_of(noise)), "no shift is read out of it either"


def test_headlights_by_night_raise_no_flag():
    assert not any(flags_of(noisy(headlights(k), 3) for k in range(30 * FPS)))


def test_a_large_truck_that_creeps_by_raises_no_flag():
    warm = [noisy(STILL) for _ in range(WARM)]
    creeping = [noisy(parked(x - 290, x)) for x in range(0, 610, 4)]
    assert not any(flags_of(warm + creeping))


def test_a_large_truck_that_waits_in_the_gate_raises_no_flag():
    warm = [noisy(STILL) for _ in range(WARM)]
    assert not any(flags_of(warm + [noisy(parked(20, 310))] + [
        noisy(parked(20, 310)) for _ in range(20 * FPS)
    ]))  # fmt: skip


@pytest.mark.parametrize("sigma_px", [10, 25])
def test_a_lens_out_of_focus_is_occluded(sigma_px):
    blurred = cv2.GaussianBlur(STILL, (0, 0), sigma_px)
    after = [noisy(blurred) for _ in range(10 * FPS)]
    flags = flags_of([noisy(STILL) for _ in range(WARM)] + after)
    assert seconds_with(flags, FLAG_OCCLUDED) == pytest.approx(7, abs=0.5)
    assert not any(flags[:WARM])


@pytest.mark.parametrize("axis", [0, 1], ids=["up", "aside"])
def test_a_camera_knocked_either_way_is_moved(axis):
    knocked = np.roll(STILL, 34, axis=axis)
    after = [noisy(knocked) for _ in range(10 * FPS)]
    flags = flags_of([noisy(STILL) for _ in range(WARM)] + after)
    assert seconds_with(flags, FLAG_MOVED) == pytest.approx(5, abs=0.5)
    assert not any(flags[:WARM])


def test_a_picture_that_comes_back_is_usable_again():
    warm = [noisy(STILL) for _ in range(WARM)]
    for gone in (
        np.full_like(STILL, 120),
        np.full_like(STILL, 2),
        np.roll(STILL, 60, 1),
    ):
        flags = flags_of(
            warm + [noisy(gone, 0.5) for _ in range(8 * FPS)] + warm
        )  # fmt: skip
        assert any(flags[WARM:-WARM])
        assert not any(flags[1 - WARM :])


def test_a_camera_that_shakes_is_not_moved():
    shaken = (noisy(np.roll(STILL, k % 5 - 2, axis=1)) for k in range(60 * FPS))
    assert not any(flags_of(shaken))
