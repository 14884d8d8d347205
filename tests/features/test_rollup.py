"""Roll-ups to local days, weeks, months and quarters, by gate, site and ticker."""

import logging

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from tests.features.fill import HOUR, T0, hours_frame, revision, write_store
from truckcount.errors import FeatureError, NaiveTimeError
from truckcount.features import (
    daily,
    fiscal445,
    fiscal_quarter,
    load_hours,
    rollup,
    year_before,
)
from truckcount.features.grid import make_grid
from truckcount.features.totals import measure_phi, measure_total

COLUMNS = {
    "total",
    "se",
    "se_indep",
    "cov_w",
    "cov_time",
    "n_hours_null",
    "share_imputed",
}


def test_days_are_local_days_and_conserve_trucks():
    hours = hours_frame("2025-10-30", np.arange(120), tz="America/Chicago")
    days = daily(hours)
    assert set(days.columns) >= COLUMNS
    assert list(days["period_start"].astype(str)) == [
        f"2025-{d}" for d in ("10-29", "10-30", "10-31", "11-01", "11-02", "11-03")
    ]
    # 2 November has 25 hours, the ends are cut by what was watched
    assert list(days["n_hours"]) == [5, 24, 24, 24, 25, 18]
    assert list(days["is_complete"]) == [False, True, True, True, True, False]
    assert days["total"].sum() == pytest.approx(np.arange(120).sum())


@pytest.mark.parametrize(
    ("start", "zone", "hours"),
    [
        ("2025-03-08", "America/New_York", {"2025-03-09": 23}),
        ("2025-10-25", "Europe/Berlin", {"2025-10-26": 25}),
        ("2025-03-08", "America/Havana", {"2025-03-09": 23}),
        ("2025-11-01", "America/Havana", {"2025-11-02": 25}),
        ("2025-11-01", "America/New_York", {"2025-11-02": 25}),
        ("2025-03-29", "Europe/Berlin", {"2025-03-30": 23}),
    ],
)
def test_days_of_the_clock_change_are_whole(start, zone, hours):
    days = daily(hours_frame(start, np.ones(72), tz=zone))
    for day, n_hours in hours.items():
        row = days[days["period_start"] == day].iloc[0]
        assert row["n_hours"] == row["total"] == n_hours
        assert row["is_complete"]
    assert days["total"].sum() == 72


