"""A running quarter against the same days of the year before."""

import math
from datetime import date

import numpy as np
import pandas as pd
import pytest

from tests.features.fill import hours_frame
from truckcount.errors import FeatureError
from truckcount.features import fiscal_from_ends, qtd

CALENDAR = fiscal_from_ends(
    [
        "2024-12-29",
        "2025-03-30",
        "2025-06-29",
        "2025-09-28",
        "2025-12-28",
        "2026-03-29",
    ],
    first_year=2025,
    ticker="X",
)
SITE_MAP = pd.DataFrame(
    {"camera": ["a", "b"], "gate": "dock-exit", "site": "n", "ticker": "X"}
)


def hours_until(end, n_by_camera):
    parts = []
    for camera, (then, now) in n_by_camera.items():
        n_hours = (date.fromisoformat(end) - date(2024, 12, 30)).days * 24
        n = np.full(n_hours, float(then))
        n[364 * 24 :] = now
        parts.append(hours_frame("2024-12-30", n, camera=camera))
    return pd.concat(parts)


def test_elapsed_days_are_compared_and_the_quarter_is_projected():
    # 14 whole days of the quarter from 2025-12-29 are gone
    hours = hours_until("2026-01-12", {"a": (10, 12), "b": (10, 12)})
    (row,) = qtd(hours, CALENDAR, "2026-01-12T05:00Z", site_map=SITE_MAP).to_dict(
        "records"
    )
    assert (row["fiscal_year"], row["fiscal_quarter"], row["n_days"]) == (2026, 1, 14)
    assert row["ticker"] == "X"
    assert row["last_year_start"] == pd.Timestamp("2024-12-30")
    assert row["qtd"] == pytest.approx(2 * 14 * 24 * 12)
    assert row["growth"] == pytest.approx(0.2)
    assert row["before"] == pytest.approx(2 * 91 * 24 * 10)
    assert row["projection"] == pytest.approx(2 * 91 * 24 * 12)
    assert row["n_matched"] == 2


def test_a_camera_of_one_year_alone_is_left_out_and_said():
    hours = hours_until("2026-01-12", {"a": (10, 12), "b": (10, 50)})
    new = (hours["camera"] == "b") & (hours["hour_start_utc"] < "2025-12-01")
    (row,) = qtd(hours[~new], CALENDAR, "2026-01-12T05:00Z").to_dict("records")
    assert row["growth"] == pytest.approx(0.2)
    assert (row["n_matched"], row["n_dropped"]) == (1, 1)
    assert row["dropped"] == "b: new"


def test_without_a_year_before_nothing_is_projected():
    hours = hours_until("2026-01-12", {"a": (10, 12)})
    hours = hours[hours["hour_start_utc"] > "2025-12-01"]
    (row,) = qtd(hours, CALENDAR, "2026-01-12T05:00Z").to_dict("records")
    assert math.isnan(row["projection"])
    assert row["n_matched"] == 0


def test_columns_are_the_same_whatever_could_be_compared():
    hours = hours_until("2026-01-12", {"a": (10, 12)})
    full = qtd(hours, CALENDAR, "2026-01-12T05:00Z")
    short = hours[hours["hour_start_utc"] > "2025-12-01"]
    for part in (short, hours.iloc[:0]):
        bare = qtd(part, CALENDAR, "2026-01-12T05:00Z")
        assert list(bare.columns) == list(full.columns)
        assert bare["growth"].isna().all()
        assert bare["qtd"].isna().all()
    nothing_runs = qtd(hours.iloc[:0], CALENDAR, "2024-01-01T00:00Z")
    assert list(nothing_runs.columns) == list(full.columns)
    assert not len(nothing_runs)


def test_hours_known_later_are_refused():
    hours = hours_until("2026-01-12", {"a": (10, 12), "b": (10, 12)})
    late = hours["hour_start_utc"] == "2026-01-02T00:00Z"
    hours.loc[late, "known_at_utc"] = pd.Timestamp("2026-02-01T00:00Z")
    with pytest.raises(FeatureError, match=r"known at 2026-02-01T00:00Z.*load_hours"):
        qtd(hours, CALENDAR, "2026-01-12T05:00Z", site_map=SITE_MAP)
