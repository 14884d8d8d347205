"""Local days, weeks, months and fiscal quarters as [start, end) of dates."""

import itertools
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import pandas as pd

from truckcount.errors import FeatureError

Frequency = Literal["D", "W", "M", "FQ"]
Pattern = Literal["4-4-5", "4-5-4", "5-4-4"]
MONDAY, SATURDAY = 0, 5
YEAR_SHIFT_DAYS = 364  # 52 weeks: the same weekday a year before
COLUMNS = [
    "ticker",
    "fiscal_year",
    "fiscal_quarter",
    "start_date",
    "end_date",
    "weeks",
    "known_at_utc",
]
QUARTER_WEEKS = 13
EPOCH = date(1970, 1, 1)


def fiscal445(
    first_year: int,
    last_year: int,
    *,
    month: int,
    weekday: int = SATURDAY,
    anchor: Literal["nearest", "last"] = "nearest",
    pattern: Pattern = "4-5-4",
    ticker: str | None = None,
    periods: bool = False,
) -> pd.DataFrame:
    """Generate the quarters of 52- and 53-week fiscal years.

    Parameters
    ----------
    first_year, last_year : int
        Fiscal years, named by the calendar year in which most of them lies.
    month : int, 1-12
        The year ends at the end of this month; at 1 that of the next calendar
        year (a retailer's fiscal 2023 ends in January or February 2024).
    weekday : int, 0 is Monday
        The day it ends on.
    anchor : {"nearest", "last"}
        The weekday nearest to the month's end, or the last one in the month.
    periods : bool
        Return the twelve periods of each year instead of its quarters.

    Returns
    -------
    DataFrame
        ticker, fiscal_year, fiscal_quarter, start_date, end_date (the last day),
        weeks, known_at_utc (null: a rule is known from the beginning). The 53rd
        week stands at the end of the fourth quarter.

    References
    ----------
    National Retail Federation, 4-5-4 calendar.
    """
    weeks_of = [int(n) for n in pattern.split("-")]
    if sorted(weeks_of) != [4, 4, 5]:
        msg = f"pattern must be 4-4-5, 4-5-4 or 5-4-4, got {pattern!r}"
        raise FeatureError(msg)
    if month not in range(1, 13) or weekday not in range(7):
        msg = (
            f"month must be 1 to 12 and weekday 0 (Monday) to 6, got {month!r}, "
            f"{weekday!r}"
        )
        raise FeatureError(msg)
    rows: list[list[object]] = []
    for year in range(first_year, last_year + 1):
        start = _year_end(year - 1, month, weekday, anchor) + timedelta(days=1)
        n_days = (_year_end(year, month, weekday, anchor) - start).days + 1
        lengths = weeks_of * 4 if periods else [QUARTER_WEEKS] * 4
        lengths[-1] += n_days // 7 - 52
        for number, weeks in enumerate(lengths, 1):
            end = start + timedelta(days=7 * weeks - 1)
            quarter = (number - 1) // 3 + 1 if periods else number
            rows.append([ticker, year, quarter, start, end, weeks, pd.NaT])
            start = end + timedelta(days=1)
    return _to_frame(rows)


def fiscal_from_ends(
    ends: Sequence[date | str],
    *,
    first_year: int,
    first_quarter: int = 1,
    ticker: str | None = None,
    known_at_utc: datetime | None = None,
) -> pd.DataFrame:
    """Build fiscal quarters from the last days of quarters, as companies give them.

    Parameters
    ----------
    ends : sequence of date
        In order; the first one only says where the first quarter starts.
    first_year, first_quarter : int
        What the quarter that ends at the second of them is called.
    """
    days = [date.fromisoformat(e) if isinstance(e, str) else e for e in ends]
    rows: list[list[object]] = []
    year, quarter = first_year, first_quarter
    for before, end in itertools.pairwise(days):
        if end <= before:
            msg = f"quarter ends must rise: {end} follows {before}"
            raise FeatureError(msg)
        start = before + timedelta(days=1)
        weeks = ((end - before).days) / 7
        rows.append([ticker, year, quarter, start, end, weeks, known_at_utc])
        year, quarter = (year, quarter + 1) if quarter < 4 else (year + 1, 1)
    return _to_frame(rows)


