"""Half-hour zone."""

from dataclasses import replace

import pytest

from tests.pitfalls.scenes import (
    CAMERA,
    HOUR_US,
    S_US,
    film,
    piece,
    publish,
    read,
    through,
)
from truckcount.pipeline.counts.bins import bins_of, is_odd_zone
from truckcount.store.check import check_store


def test_kolkata_gets_quarters_that_sum_to_local_days(tmp_path):
    """Midnight of Kolkata is 18:30Z: trucks just before and just after it."""
    camera = replace(CAMERA, timezone="Asia/Kolkata")
    at_s = 18 * 3600 + 29 * 60
    scene = film([through(t) for t in (20, 55, 70, 100)], 120)
    files = [piece("a", scene, shift_us=at_s * S_US)]
    store = publish(tmp_path, files, camera=camera)
    bins, passages = read(store, "bins_15"), read(store, "passages")
    assert set(bins["bin_minutes"]) == {15}
    by_day = bins.groupby(bins["local_start"].dt.date)["n_trucks"].sum()
    local = passages["onset_utc"].dt.tz_convert("Asia/Kolkata").dt.date
    assert (
        by_day.tolist()
        == passages[passages["is_counted"]].groupby(local).size().tolist()
    )
    assert by_day.tolist() == [2, 2]
    assert bins["n_trucks"].sum() == read(store)["n_trucks"].sum()
    assert check_store(tmp_path) == []


@pytest.mark.parametrize(
    ("zone", "is_odd"),
    [
        ("Asia/Kolkata", True),
        ("Asia/Kathmandu", True),
        ("Australia/Adelaide", True),
        ("Australia/Lord_Howe", True),  # half of the year
        ("America/Chicago", False),
        ("UTC", False),
    ],
)
def test_zones_whose_days_cut_an_hour(zone, is_odd):
    assert is_odd_zone(zone, 2026) == is_odd
    low = 1_767_225_600_000_000
    assert bins_of(zone, 60, low, low + HOUR_US) == ([15, 60] if is_odd else [60])
    assert bins_of(zone, 5, low, low + HOUR_US) == [5, *([15] if is_odd else []), 60]
