"""Drawings are small, and hold every cell once."""

import itertools
import re
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckcount.reporting.drawing import (
    N_LEVELS,
    draw_heat,
    draw_line,
    draw_strip,
    find_breaks,
    level_class,
)

DAYS = [date(2026, 1, 1) + timedelta(days=k) for k in range(90)]


def area(svg, name):
    """Cells of one colour."""
    found = re.search(rf'<path class="{name}" d="([^"]*)"', svg)
    return sum(int(n) for n in re.findall(r"h(\d+)v1", found[1])) if found else 0


@settings(max_examples=25)
@given(st.integers(1, 20), st.integers(0, 2**32 - 1))
def test_each_cell_has_exactly_one_colour(n_days, seed):
    rng = np.random.default_rng(seed)
    trucks = rng.poisson(rng.choice([0.2, 3, 40]), (24, n_days)).astype(float)
    watched = np.ones_like(trucks)
    is_null = rng.random(trucks.shape) < 0.1
    trucks[is_null], watched[is_null] = np.nan, 0
    svg = draw_heat(trucks, watched, DAYS[:n_days], "x")
    assert area(svg, "null") == is_null.sum()
    assert area(svg, "v0") == (trucks == 0).sum()
    coloured = sum(area(svg, f"v{k}") for k in range(1, N_LEVELS + 1))
    assert coloured == (trucks > 0).sum()


def test_ninety_days_are_a_few_kilobytes():
    rng = np.random.default_rng(1)
    trucks = rng.poisson(12, (24, 90)).astype(float)
    assert len(draw_heat(trucks, np.ones_like(trucks), DAYS, "x")) < 30_000


def test_an_hour_without_row_is_left_blank():
    trucks = np.full((24, 2), np.nan)
    svg = draw_heat(trucks, np.full((24, 2), np.nan), DAYS[:2], "x")
    assert "<path" not in svg


def test_a_day_nobody_watched_breaks_the_line():
    trucks = np.array([3.0, np.nan, 5.0, 6.0])
    svg = draw_line(trucks, np.array([1, 0, 0.5, 1.0]), DAYS[:4], "x")
    run = re.search(r'class="run" d="([^"]*)"', svg)[1]
    assert run.count("M") == 2
    assert run.count("L") == 1
    assert svg.count("dot hollow") == 1


def test_a_strip_tells_nothing_watched_from_no_row():
    svg = draw_strip(np.array([1.0, 0.0, np.nan]), "x")
    assert svg.count('"M1 0h1') == 1
    assert "M2" not in svg


def test_colours_rise_with_the_count():
    breaks = find_breaks(np.array([0, 1, 1, 2, 5, 9, 30.0]))
    assert breaks == sorted(set(breaks))
    assert breaks[0] >= 1
    levels = [level_class(k, len(breaks)) for k in range(len(breaks))]
    assert levels == sorted(set(levels))
    assert levels[-1] == N_LEVELS
    assert find_breaks(np.zeros(3)) == [1]


@pytest.mark.parametrize("n_days", [1, 7, 25, 43, 90, 200, 366])
def test_the_days_names_stand_apart(n_days):
    days = [date(2026, 3, 2) + timedelta(days=k) for k in range(n_days)]
    svg = draw_heat(np.zeros((24, n_days)), np.ones((24, n_days)), days, "x")
    places = [int(x) for x in re.findall(r'<text x="(\d+)"[^>]*middle', svg)]
    assert all(b - a >= 41 for a, b in itertools.pairwise(places))
