"""P13 null is not zero: an outage does not make a quiet day."""

import re

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.features.fill import HOUR, T0, revision, write_store
from truckcount.features import daily, load_hours

# prices and growth are no counts; the dictionary's warning is no code
ALLOWED = re.compile(r"fillna\(getattr\(UNCALIBRATED|fillna\(1\.0\)|`fillna\(0\)`")
NO_COUNTS = {"labelling", "training", "evaluation"}  # labels of frames and their scores


def test_p13_a_day_with_an_outage_is_more_than_its_plain_sum(tmp_path):
    rng = np.random.default_rng(13)
    rows = [
        revision(T0 + k * HOUR, int(rng.poisson(9)), 0.0 if k in (682, 683) else 3600.0)
        for k in range(29 * 24)
    ]
    hours = load_hours(write_store(tmp_path, rows))
    dark = hours[hours["coverage_s"] == 0]
    assert len(dark) == 2
    assert dark["n_trucks"].isna().all()
    day = daily(hours).iloc[28]
    plain = hours["n_trucks"].iloc[672:].sum()
    assert day["n_hours_null"] == 2
    assert day["total"] == pytest.approx(plain + 18, abs=7)
    assert day["total"] > plain + 5


def test_p13_no_code_fills_a_null_count_with_zero():
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sorted((ROOT / "truckcount").rglob("*.py"))
        if path.relative_to(ROOT).parts[1] not in NO_COUNTS
        for line in path.read_text().splitlines()
        if "fillna(" in line and not ALLOWED.search(line)
    ]
    assert found == []