@pytest.mark.parametrize(
    ("start", "day", "n_hours"),
    [("2025-04-04", "2025-04-06", 24.5), ("2025-10-03", "2025-10-05", 23.5)],
    ids=["autumn", "spring"],
)
def test_days_of_a_change_by_half_an_hour_are_whole_by_bins(start, day, n_hours):
    zone, n_bins = "Australia/Lord_Howe", 72 * 4
    times = pd.date_range(start, periods=n_bins, freq="15min", tz="UTC")
    bins = hours_frame(start, np.arange(n_bins), 900.0, tz=zone)
    bins = bins.rename(columns={"hour_start_utc": "bin_start_utc"})
    bins["bin_start_utc"], bins["bin_minutes"] = times, 15
    local = times.tz_convert(zone)
    bins["utc_offset_min"] = [t.utcoffset().total_seconds() // 60 for t in local]
    days = daily(bins).set_index("period_start")
    assert days.loc[day, "n_hours"] == days.loc[day, "cov_w"] * n_hours == n_hours
    assert days.loc[day, "is_complete"]
    by_hand = pd.Series(np.arange(n_bins)).groupby(local.date).sum()
    assert days["total"].tolist() == pytest.approx(by_hand.tolist())
    # by whole UTC hours none is lost, though an edge may fall to the next day
    hours = daily(hours_frame(start, np.arange(72), tz=zone))
    assert hours["total"].sum() == pytest.approx(sum(range(72)))
    assert hours.set_index("period_start").loc[day, "is_complete"]
    assert not hours["is_complete"].iloc[[0, -1]].any()


def test_zones_of_half_hours_are_warned_of_and_exact_by_bins(caplog):
    hours = hours_frame("2026-01-05", np.ones(48), tz="Asia/Kolkata")
    hours["utc_offset_min"] = 330
    with caplog.at_level(logging.WARNING):
        daily(hours)
    assert "dc-01" in caplog.text
    assert "load_bins" in caplog.text
    times = pd.date_range("2026-01-05", periods=192, freq="15min", tz="UTC")
    bins = hours_frame("2026-01-05", np.arange(192), 900.0, tz="Asia/Kolkata")
    bins = bins.rename(columns={"hour_start_utc": "bin_start_utc"})
    bins["bin_start_utc"], bins["bin_minutes"] = times, 15
    caplog.clear()
    days = daily(bins)
    assert not caplog.text
    by_hand = pd.Series(np.arange(192)).groupby(times.tz_convert("Asia/Kolkata").date)
    assert list(days["total"]) == pytest.approx(list(by_hand.sum()))
    assert list(days["n_hours"]) == list(by_hand.size() / 4)


def test_weeks_begin_on_monday_and_months_on_the_first():
    hours = hours_frame("2026-01-01", np.ones(24 * 60))
    weeks, months = rollup(hours, "W"), rollup(hours, "M")
    assert (weeks["period_start"].dt.day_of_week == 0).all()
    assert list(weeks["is_complete"]) == [False, *[True] * 8]
    assert list(months["period_start"].astype(str)) == [
        "2026-01-01",
        "2026-02-01",
        "2026-03-01",
    ]
    assert list(months["n_hours"]) == [31 * 24, 28 * 24, 24]
    assert list(months["is_complete"]) == [True, True, False]


def test_fiscal_quarters_are_those_of_the_calendar():
    hours = hours_frame("2023-10-29", np.ones(24 * 98))
    calendar = fiscal445(2023, 2023, month=1)
    (row,) = fiscal_quarter(hours, calendar).to_dict("records")
    assert (row["fiscal_year"], row["fiscal_quarter"], row["weeks"]) == (2023, 4, 14)
    assert row["total"] == 24 * 98
    assert row["is_complete"]
    shifted = fiscal_quarter(hours, year_before(calendar))
    assert len(shifted) == 0


def test_every_direction_of_a_gate_is_a_row_of_its_own():
    hours = pd.concat(
        [hours_frame("2026-01-05", np.full(24, n), direction=d)
         for n, d in ((1, "in"), (2, "out"), (3, "unknown"))]
    )  # fmt: skip
    days = daily(hours)
    assert dict(zip(days["direction"], days["total"], strict=True)) == {
        "in": 24,
        "out": 48,
        "unknown": 72,
    }


SITE_MAP = pd.DataFrame(
    {
        "camera": ["a", "b", "c", "d"],
        "gate": "exit",
        "role": ["exit", "exit", "entry", "exit"],
        "site": ["north", "north", "north", "south"],
        "ticker": ["X", "X", "X", "X"],
        "weight": [1.0, 0.0, 1.0, 0.5],  # b watches the gate of a
    }
)


def site_hours(n=10, **columns):
    cameras = dict(zip("abcd", (10, 99, 5, 20), strict=True))
    return pd.concat(
        [hours_frame("2026-01-05", np.full(48, k), camera=c, gate="exit", **columns)
         for c, k in cameras.items()]
    )  # fmt: skip


def test_a_site_is_its_exits_and_a_second_camera_on_a_gate_counts_once():
    by_site = rollup(site_hours(), "D", by="site", site_map=SITE_MAP)
    assert list(by_site["site"]) == ["north", "north", "south", "south"]
    assert list(by_site["total"]) == [240, 240, 240, 240]
    by_ticker = rollup(site_hours(), "D", by="ticker", site_map=SITE_MAP)
    assert list(by_ticker["total"]) == [480, 480]
    assert list(by_ticker["n_gates"]) == [2, 2]
    by_gate = rollup(site_hours(), "D", site_map=SITE_MAP)
    assert set(by_gate["camera"]) == {"a", "d"}
    assert set(by_gate["ticker"]) == {"X"}


def test_sites_under_one_calibration_are_not_independent():
    hours = site_hours(calibration_id="c")
    table = pd.DataFrame(
        {"calibration_id": ["c"], "factor": 1.0, "factor_se": 0.04, "tau2": 0.0}
    )
    (row, _) = rollup(
        hours, "D", by="ticker", site_map=SITE_MAP, calibrations=table
    ).to_dict("records")
    assert row["se"] == pytest.approx(0.04 * 480)  # not 0.04 * sqrt(240^2 + 240^2)
    assert row["se_indep"] == 0
    apart = site_hours(calibration_id="c")
    apart.loc[apart["camera"] == "d", "calibration_id"] = "e"
    table = pd.concat([table, table.assign(calibration_id="e")])
    (row, _) = rollup(
        apart, "D", by="ticker", site_map=SITE_MAP, calibrations=table
    ).to_dict("records")
    assert row["se"] == pytest.approx(0.04 * 240 * np.sqrt(2))


def test_one_gate_without_a_total_makes_that_of_its_site_null():
    hours = site_hours()
    dark = (hours["camera"] == "a") & (hours["hour_start_utc"] < "2026-01-06")
    hours.loc[dark, "coverage_s"] = 0.0
    hours.loc[dark, "n_trucks"] = None
    by_site = rollup(hours, "D", by="site", site_map=SITE_MAP)
    assert list(by_site["total"].isna()) == [True, False, False, False]
    assert by_site["se"].isna().tolist() == [True, False, False, False]


def test_a_gate_that_changes_hands_counts_for_each_in_its_time():
    site_map = pd.DataFrame(
        {
            "camera": "dc-01",
            "gate": "dock-exit",
            "site": "north",
            "ticker": ["X", "Y"],
            "valid_from": [None, "2026-01-07"],
            "valid_to": ["2026-01-07", None],
        }
    )
    hours = hours_frame("2026-01-05", np.ones(24 * 7))
    weeks = rollup(hours, "W", by="ticker", site_map=site_map)
    assert dict(zip(weeks["ticker"], weeks["total"], strict=True)) == {
        "X": 48,
        "Y": 120,
    }
    assert not weeks["is_complete"].any()


@pytest.mark.parametrize("changes", [{"camera": "dd"}, {"gate": "exot"}])
def test_an_exit_of_the_map_without_hours_is_told(caplog, changes):
    odd = SITE_MAP.copy()
    odd.loc[3, list(changes)] = list(changes.values())
    with caplog.at_level(logging.WARNING):
        days = rollup(site_hours(), "D", by="ticker", site_map=odd)
    assert list(days["gates"]) == ["a/exit/out"] * 2
    lacking = f"{odd['camera'][3]}/{odd['gate'][3]}"
    assert f"have no hours: {lacking}; there are a/exit/out" in caplog.text


def test_a_ticker_without_a_quarter_is_told(caplog):
    calendar = fiscal445(2025, 2025, month=1, ticker="x")
    two = SITE_MAP.assign(ticker=["X", "X", "X", "x"])
    with pytest.raises(FeatureError, match="no quarter of X; it has those of x"):
        fiscal_quarter(site_hours(), calendar, site_map=SITE_MAP)
    quarters = fiscal_quarter(site_hours(), calendar, site_map=two)
    assert set(quarters["ticker"]) == {"x"}
    assert "no quarter of X" in caplog.text


def test_a_map_of_other_gates_or_hours_of_another_direction_are_refused():
    with pytest.raises(FeatureError, match=r"it has x/exit, they have a/exit/out"):
        rollup(site_hours(), "D", by="site", site_map=SITE_MAP.assign(camera="x")[:1])
    with pytest.raises(FeatureError, match=r"they have a/exit/in.* direction `out`"):
        rollup(site_hours(direction="in"), "D", by="site", site_map=SITE_MAP)


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"weight": 0.8, "ticker": ["X", "Y"]}, "weights add up to 1.6"),
        ({"ticker": "X"}, "counts it twice"),
        ({"role": "door"}, "role 'door'"),
    ],
)
def test_a_map_that_counts_a_truck_twice_is_refused(changes, what):
    site_map = pd.DataFrame({"camera": ["a", "a"], "gate": "exit", "site": "n"})
    with pytest.raises(FeatureError, match=what):
        rollup(site_hours(), "D", by="site", site_map=site_map.assign(**changes))


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"freq": "FQ"}, "a calendar"),
        ({"freq": "Q"}, "freq must be"),
        ({"by": "site"}, "site_map"),
        ({"by": "firm"}, "by must be"),
    ],
)
def test_a_roll_up_says_what_it_lacks(options, what):
    with pytest.raises(FeatureError, match=what):
        rollup(site_hours(), **options)
    with pytest.raises(FeatureError, match="'tz'"):
        rollup(site_hours().drop(columns="tz"))


