"""Exports: null is empty, zero is 0, and a day with a hole is no record."""

import csv
from datetime import timedelta

import pytest

from tests.features.fill import HOUR, T0, revision, utc, write_store
from truckcount.errors import FeatureError
from truckcount.features import export
from truckcount.store.schema import schema_of

STATION = {
    ("dc-01", "dock-exit", "out"): export.Station(
        state_fips="32", station_id="RENO01", direction_code=3
    )
}


def test_csv_tells_null_from_zero_and_times_in_utc(tmp_path):
    rows = [revision(T0, 0), revision(T0 + HOUR, coverage_s=0.0)]
    store = write_store(tmp_path / "store", rows)
    assert export.csv(store, tmp_path / "hours.csv") == 2
    with (tmp_path / "hours.csv").open() as file:
        assert file.readline() == "# tc.schema_version=1\n"
        found = list(csv.DictReader(file))
    assert list(found[0]) == schema_of("hours").names
    assert [r["n_trucks"] for r in found] == ["0", ""]
    assert found[0]["hour_start_utc"] == "2026-01-05T00:00:00Z"
    assert found[0]["local_start"] == "2026-01-05T00:00:00"
    assert found[0]["is_final"] == "false"


def test_csv_is_as_of_a_moment_where_asked(tmp_path):
    rows = [revision(T0 + k * HOUR) for k in range(5)]
    store = write_store(tmp_path / "store", rows)
    assert export.csv(store, tmp_path / "a.csv", "2026-01-05T03:00Z") == 2


def chicago(start, n_hours, **gaps):
    return [
        revision(start + k * HOUR, k % 24, 0.0 if k in gaps.get("dark", ()) else 3600.0,
                 tz="America/Chicago")
        for k in range(n_hours)
    ]  # fmt: skip


def test_a_volume_record_is_a_local_day_of_24_hours(tmp_path):
    # 2025-11-02 has 25 hours in Chicago: the repeated one is added to the first
    rows = chicago(utc("2025-11-02 05:00"), 25)
    store = write_store(tmp_path / "store", rows)
    assert export.tmg(store, tmp_path / "v.txt", STATION) == []
    (line,) = (tmp_path / "v.txt").read_text().splitlines()
    fields = line.split("|")
    assert fields[:10] == ["V", "32", "", "RENO01", "3", "0", "2025", "11", "02", "1"]
    volumes = [int(v) for v in fields[10:34]]
    assert volumes == [0, 1 + 2, *range(3, 24), 0]
    assert fields[34:] == ["0"]


def test_whole_and_partly_watched_hours_of_a_record_carry_one_factor(tmp_path):
    rows = [
        revision(T0 + k * HOUR, 10 if k == 5 else 20, 1800.0 if k == 5 else 3600.0,
                 calibration_id="c", n_trucks_est=24.0)
        for k in range(24)
    ]  # fmt: skip
    store = write_store(tmp_path / "store", rows)
    assert export.tmg(store, tmp_path / "v.txt", STATION) == []
    fields = (tmp_path / "v.txt").read_text().strip().split("|")
    assert fields[10:34] == ["24"] * 24


def test_the_hour_that_spring_leaves_out_is_empty(tmp_path):
    store = write_store(tmp_path / "store", chicago(utc("2025-03-09 06:00"), 23))
    assert export.tmg(store, tmp_path / "v.txt", STATION) == []
    fields = (tmp_path / "v.txt").read_text().strip().split("|")
    assert fields[12] == ""
    assert fields[13] == "2"


@pytest.mark.parametrize("begin", ["2025-10-03 10:00", "2025-04-04 10:00"])
def test_a_day_whose_clock_moves_by_half_an_hour_is_a_record(tmp_path, begin):
    rows = [
        revision(utc(begin) + k * HOUR, 1, tz="Australia/Lord_Howe") for k in range(80)
    ]
    store = write_store(tmp_path / "store", rows)
    left_out = export.tmg(store, tmp_path / "v.txt", STATION)
    assert len(left_out) == 2  # the days that were begun and cut
    assert len((tmp_path / "v.txt").read_text().splitlines()) == 3


def test_the_midnight_that_comes_twice_is_one_day(tmp_path):
    """Havana's clocks go back at 01:00, to midnight once more."""
    rows = [
        revision(utc("2025-11-02 04:00") + k * HOUR, 1, tz="America/Havana")
        for k in range(25)
    ]
    store = write_store(tmp_path / "store", rows)
    assert export.tmg(store, tmp_path / "v.txt", STATION) == []
    fields = (tmp_path / "v.txt").read_text().strip().split("|")
    assert fields[10:34] == ["2", *["1"] * 23]


def test_a_day_with_an_unwatched_hour_is_left_out_and_listed(tmp_path):
    rows = chicago(utc("2025-06-02 05:00"), 48 + 3, dark={30})
    store = write_store(tmp_path / "store", rows)
    left = export.tmg(store, tmp_path / "v.txt", STATION)
    assert left == [
        "dc-01/dock-exit/out 2025-06-03",  # dark
        "dc-01/dock-exit/out 2025-06-04",  # cut short
    ]
    assert len((tmp_path / "v.txt").read_text().splitlines()) == 1


