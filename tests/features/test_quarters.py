"""Quarters end on the days of a ticker's own sites."""

from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from tests.features.fill import HOUR, hours_frame, revision, utc, write_store
from truckcount.features import PanelSpec, asof_panel, fiscal_from_ends, qtd
from truckcount.features.quarters import earliest_day

LA, KOLKATA = "America/Los_Angeles", "Asia/Kolkata"
ENDS = [date(2024, 12, 29) + timedelta(days=28 * k) for k in range(16)]
CALENDAR = pd.concat(
    fiscal_from_ends(ENDS, first_year=2025, ticker=t) for t in ("X", "Y", "Z")
)
START = utc("2024-12-28 00:00")  # two days early, so that each zone's day 1 is whole
LATER = START + timedelta(days=364)
SITE_MAP = pd.DataFrame(
    {
        "camera": ["west", "east", "west", "east"],
        "gate": "dock-exit",
        "site": ["w", "e", "w", "e"],
        "ticker": ["X", "Y", "Z", "Z"],
        "weight": 0.5,
    }
)


def watched(camera, tz, start=START, n=10):
    rows = (revision(start + k * HOUR, n, camera=camera, tz=tz) for k in range(31 * 24))
    return list(rows)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """31 days of a western and an eastern camera, and 364 days later again."""
    rows = [
        row
        for camera, tz in (("west", LA), ("east", KOLKATA))
        for start, n in ((START, 10), (LATER, 12))
        for row in watched(camera, tz, start, n)
    ]
    return write_store(tmp_path_factory.mktemp("s") / "store", rows)


def decide(store, time, quarter, site_map=SITE_MAP, tickers=("X", "Y", "Z")):
    spec = PanelSpec(site_map=site_map, calendar=CALENDAR, quarter=quarter, phi=1.0)
    decisions = pd.DataFrame(
        {"ticker": list(tickers), "decision_utc": pd.Timestamp(time, tz="UTC")}
    )
    panel = asof_panel(store, decisions, spec)
    return {row["ticker"]: row for row in panel.to_dict("records")}


# West's day begins at 08:00Z, east's at 18:30Z the day before.
@pytest.mark.parametrize(
    ("time", "ends"),
    [
        ("2026-01-12T05:00", {"X": 11, "Y": 12, "Z": 11}),
        ("2026-01-12T10:00", {"X": 12, "Y": 12, "Z": 12}),
        ("2026-01-12T20:00", {"X": 12, "Y": 13, "Z": 12}),
    ],
)
def test_a_running_quarter_is_cut_to_the_days_over_at_all_sites(store, time, ends):
    rows = decide(store, time, "running")
    for ticker, day in ends.items():
        row = rows[ticker]
        assert row["period_end"] == pd.Timestamp(2026, 1, day), ticker
        assert row["log_growth"] == pytest.approx(np.log(1.2)), ticker
        assert row["n_matched"] == (2 if ticker == "Z" else 1)


@pytest.mark.parametrize(
    ("time", "has_ended"),
    [
        ("2026-01-25T17:00", ""),
        ("2026-01-25T20:00", "Y"),
        ("2026-01-26T02:00", "Y"),
        ("2026-01-26T07:59", "Y"),
        ("2026-01-26T10:00", "XYZ"),
    ],
)
def test_a_quarter_has_ended_when_its_last_site_says_so(store, time, has_ended):
    rows = decide(store, time, "ended")
    for ticker, row in rows.items():
        ended = ticker in has_ended
        assert row["period_end"] == pd.Timestamp(
            "2026-01-26" if ended else "2025-12-29"
        ), ticker
        if ended:
            assert row["log_growth"] == pytest.approx(np.log(1.2)), ticker


