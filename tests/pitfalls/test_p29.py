"""P29 weekend-heavy outage: what was missed was not like what was seen."""

import numpy as np
import pytest

from tests.features.fill import hours_frame
from truckcount.features import rollup

US_PER_HOUR = 3_600_000_000


def make_month(seed=29):
    """Hours from 2025-11-03; all Saturdays of January 2026 are lost."""
    rng = np.random.default_rng(seed)
    n_days = 90
    by_day = np.where(np.arange(n_days) % 7 >= 5, 20, 100)
    n = rng.poisson(np.repeat(by_day / 24, 24))
    hours = hours_frame("2025-11-03", n)
    start = hours["hour_start_utc"]
    is_lost = (start >= "2026-01-01") & (start.dt.day_of_week == 5)
    truth = n[(start >= "2026-01-01").to_numpy()].sum()
    hours.loc[is_lost, "coverage_s"] = 0.0
    hours.loc[is_lost, "n_trucks"] = None
    return hours, truth


def test_p29_cells_find_the_truth_where_plain_scaling_does_not():
    hours, truth = make_month()
    january = rollup(hours, "M").iloc[-1]
    assert january["period_start"].month == 1
    assert abs(january["total"] - truth) < 3 * january["se"]
    assert 0.9 < january["cov_w"] < 1.0
    seen = hours[hours["hour_start_utc"] >= "2026-01-01"]
    scaled = seen["n_trucks"].sum() * len(seen) * 3600 / seen["coverage_s"].sum()
    assert abs(scaled - truth) / truth > 0.05  # so that this test bites


def test_p29_cut_hours_of_validity_are_due_only_in_part():
    hours = hours_frame("2026-01-05", np.full(168, 12), 3600.0)
    first, last = 20_458 * 24 * US_PER_HOUR, (20_458 + 7) * 24 * US_PER_HOUR
    hours.loc[0, ["coverage_s", "n_trucks"]] = [900.0, 3]
    hours.loc[167, ["coverage_s", "n_trucks"]] = [1800.0, 6]
    validity = {
        ("dc-01", "dock-exit"): (first + US_PER_HOUR * 3 // 4, last - US_PER_HOUR // 2)
    }
    (week,) = rollup(hours, "W", validity=validity).to_dict("records")
    assert week["n_hours"] == pytest.approx(166.75)
    assert week["cov_time"] == pytest.approx(1.0)
    assert week["total"] == pytest.approx(12 * 166.75)