def test_what_was_known_when_is_carried_along():
    hours = hours_frame("2026-01-05", np.ones(48))
    late = pd.Timestamp("2026-02-01", tz="UTC")
    hours.loc[30, "known_at_utc"] = late
    days = daily(hours)
    # the second day's late row also shaped the profile of the first: no week was
    # there before it
    assert days["max_known_at_utc"].iloc[1] == late
    assert days["max_known_at_utc"].iloc[0] == pd.Timestamp(
        "2026-01-06 01:00", tz="UTC"
    )


def test_sums_of_any_reader_agree(tmp_path):
    rows = [
        revision(T0 + k * HOUR, k % 7, 0.0 if k % 5 == 0 else 3600.0, camera=c,
                 direction=d)
        for k in range(60) for c in ("dc-01", "dc-02") for d in ("in", "out", "unknown")
    ]  # fmt: skip
    store = write_store(tmp_path, rows)
    glob = f"{store}/hours/*/*.parquet"
    mine = load_hours(store, direction=None, on_missing="ignore")
    plain = pd.read_parquet(store / "hours")
    polars = pl.read_parquet(glob)
    duck = duckdb.sql(f"select * from read_parquet('{glob}')").arrow().read_all()
    for by in ("in", "out", "unknown"):
        sums = {
            int(mine.loc[mine["direction"] == by, "n_trucks"].sum()),
            int(plain.loc[plain["direction"] == by, "n_trucks"].sum()),
            polars.filter(pl.col("direction") == by)["n_trucks"].sum(),
            duck.filter(pd_eq(duck, by))["n_trucks"].drop_null().to_pandas().sum(),
        }
        assert len(sums) == 1
        nulls = {
            int(mine.loc[mine["direction"] == by, "n_trucks"].isna().sum()),
            int(plain.loc[plain["direction"] == by, "n_trucks"].isna().sum()),
            polars.filter(pl.col("direction") == by)["n_trucks"].null_count(),
            duck.filter(pd_eq(duck, by))["n_trucks"].null_count,
        }
        assert nulls == {24}
    total = daily(mine[mine["direction"] == "out"])["total"].sum()
    grid = make_grid(
        mine[(mine["direction"] == "out") & (mine["camera"] == "dc-01")], {}
    )
    assert total == pytest.approx(
        2 * sum(measure_total(grid, d, d + 1).total for d in (20458, 20459, 20460))
    )