def test_a_decision_told_in_another_zone_is_the_same_moment(store):
    time = pd.Timestamp("2026-01-12T20:00", tz="UTC")
    spec = PanelSpec(site_map=SITE_MAP, calendar=CALENDAR, quarter="running", phi=1.0)
    asked = pd.DataFrame({"ticker": ["X", "Y"], "decision_utc": time})
    there = asked.assign(decision_utc=asked["decision_utc"].dt.tz_convert(KOLKATA))
    told = asof_panel(store, there, spec)["period_end"]
    assert told.equals(asof_panel(store, asked, spec)["period_end"])


def test_a_zone_that_is_told_later_holds_nothing_back(tmp_path):
    """A western camera that is first known in February moves no January decision."""
    early = watched("east", KOLKATA, LATER)
    late = [
        row | {"known_at_utc": utc("2026-02-01 00:00")}
        for row in watched("west", LA, LATER)
    ]
    told = write_store(tmp_path / "both", early + late)
    ends = [
        decide(told, time, "running", tickers=["Z"])["Z"]["period_end"]
        for time in ("2026-01-12T05:00", "2026-02-10T05:00")
    ]
    assert ends == [pd.Timestamp("2026-01-12"), pd.Timestamp("2026-02-09")]


def test_a_corrected_zone_counts_when_the_correction_is_known(tmp_path):
    rows = watched("west", "UTC", LATER)
    again = [
        row
        | {"revision": 2, "known_at_utc": utc("2026-02-01 00:00"), "cause": "repair"}
        for row in watched("west", LA, LATER)
    ]
    told = write_store(tmp_path / "store", rows + again)
    ends = [
        decide(told, time, "running", tickers=["X"])["X"]["period_end"]
        for time in ("2026-01-12T05:00", "2026-02-10T05:00")
    ]
    assert ends == [pd.Timestamp("2026-01-12"), pd.Timestamp("2026-02-09")]


def test_a_site_closed_long_ago_holds_nothing_back(store):
    closed = SITE_MAP.assign(valid_to=pd.NaT)
    closed.loc[closed["camera"] == "west", "valid_to"] = pd.Timestamp("2025-06-01")
    row = decide(store, "2026-01-12T05:00", "running", closed)["Z"]
    assert row["period_end"] == pd.Timestamp("2026-01-12")


def make_hours():
    parts = []
    for camera, tz in (("west", LA), ("east", KOLKATA)):
        n = np.full(380 * 24, 10.0)
        n[364 * 24 :] = 12
        parts.append(hours_frame("2024-12-28", n, camera=camera, tz=tz))
    return pd.concat(parts)


@pytest.mark.parametrize("order", [1, -1])
def test_quarter_to_date_goes_by_each_tickers_zone(order):
    hours = make_hours()[::order]  # whichever camera stands first
    hours = hours[hours["hour_start_utc"] < utc("2026-01-12 04:00")]
    table = qtd(
        hours.sort_values(["camera", "hour_start_utc"], ascending=order == 1),
        CALENDAR,
        "2026-01-12T05:00Z",
        site_map=SITE_MAP,
        phi=1.0,
    ).set_index("ticker")
    assert table["n_days"].to_dict() == {"X": 13, "Y": 14, "Z": 13}
    assert table["growth"].tolist() == pytest.approx([0.2] * 3)
    assert table["n_matched"].tolist() == [1, 1, 2]


def test_quarter_to_date_of_all_gates_waits_for_the_last_zone():
    hours = make_hours()
    hours = hours[hours["hour_start_utc"] < utc("2026-01-12 04:00")]
    calendar = CALENDAR[CALENDAR["ticker"] == "X"]
    (row,) = qtd(hours, calendar, "2026-01-12T05:00Z", phi=1.0).to_dict("records")
    assert (row["n_days"], row["n_matched"]) == (13, 2)
    assert row["growth"] == pytest.approx(0.2)


def test_the_earliest_day_is_that_of_the_last_zone_to_reach_it():
    now = datetime.fromisoformat("2026-03-01T05:00+00:00")
    assert earliest_day(now, [KOLKATA, LA]) == date(2026, 2, 28)
    assert earliest_day(now, [KOLKATA]) == date(2026, 3, 1)
    assert earliest_day(now, []) == date(2026, 3, 1)