def test_delta_gets_each_revision_once(tmp_path):
    deltalake = pytest.importorskip("deltalake", reason="extra `delta` is missing")
    first = [revision(T0 + k * HOUR) for k in range(3)]
    store = write_store(tmp_path / "store", first)
    dest = str(tmp_path / "delta")
    assert export.delta(store, dest) == 3
    assert export.delta(store, dest) == 0
    more = revision(n=9, revision=2, known_at_utc=T0 + timedelta(days=2))
    write_store(tmp_path / "store", [*first, more])
    assert export.delta(store, dest) == 1
    assert deltalake.DeltaTable(dest).to_pyarrow_table().num_rows == 4


def test_delta_says_what_it_lacks(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "deltalake", None)
    store = write_store(tmp_path / "store", [revision()])
    with pytest.raises(FeatureError, match=r"truckcount\[delta\]"):
        export.delta(store, str(tmp_path / "delta"))


def test_the_last_revisions_of_a_delta_table_are_the_hours(tmp_path):
    deltalake = pytest.importorskip("deltalake", reason="extra `delta` is missing")
    rows = [revision(T0), revision(T0 + HOUR, coverage_s=0.0)]
    more = revision(n=9, revision=2, known_at_utc=T0 + timedelta(days=2))
    store = write_store(tmp_path / "store", [*rows, more])
    export.delta(store, str(tmp_path / "delta"))
    found = deltalake.DeltaTable(tmp_path / "delta").to_pandas()
    assert list(found.columns) == schema_of("history").names
    latest = found.sort_values("revision").groupby("hour_start_utc").tail(1)
    latest = latest.sort_values("hour_start_utc")
    assert latest["n_trucks"].iloc[0] == 9
    assert latest["n_trucks"].isna().tolist() == [False, True], "null is not zero"
    assert latest["hour_start_utc"].tolist() == [T0, T0 + HOUR]


def test_a_delta_table_inside_the_store_is_refused(tmp_path):
    pytest.importorskip("deltalake", reason="extra `delta` is missing")
    store = write_store(tmp_path / "store", [revision()])
    before = sorted(store.rglob("*"))
    with pytest.raises(FeatureError, match="outside"):
        export.delta(store, str(tmp_path / "x" / ".." / "store" / "hours"))
    assert sorted(store.rglob("*")) == before


def test_a_delta_table_of_something_else_is_left_alone(tmp_path):
    deltalake = pytest.importorskip("deltalake", reason="extra `delta` is missing")
    import pyarrow as pa

    store = write_store(tmp_path / "store", [revision()])
    deltalake.write_deltalake(tmp_path / "other", pa.table({"a": [1]}))
    with pytest.raises(FeatureError, match="cannot be written as a Delta table"):
        export.delta(store, str(tmp_path / "other"))
    assert deltalake.DeltaTable(tmp_path / "other").version() == 0


def with_registry(store, gate):
    (store / "_meta" / "cameras.toml").write_text(
        "[cameras.dc-01]\n[[cameras.dc-01.gates]]\nname = 'dock-exit'\n" + gate
    )
    return store


@pytest.mark.parametrize(
    ("gate", "codes"),
    [
        ("in = [1, 0]\ncompass_out = 3", {"out": 3, "in": 7}),
        ("in = [1, 0]\ncompass_out = 6", {"out": 6, "in": 2}),
        ("compass_out = 5", {"any": 9}),  # north and south in one
        ("compass_out = 8", {"any": 0}),  # south-east and north-west in one
    ],
)
def test_a_station_looks_where_the_registry_says(tmp_path, gate, codes):
    store = with_registry(write_store(tmp_path / "store", [revision()]), gate)
    stations = export.read_stations(store, "32", {("dc-01", "dock-exit"): "RENO01"})
    assert {key[2]: s.direction_code for key, s in stations.items()} == codes
    assert {s.station_id for s in stations.values()} == {"RENO01"}


def test_records_of_both_directions_come_from_the_registry(tmp_path):
    rows = [
        revision(T0 + k * HOUR, n, direction=direction)
        for k in range(24)
        for direction, n in (("in", 1), ("out", 2), ("unknown", 3))
    ]
    store = write_store(tmp_path / "store", rows)
    with_registry(store, "in = [1, 0]\ncompass_out = 3")
    stations = export.read_stations(store, "32", {("dc-01", "dock-exit"): "RENO01"})
    assert export.tmg(store, tmp_path / "v.txt", stations) == []
    lines = [line.split("|") for line in (tmp_path / "v.txt").read_text().splitlines()]
    assert [(f[4], set(f[10:34])) for f in lines] == [("7", {"1"}), ("3", {"2"})]


@pytest.mark.parametrize("gate", ["", "compass_out = 9", "compass_out = 'east'"])
def test_a_compass_that_is_none_is_refused(tmp_path, gate):
    store = with_registry(write_store(tmp_path / "store", [revision()]), gate)
    with pytest.raises(FeatureError, match="compass_out"):
        export.read_stations(store, "32", {("dc-01", "dock-exit"): "RENO01"})
