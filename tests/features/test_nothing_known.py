"""An early as-of read holds no hour: its roll-ups and panels are empty, not errors."""

import numpy as np
import pandas as pd
import pytest

from tests.features.fill import hours_frame
from truckcount.features import daily, fiscal445, panel, rollup, yoy

SITES = pd.DataFrame(
    {"camera": ["dc-01"], "gate": "dock-exit", "site": "reno", "ticker": "X"}
)
FISCAL = {"freq": "FQ", "calendar": fiscal445(2025, 2025, month=1, ticker="X")}


@pytest.mark.parametrize(
    "options",
    [
        {"freq": "W"},
        {"freq": "M", "site_map": SITES},
        {"freq": "D", "by": "site", "site_map": SITES},
        {**FISCAL, "by": "ticker", "site_map": SITES},
        {**FISCAL, "site_map": SITES},
    ],
    ids=["weeks", "mapped", "sites", "quarters of tickers", "quarters of gates"],
)
def test_totals_of_no_hours_have_the_columns_and_types_of_any(options):
    hours = hours_frame("2025-03-03", np.ones(24 * 30), tz="America/Chicago")
    assert set(zip(hours["camera"], hours["gate"], strict=True)) == {
        ("dc-01", "dock-exit")
    }
    some, none = rollup(hours, **options), rollup(hours.iloc[:0], **options)
    assert len(some) > 0
    assert none.empty
    pd.testing.assert_series_equal(none.dtypes, some.dtypes)
    assert list(panel(none).columns) == list(panel(some).columns)


def test_growth_of_nothing_is_nothing():
    hours = hours_frame("2025-03-03", np.ones(24 * 30), tz="America/Chicago")
    assert yoy(daily(hours.iloc[:0])).empty
