"""Autumn and spring; all zones of the issue, 72 hours each."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from tests.store.fill import HOUR_US, STAMP, hour
from truckcount.features import daily
from truckcount.store.hours_table import write_hours

CHANGES = [
    ("America/Chicago", "2025-11-02", 25),
    ("America/Chicago", "2025-03-09", 23),
    ("America/New_York", "2025-11-02", 25),
    ("America/New_York", "2025-03-09", 23),
    ("Europe/Berlin", "2025-10-26", 25),
    ("Europe/Berlin", "2025-03-30", 23),
    ("Australia/Lord_Howe", "2025-04-06", 24.5),
    ("Australia/Lord_Howe", "2025-10-05", 23.5),
    ("Asia/Kolkata", "2025-11-02", 24),
    ("America/Havana", "2025-11-02", 25),
    ("America/Havana", "2025-03-09", 23),
]


WATCHED = {"coverage_s": 3600.0, "max_gap_s": 0.0}


def midnight_of(zone, day):
    """The first instant of a local day; Havana's clocks change at midnight."""
    local = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone))
    return pd.Timestamp(local.astimezone(UTC))


def three_days(root, zone, day):
    """72 hours around a local day, the k-th with k trucks."""
    begin = midnight_of(zone, day) - pd.Timedelta(days=1)
    begin = begin.floor("h")
    rows = [
        replace(hour(n=k, **WATCHED), bin_start_us=begin.value // 1000 + k * HOUR_US)
        for k in range(72)
    ]
    stamp = replace(STAMP, timezone=zone)
    write_hours(root, stamp, rows, rows[-1].bin_start_us + 2 * HOUR_US)
    return pd.concat(pd.read_parquet(p) for p in sorted(root.glob("hours/*/*.parquet")))


@pytest.mark.parametrize(("zone", "day", "length_h"), CHANGES)
def test_72_hours_around_a_clock_change(tmp_path, zone, day, length_h):
    hours = three_days(tmp_path, zone, day)
    steps = hours["hour_start_utc"].diff().dropna()
    assert set(steps) == {pd.Timedelta(hours=1)}, "UTC knows no clock change"
    assert len(hours) == 72
    local = hours["hour_start_utc"].dt.tz_convert(ZoneInfo(zone))
    assert (local.dt.tz_localize(None) == hours["local_start"]).all()
    assert (local.dt.day_of_week == hours["local_dow"]).all()
    utc = hours["local_start"] - pd.to_timedelta(hours["utc_offset_min"], unit="min")
    assert (utc == hours["hour_start_utc"].dt.tz_localize(None)).all()
    keys = hours[["local_start", "utc_offset_min"]]
    assert not keys.duplicated().any(), "local time and offset name an hour"
    assert hours["local_start"].duplicated().sum() == (length_h == 25)
    after = str((pd.Timestamp(day) + pd.Timedelta(days=1)).date())
    length = midnight_of(zone, after) - midnight_of(zone, day)
    assert length == pd.Timedelta(hours=length_h)
    by_day = hours.groupby(hours["local_start"].dt.date)["n_trucks"]
    # whole UTC hours: a half hour more or less shows as one row or none
    assert by_day.size()[pd.Timestamp(day).date()] in {
        int(length_h),
        int(length_h + 0.5),
    }


@pytest.mark.parametrize(("zone", "day", "length_h"), CHANGES)
def test_totals_of_local_days_conserve_trucks(tmp_path, zone, day, length_h):
    days = daily(three_days(tmp_path, zone, day))
    # by the clock on the wall when each hour began, told without pandas
    first = midnight_of(zone, day) - pd.Timedelta(days=1)
    begin = datetime.fromtimestamp(first.timestamp() // 3600 * 3600, UTC)
    wanted = Counter()
    for k in range(72):
        local = (begin + timedelta(hours=k)).astimezone(ZoneInfo(zone))
        wanted[local.date()] += k
    assert sum(wanted.values()) == sum(range(72))
    found = dict(zip(days["period_start"].dt.date, days["total"], strict=True))
    assert found == pytest.approx(dict(wanted))
    changed = days[days["period_start"] == day].iloc[0]
    assert abs(changed["n_hours"] - length_h) <= 0.5
    assert changed["cov_w"] == 1.0


def test_the_two_autumn_hours_of_chicago(tmp_path):
    hours = three_days(tmp_path, "America/Chicago", "2025-11-02")
    repeated = hours[hours["local_start"] == pd.Timestamp("2025-11-02 01:00")]
    assert repeated["utc_offset_min"].tolist() == [-300, -360]
    assert repeated["hour_start_utc"].dt.hour.tolist() == [6, 7]
