"""Same bytes, conflicting time."""

import pytest

from tests.pipeline.red_box import write_red_model, write_traffic
from tests.pitfalls.scenes import read
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths
from truckcount.store import Store

pytestmark = pytest.mark.video


def test_a_copy_under_another_day_is_a_conflict_and_not_counted(tmp_path):
    clip = write_traffic(tmp_path / "gate_20260302T090000Z.mp4", {1.0: 1})
    copy = tmp_path / "gate_20260305T090000Z.mp4"
    copy.write_bytes(clip.read_bytes())
    options = RunOptions(store=tmp_path / "store", model=write_red_model(tmp_path))
    result = run_paths([str(clip), str(copy)], options)
    again = run_paths([str(copy), str(clip)], options)
    store = Store.open(options.store)
    hours = read(store)
    assert hours["n_trucks"].tolist() == [1]
    assert hours["hour_start_utc"].dt.day.tolist() == [2]
    assert {o.status for o in again.file_outcomes} == {"conflict", "reused"}
    assert again.exit_code == 3
    assert result.totals["n_trucks"] == 1
