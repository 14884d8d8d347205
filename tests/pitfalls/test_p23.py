"""P23 integer safety: sums do not wrap, counts stay whole numbers."""

import numpy as np
import pandas as pd
import pytest

from tests.features.fill import HOUR, T0, hours_frame, revision, write_store
from truckcount.features import daily, load_hours, rollup


def test_p23_sums_beyond_32_bits_are_exact():
    hours = hours_frame("2026-01-05", np.full(24, 2.0**31 - 1))
    assert isinstance(hours["n_trucks"].dtype, pd.Int32Dtype)
    assert daily(hours)["total"].iloc[0] == pytest.approx(24 * (2.0**31 - 1))


def test_p23_small_integers_do_not_wrap():
    hours = hours_frame("2026-01-05", np.full(14 * 24, 1.0))
    hours["local_dow"] = hours["hour_start_utc"].dt.day_of_week.astype("int8")
    # int8 arithmetic as 24 x day of week + hour wraps at Saturday: 5 x 24 + 8
    weeks = rollup(hours, "W")
    assert weeks["total"].tolist() == [168.0, 168.0]
    assert weeks["cov_w"].tolist() == pytest.approx([1.0, 1.0])


@pytest.mark.parametrize("n", [0, 2**31 - 1])
def test_p23_counts_are_nullable_integers_however_they_are_read(tmp_path, n):
    rows = [revision(T0, n), revision(T0 + HOUR, coverage_s=0.0)]
    store = write_store(tmp_path / "store", rows)
    for hours in (
        pd.read_parquet(store / "hours"),
        load_hours(store),
        load_hours(store, "2026-02-01T00:00Z"),
    ):
        assert hours["n_trucks"].dtype == pd.Int32Dtype()
        assert hours["n_trucks"].iloc[0] == n
        assert hours["n_trucks"].iloc[1] is pd.NA
