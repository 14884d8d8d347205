"""Fiscal calendars: the years that retailers published, and what was known when."""

from datetime import UTC, date, datetime

import pytest

from truckcount.errors import FeatureError
from truckcount.features import fiscal445, fiscal_from_ends, known_calendar, year_before
from truckcount.features.calendars import midnight_us, spans_between, to_date


@pytest.mark.parametrize(
    ("year", "start", "end"),
    [
        # National Retail Federation: 2006, 2012, 2017 and 2023 had 53 weeks
        (2006, date(2006, 1, 29), date(2007, 2, 3)),
        (2011, date(2011, 1, 30), date(2012, 1, 28)),
        (2012, date(2012, 1, 29), date(2013, 2, 2)),
        (2017, date(2017, 1, 29), date(2018, 2, 3)),
        (2022, date(2022, 1, 30), date(2023, 1, 28)),
        (2023, date(2023, 1, 29), date(2024, 2, 3)),
        (2024, date(2024, 2, 4), date(2025, 2, 1)),
    ],
)
def test_years_are_those_of_the_retail_federation(year, start, end):
    quarters = fiscal445(year, year, month=1)
    assert quarters["start_date"].iloc[0] == start
    assert quarters["end_date"].iloc[-1] == end
    n_weeks = ((end - start).days + 1) // 7
    assert list(quarters["weeks"]) == [13, 13, 13, 13 + n_weeks - 52]


def test_the_last_weekday_of_the_month_ends_the_year():
    # Apple: the last Saturday of September
    quarters = fiscal445(2023, 2023, month=9, anchor="last")
    assert quarters["end_date"].iloc[-1] == date(2023, 9, 30)
    assert quarters["start_date"].iloc[0] == date(2022, 9, 25)
    assert quarters["weeks"].iloc[-1] == 14


@pytest.mark.parametrize(
    ("pattern", "weeks"),
    [("4-4-5", [4, 4, 5]), ("4-5-4", [4, 5, 4]), ("5-4-4", [5, 4, 4])],
)
def test_periods_follow_their_pattern(pattern, weeks):
    periods = fiscal445(2023, 2024, month=1, pattern=pattern, periods=True)
    year = periods[periods["fiscal_year"] == 2024]
    assert list(year["weeks"]) == weeks * 4
    longer = periods[periods["fiscal_year"] == 2023]
    assert list(longer["weeks"]) == [*weeks * 3, *weeks[:2], weeks[2] + 1]
    assert list(longer["fiscal_quarter"]) == [1] * 3 + [2] * 3 + [3] * 3 + [4] * 3
    gaps = [
        (b - a).days
        for a, b in zip(
            periods["end_date"][:-1], periods["start_date"][1:], strict=True
        )
    ]
    assert set(gaps) == {1}


def test_a_calendar_is_refused_that_is_none():
    with pytest.raises(FeatureError, match="4-4-5"):
        fiscal445(2023, 2023, month=1, pattern="5-5-3")
    with pytest.raises(FeatureError, match="anchor"):
        fiscal445(2023, 2023, month=1, anchor="first")
    with pytest.raises(FeatureError, match="must rise"):
        fiscal_from_ends(["2024-03-31", "2024-03-31"], first_year=2024)


def test_quarters_come_from_the_ends_that_a_company_gives():
    quarters = fiscal_from_ends(
        ["2023-12-31", "2024-03-31", "2024-06-30"], first_year=2024, ticker="X"
    )
    shown = quarters[["fiscal_year", "fiscal_quarter", "start_date", "end_date"]]
    assert shown.to_numpy().tolist() == [
        [2024, 1, date(2024, 1, 1), date(2024, 3, 31)],
        [2024, 2, date(2024, 4, 1), date(2024, 6, 30)],
    ]
    assert quarters["weeks"].tolist() == [13.0, 13.0]


def test_a_quarter_end_told_late_is_not_known_before():
    rule = fiscal_from_ends(["2023-12-31", "2024-03-31"], first_year=2024)
    told = datetime(2024, 2, 1, tzinfo=UTC)
    changed = fiscal_from_ends(
        ["2023-12-31", "2024-04-07"], first_year=2024, known_at_utc=told
    )
    import pandas as pd

    both = pd.concat([changed, rule])
    before = known_calendar(both, datetime(2024, 1, 31, tzinfo=UTC))
    after = known_calendar(both, told)
    assert list(before["end_date"]) == [date(2024, 3, 31)]
    assert list(after["end_date"]) == [date(2024, 4, 7)]


def test_the_year_before_is_364_days_before():
    before = year_before(fiscal445(2024, 2024, month=1))
    # after the 53rd week the restated year begins a week later than it did
    assert before["start_date"].iloc[0] == date(2023, 2, 5)
    assert before["fiscal_year"].iloc[0] == 2024


def test_spans_cover_what_they_touch():
    assert spans_between("D", 0, 1) == [(0, 1), (1, 2)]
    ((start, end),) = spans_between("W", 0, 3)
    assert (to_date(start), end - start) == (date(1969, 12, 29), 7)
    assert spans_between("M", 30, 31) == [(0, 31), (31, 59)]


def test_midnight_is_the_sites_own():
    assert midnight_us(0, "UTC") == 0
    assert midnight_us(20_458, "Asia/Kolkata") % 3_600_000_000 == 1_800_000_000


@pytest.mark.parametrize("odd", [{"month": 0}, {"month": 13}, {"weekday": 7}])
def test_a_month_or_a_weekday_that_is_none_is_refused(odd):
    with pytest.raises(FeatureError, match="month must be 1 to 12 and weekday 0"):
        fiscal445(2025, 2025, **{"month": 1} | odd)