def known_calendar(
    calendar: pd.DataFrame, as_of: datetime | None = None
) -> pd.DataFrame:
    """Return the quarters known at a moment: one line each, the last that was told.

    A line without ``known_at_utc`` is a rule and gives way to a told one.
    """
    known = pd.to_datetime(calendar["known_at_utc"], utc=True)
    rows = calendar.assign(known_at_utc=known)
    if as_of is not None:
        rows = rows[known.isna() | (known <= as_of)]
    rows = rows.sort_values("known_at_utc", na_position="first", kind="stable")
    key = ["ticker", "fiscal_year", "fiscal_quarter"]
    rows = rows.drop_duplicates(key, keep="last")
    return rows.sort_values(["ticker", "start_date"], ignore_index=True)


def year_before(calendar: pd.DataFrame) -> pd.DataFrame:
    """Return the quarters shifted 364 days back: what to compare them with.

    A year of 53 weeks shifts what follows by a week against its own quarters;
    this is the restated calendar, which compares like weeks.
    """
    shift = timedelta(days=YEAR_SHIFT_DAYS)
    return calendar.assign(
        start_date=[d - shift for d in calendar["start_date"]],
        end_date=[d - shift for d in calendar["end_date"]],
    )


def spans_between(
    frequency: Frequency, first_day: int, last_day: int
) -> list[tuple[int, int]]:
    """Return the [start, end) days since 1970 of days, weeks or months.

    They are all that touch [first_day, last_day]; weeks begin on Monday.
    """
    if frequency == "D":
        return [(d, d + 1) for d in range(first_day, last_day + 1)]
    if frequency == "W":
        monday = first_day - (first_day + 3) % 7  # 1970-01-01 was a Thursday
        return [(d, d + 7) for d in range(monday, last_day + 1, 7)]
    if frequency != "M":
        msg = f"freq must be D, W, M or FQ, got {frequency!r}"
        raise FeatureError(msg)
    day = to_date(first_day).replace(day=1)
    spans = []
    while day_number(day) <= last_day:
        after = (day + timedelta(days=32)).replace(day=1)
        spans.append((day_number(day), day_number(after)))
        day = after
    return spans


def day_number(day: date) -> int:
    """Return a date as days since 1970-01-01."""
    return (date(day.year, day.month, day.day) - EPOCH).days


def to_date(day: int) -> date:
    """Return days since 1970-01-01 as a date."""
    return EPOCH + timedelta(days=day)


def midnight_us(day: int, zone: str) -> int:
    """Return when a local day begins, microseconds since 1970 UTC."""
    d = to_date(day)
    local = datetime(d.year, d.month, d.day, tzinfo=ZoneInfo(zone))
    return round(local.astimezone(UTC).timestamp()) * 1_000_000


def bins_between(first_day: int, end_day: int, zone: str, bin_us: int) -> int:
    """Return how many UTC bins begin in the local days [first_day, end_day).

    Where clocks stand between hours, or move by half of one, these are not as many
    as the hours between the midnights.
    """
    low, high = midnight_us(first_day, zone), midnight_us(end_day, zone)
    return -(-high // bin_us) - -(-low // bin_us)


def _year_end(year: int, month: int, weekday: int, anchor: str) -> date:
    """Return the last day of a fiscal year."""
    calendar_year = year + 1 if month == 1 else year
    after = date(calendar_year + month // 12, month % 12 + 1, 1)
    last = after - timedelta(days=1)
    end = last - timedelta(days=(last.weekday() - weekday) % 7)
    if anchor == "last":
        return end
    if anchor != "nearest":
        msg = f"anchor must be 'nearest' or 'last', got {anchor!r}"
        raise FeatureError(msg)
    return end if (last - end).days <= 3 else end + timedelta(days=7)


def _to_frame(rows: list[list[object]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame["known_at_utc"] = pd.to_datetime(frame["known_at_utc"], utc=True)
    return frame
