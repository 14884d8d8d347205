"""Frames of a run: always the same columns and types, those that the store has."""

import pandas as pd
import pytest

import truckcount
from tests.pipeline.red_box import write_red_model, write_traffic

pytestmark = pytest.mark.video


@pytest.fixture
def count(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = write_red_model(tmp_path)

    def run(name, trucks, **options):
        film = tmp_path / name
        if not film.exists():
            write_traffic(film, trucks, 6)
        return truckcount.run(film, model=model, **options)

    return run


def test_hours_are_the_rows_of_the_table_in_its_types(count):
    hours = count("gate_20260302T090000Z.mp4", {1.0: 1}).hours
    stored = pd.read_parquet("store/hours")
    pd.testing.assert_frame_equal(hours, stored, rtol=1e-3)
    assert hours["n_trucks_est"].dtype == "float64", "though none has one"


def test_bins_have_the_same_types(count):
    hours = count("gate_20260302T090000Z.mp4", {1.0: 1}).hours
    bins = count("gate_20260302T090000Z.mp4", {1.0: 1}, bins=15).hours
    pd.testing.assert_series_equal(bins.dtypes, hours.dtypes)
    assert bins["bin_minutes"].unique().tolist() == [15]


def test_a_quiet_film_and_no_film_at_all_give_whole_frames(count):
    busy = count("gate_20260302T090000Z.mp4", {1.0: 1})
    quiet = count("gate_20260302T100000Z.mp4", {})
    none = truckcount.run("gone.mp4", store="other")
    assert len(busy.passages) == 1
    for result in (quiet, none):
        passages = result.passages
        pd.testing.assert_series_equal(passages.dtypes, busy.passages.dtypes)
        assert passages[passages["is_counted"]].empty
    pd.testing.assert_series_equal(none.hours.dtypes, busy.hours.dtypes)
    assert none.hours.empty
