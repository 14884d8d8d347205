"""Same bytes, other name."""

import shutil

import pytest

from tests.pipeline.red_box import write_red_model, write_traffic
from tests.pitfalls.scenes import read
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths
from truckcount.store import Store

pytestmark = pytest.mark.video


def test_a_copy_is_a_duplicate_and_changes_nothing(tmp_path):
    clip = write_traffic(tmp_path / "gate_20260302T090000Z.mp4", {1.0: 1})
    copy = tmp_path / "gate_20260302T090000Z_copy.mp4"
    options = RunOptions(store=tmp_path / "store", model=write_red_model(tmp_path))
    run_paths([str(clip)], options)
    store = Store.open(options.store)
    before = {
        path: path.read_bytes()
        for table in ("hours", "history", "passages", "scores")
        for path in (store.root / table).rglob("*.parquet")
    }
    shutil.copy2(clip, copy)
    (outcome,) = run_paths([str(copy)], options).file_outcomes
    assert outcome.status == "duplicate"
    assert before == {path: path.read_bytes() for path in before}
    assert sorted(read(store, "segments")["status"]) == ["done", "duplicate"]
