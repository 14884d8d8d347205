"""P28 a new model mid-series: a jump of the count is no growth."""

import math

import numpy as np
import pandas as pd
import pytest

from tests.features.fill import hours_frame
from truckcount.features import panel, panel_index, rollup

N_WEEKS = 12
BRIDGES = pd.DataFrame(
    {"camera": ["a"], "gate": "dock-exit", "from_hash": "old", "to_hash": "new",
     "ratio": 1.10}
)  # fmt: skip


@pytest.fixture(scope="module")
def hours():
    """Camera a counts 10 % more from week 6 on, under a new model; b goes on."""
    rng = np.random.default_rng(28)
    rate = np.full(N_WEEKS * 168, 60.0)
    after = np.arange(len(rate)) >= 6 * 168
    a = hours_frame(
        "2026-01-05", rng.poisson(rate * np.where(after, 1.1, 1.0)), camera="a"
    )
    a["config_hash"] = np.where(after, "new", "old")
    return pd.concat([a, hours_frame("2026-01-05", rng.poisson(rate), camera="b")])


def test_p28_without_a_bridge_the_pair_is_dropped_and_said(hours):
    totals = rollup(hours, "W")
    pairs = panel(totals)
    lost = pairs[~pairs["is_matched"]]
    assert lost["camera"].tolist() == ["a"]
    assert lost["reason"].tolist() == ["config"]
    assert lost["period_start"].astype(str).tolist() == ["2026-02-16"]
    index = panel_index(totals)
    assert index["dropped"].iloc[6] == "a: config"
    assert index["n_matched"].iloc[6] == 1
    assert np.abs(np.log(index["index"])).max() < 0.03


def test_p28_a_bridge_leaves_no_jump(hours):
    index = panel_index(rollup(hours, "W", bridges=BRIDGES))
    assert index["n_matched"].iloc[1:].tolist() == [2] * (N_WEEKS - 1)
    assert np.abs(np.log(index["index"])).max() < 0.02
    plain = hours.groupby(hours["hour_start_utc"].dt.floor("7D"))["n_trucks"].sum()
    assert math.log(plain.iloc[-1] / plain.iloc[0]) > 0.03  # what the test prevents
