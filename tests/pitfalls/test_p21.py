"""Bad timestamps."""

from fractions import Fraction

import pytest

from tests.conftest import write_clip
from tests.pipeline.red_box import write_red_model
from tests.pitfalls.scenes import read
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths
from truckcount.store import Store

pytestmark = pytest.mark.video

DT_MAX_S = 2.0


def a_day_ahead(k):
    return 40 * k + (86_400_000 if k >= 60 else 0)


def standing_still(k):
    return 40 * k if k < 50 else 40 * 50 + (k - 50)


def from_below_zero(k):
    return 40 * k - 200


@pytest.mark.parametrize("pts", [a_day_ahead, standing_still, from_below_zero])
def test_no_timestamp_makes_coverage_out_of_nothing(tmp_path, pts):
    clip = write_clip(
        tmp_path / "gate_20260302T090000Z.mkv", 100, pts=pts,
        time_base=Fraction(1, 1000), options={"bf": "0", "crf": "20"},
    )  # fmt: skip
    options = RunOptions(store=tmp_path / "store", model=write_red_model(tmp_path))
    run_paths([str(clip)], options)
    hours = read(Store.open(options.store))
    assert hours["coverage_s"].sum() <= 4.0 + DT_MAX_S
    seen = hours[hours["coverage_s"] > 0]
    assert set(seen["hour_start_utc"].dt.strftime("%d %H")) == {"02 09"}
