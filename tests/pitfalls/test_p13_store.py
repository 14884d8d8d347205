"""Null is not zero."""

import re

from tests.conftest import ROOT
from tests.pitfalls.scenes import film, piece, publish, quiet, read, through
from truckcount.store.check import check_store


def test_an_outage_of_two_hours_is_null_and_a_quiet_hour_is_zero(tmp_path):
    files = [piece("a", film([through(30)], 60)), quiet(60, "b", at_s=3 * 3600)]
    hours = read(publish(tmp_path, files))
    assert hours["n_trucks"].isna().tolist() == [False, True, True, False]
    assert hours["n_trucks"].dropna().tolist() == [1, 0]
    assert hours["coverage_s"].tolist()[1:3] == [0, 0]
    assert hours["max_gap_s"].tolist()[1:3] == [3600, 3600]
    unknown = ["onsets", "n_censored", "busy_s", "occupancy_mean", "n_trucks_est"]
    assert hours.loc[1:2, unknown].isna().all().all()
    assert check_store(tmp_path) == []


def test_nowhere_are_nulls_filled_with_zeros():
    filled = re.compile(
        r"(?<!`)fillna\(\s*(value\s*=\s*)?0|fill_null\(\s*0|fill_null\([^,]+, 0\)"
    )
    for folder in ("truckcount", "pipelines"):
        for path in (ROOT / folder).rglob("*.py"):
            assert not filled.search(path.read_text()), path
