"""A fiscal calendar to the quarters that run, or have ended, on sites' own days."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd

from truckcount.features.calendars import known_calendar
from truckcount.features.sites import departing_lines

DayOf = Callable[[str | None], date]
"""Ticker (None is that of a calendar for all) to the local day it has reached."""


def running_quarters(
    calendar: pd.DataFrame, now: datetime, day_of: DayOf
) -> pd.DataFrame:
    """Return the quarters known and running at a moment, cut to their whole days."""
    known = known_calendar(calendar, now.astimezone(UTC))
    today = _days(known, day_of)
    is_running = [
        a < day <= b
        for a, b, day in zip(known["start_date"], known["end_date"], today, strict=True)
    ]
    rows = known[is_running]
    last_days = [
        day - timedelta(days=1)
        for day, runs in zip(today, is_running, strict=True)
        if runs
    ]
    return rows.assign(whole_end_date=rows["end_date"], end_date=last_days)


def ended_quarters(
    calendar: pd.DataFrame, now: datetime, day_of: DayOf
) -> pd.DataFrame:
    """Return each ticker's last quarter known and ended at a moment."""
    known = known_calendar(calendar, now.astimezone(UTC))
    today = _days(known, day_of)
    has_ended = [end < day for end, day in zip(known["end_date"], today, strict=True)]
    return known[has_ended].drop_duplicates("ticker", keep="last")


def earliest_day(now: datetime, zones: Iterable[str]) -> date:
    """Return the local day that has come in all zones; UTC's where there is none.

    What ended before that day has ended at every site.
    """
    return min(now.astimezone(ZoneInfo(zone)).date() for zone in set(zones) or {"UTC"})


def zones_of(
    site_map: pd.DataFrame, zones_of_camera: Mapping[str, Collection[str]], day: date
) -> set[str]:
    """Return the zones in which the exits of a site map lie around a day.

    Parameters
    ----------
    site_map : DataFrame
        The lines of one ticker, or of all.
    zones_of_camera : mapping of camera to zones
        As its hours tell; a camera without hours has no say.
    day : date, UTC
        A site that closed before it, or opens after, does not hold a quarter back.
    """
    lines = departing_lines(site_map)
    near = pd.Timestamp(day), pd.Timedelta(days=1)  # a local day is a day off at most
    is_open = lines["valid_from"].isna() | (lines["valid_from"] <= near[0] + near[1])
    is_open &= lines["valid_to"].isna() | (lines["valid_to"] > near[0] - near[1])
    cameras = lines.loc[is_open, "camera"].unique()
    return {zone for camera in cameras for zone in zones_of_camera.get(camera, ())}


def _days(calendar: pd.DataFrame, day_of: DayOf) -> list[date]:
    day_of_ticker = {
        ticker: day_of(None if pd.isna(ticker) else ticker)
        for ticker in calendar["ticker"].unique()
    }
    return [day_of_ticker[ticker] for ticker in calendar["ticker"]]
