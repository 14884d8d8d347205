"""A mosaic holds one colour a tile, whatever stood there: that is its protection."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import ROOT
from tests.counting.simulate import film, through
from truckcount.video.mosaic import (
    LEAST_FRACTION,
    MIN_TILE_PX,
    MOST_FRACTION,
    UNKNOWN_FRACTION,
    make_mosaic,
    tile_fraction,
)

RNG = np.random.default_rng(0)


@given(height=st.integers(1, 90), width=st.integers(1, 120), tile=st.floats(0.001, 0.9))
@settings(max_examples=40, deadline=None)
def test_every_tile_has_one_colour_and_none_is_smaller_than_asked(height, width, tile):
    image = RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)
    mosaic = make_mosaic(image, tile)
    assert mosaic.shape == image.shape
    side = max(MIN_TILE_PX, round(tile * height))
    for y in range(0, height, side):
        for x in range(0, width, side):
            part = mosaic[y : y + side, x : x + side].reshape(-1, 3)
            assert (part == part[0]).all()


def face(mouth):
    """A face of 12 x 12 px: two eyes, and a mouth that tells two people apart."""
    image = np.full((12, 12, 3), 180, np.uint8)
    image[3:5, 2:4] = image[3:5, 8:10] = 30
    image[9, 3 : 3 + mouth] = 60
    image[8, 3 : 3 + 6 - mouth] = 60
    return image


def test_two_faces_in_a_tile_cannot_be_told_apart():
    street = RNG.integers(90, 110, (360, 640, 3), dtype=np.uint8)
    people = []
    for mouth in (1, 5):
        picture = street.copy()
        picture[120:132, 240:252] = face(mouth)
        people.append(picture)
    assert (people[0] != people[1]).any()
    one, other = (make_mosaic(p, UNKNOWN_FRACTION) for p in people)
    assert (one == other).all()


def test_tiles_follow_the_trucks_and_stay_within_limits():
    small = film([through(t, size=(0.3, 0.24)) for t in (0, 6)], 12)
    assert tile_fraction([small]) == pytest.approx(0.02, abs=1e-3)
    assert tile_fraction([film([], 12)]) == UNKNOWN_FRACTION
    assert tile_fraction([]) == UNKNOWN_FRACTION
    for height, limit in ((0.05, LEAST_FRACTION), (1.0, MOST_FRACTION)):
        trucks = film([through(1, size=(0.3, height))], 6)
        assert tile_fraction([trucks]) == pytest.approx(limit)


def test_privacy_page_tells_the_figures_that_were_measured():
    name = "blur_people.json"
    found = json.loads((ROOT / "benchmarks" / "results" / name).read_text())
    page = " ".join((ROOT / "docs" / "privacy.md").read_text().split())
    for key in ("n_people", "widest_face_tiles", "widest_face_smallest_tiles"):
        value = found[key]
        text = f"{value:,}" if isinstance(value, int) else f"{value:g}"
        assert text in page, key


def test_the_figures_can_be_measured_again():
    from benchmarks.blur_people import DATA, measure

    if not DATA.exists():
        pytest.skip("labelled pictures are not here")
    names = ("boxes", "images")
    boxes, images = (pd.read_parquet(DATA / f"{name}.parquet") for name in names)
    found = json.loads((ROOT / "benchmarks/results/blur_people.json").read_text())
    again = measure(boxes, images)
    assert {k: found[k] for k in again} == again
