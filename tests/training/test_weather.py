"""Weather changes light, not the place of things."""

import numpy as np
import pytest

from truckcount.training.weather import (
    add_rain,
    change_weather,
    turn_to_infrared,
    turn_to_night,
)


def road():
    image = np.full((90, 140, 3), (110, 120, 100), np.uint8)
    image[30:60, 40:100] = (210, 60, 50)
    image[5:9, 5:9] = 255
    return image


def contrast(image):
    """How much brighter or redder the box is than the road."""
    inside = image[32:58, 42:98].reshape(-1, 3).mean(0)
    outside = image[65:, :].reshape(-1, 3).mean(0)
    return np.abs(inside - outside).max()


@pytest.mark.parametrize("seed", range(3))
def test_rain_brightens_streaks_and_leaves_the_box(seed):
    wet = add_rain(np.random.default_rng(seed), road())
    is_brighter = (wet.astype(int) - road() > 15).any(axis=2)
    assert 0.005 < is_brighter.mean() < 0.5
    assert contrast(wet) > 50


@pytest.mark.parametrize("seed", range(3))
def test_night_is_dark_but_for_lamps(seed):
    dark = turn_to_night(np.random.default_rng(seed), road())
    assert dark[65:].mean() < 0.55 * road()[65:].mean()
    assert dark[6:8, 6:8].mean() > 150


def test_infrared_has_no_colour_and_a_bright_middle():
    seen = turn_to_infrared(road())
    assert np.ptp(seen.astype(int), axis=2).max() == 0
    assert seen[62, 70, 0] > 1.5 * seen[88, 2, 0]


def test_most_views_keep_their_weather():
    rng = np.random.default_rng(0)
    same = sum(change_weather(rng, road()) is not None for _ in range(10))
    kept = sum(np.array_equal(change_weather(rng, road()), road()) for _ in range(200))
    assert same == 10
    assert 130 < kept < 190