def pd_eq(table, direction):
    import pyarrow.compute as pc

    return pc.equal(table["direction"], direction)


def test_missed_hours_are_priced_by_what_the_gates_own_weeks_stray():
    rng = np.random.default_rng(3)
    n = rng.poisson(8, (12, 168)) * rng.integers(0, 4, (12, 168))
    coverage = np.full((12, 168), 3600.0)
    coverage[::3, 20:60] = 0
    hours = hours_frame(
        "2026-01-05", np.where(coverage > 0, n, 0).ravel(), coverage.ravel()
    )
    measured = rollup(hours, "M")
    phi = measure_phi(make_grid(hours, {}))
    assert phi > 2
    pd.testing.assert_frame_equal(measured, rollup(hours, "M", phi=phi))
    plain = rollup(hours, "M", phi=1.0)
    assert (measured["se"] / plain["se"]).tolist() == pytest.approx([phi**0.5] * 3)
    assert (measured["total"] == plain["total"]).all()


def test_an_hour_that_stands_twice_is_refused():
    hours = hours_frame("2026-01-05", np.full(48, 10.0))
    again = hours[5:6].assign(n_trucks=pd.array([3], dtype="Int32"))
    with pytest.raises(FeatureError, match=r"several rows for 2026-01-05T05:00Z"):
        daily(pd.concat([hours, again]))
    short = hours.rename(columns={"hour_start_utc": "bin_start_utc"})
    mixed = pd.concat([short.assign(bin_minutes=15), short.assign(bin_minutes=30)])
    with pytest.raises(FeatureError, match=r"\(15, 30 minutes\)"):
        daily(mixed)


def test_a_zone_that_was_corrected_holds_for_all_days():
    """`timezone` was left out at first: the camera went by UTC."""
    first = hours_frame("2026-01-05", np.arange(48.0))
    then = hours_frame("2026-01-07", np.arange(48.0, 96.0), tz="America/Chicago")
    days = daily(pd.concat([first, then]))
    right = hours_frame("2026-01-05", np.arange(96.0), tz="America/Chicago")
    pd.testing.assert_frame_equal(days, daily(right))


@pytest.mark.parametrize("spoil", [str, lambda t: t.tz_localize(None)])
def test_hours_whose_times_have_no_zone_are_refused(spoil):
    hours = hours_frame("2026-01-05", np.ones(24))
    hours["hour_start_utc"] = hours["hour_start_utc"].map(spoil)
    with pytest.raises(NaiveTimeError, match=r"'hour_start_utc' .* utc=True"):
        daily(hours)
