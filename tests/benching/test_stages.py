"""CPU time shared out among the stages."""

import pytest

from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.benching.stages import PACKAGE, STAGES, profile_stages, share_out
from truckcount.pipeline.config import RunOptions

CROP = (str(PACKAGE / "video" / "crop.py"), 1, "cut")
DECODE = (str(PACKAGE / "video" / "decode_av.py"), 1, "_frames")
NUMPY = ("/lib/numpy/x.py", 1, "stack")
SORT = ("~", 0, "<built-in sort>")


def call(own_s, with_callees_s, callers=()):
    return (1, 1, own_s, with_callees_s, {c: (1, 1, 0.0, s) for c, s in callers})


def test_own_time_belongs_to_the_stage_of_its_file():
    shares = share_out({CROP: call(2.0, 2.0), DECODE: call(3.0, 5.0)})
    assert shares == {"convert": 2.0, "decode": 3.0}


def test_foreign_time_belongs_to_the_stages_that_called_by_their_share():
    stats = {
        CROP: call(0.0, 3.0),
        DECODE: call(0.0, 1.0),
        NUMPY: call(0.0, 4.0, [(CROP, 3.0), (DECODE, 1.0)]),
        SORT: call(4.0, 4.0, [(NUMPY, 4.0)]),
    }
    shares = share_out(stats)
    assert shares["convert"] == pytest.approx(3.0)
    assert shares["decode"] == pytest.approx(1.0)


def test_foreign_functions_that_call_one_another_end_under_other():
    stats = {
        NUMPY: call(1.0, 2.0, [(SORT, 1.0)]),
        SORT: call(1.0, 2.0, [(NUMPY, 1.0)]),
    }
    assert share_out(stats) == {"other": 2.0}


@pytest.mark.video
def test_a_run_is_profiled_and_its_store_leaves_no_trace(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    clip = write_traffic(tmp_path / "road.mp4", {1.0: 1}, 4)
    options = RunOptions(model=write_red_model(tmp_path), start="2026-03-02T08:00:00Z")
    before = sorted(tmp_path.iterdir())
    found = profile_stages(clip, options, seconds=4)
    spent = found["cpu_ms_per_video_s"]
    assert list(spent) == list(STAGES)
    for stage in ("decode", "convert", "health", "infer", "peaks", "count", "write"):
        assert spent[stage] > 0, stage
    assert spent["gate"] is None, "no difference gate ran"
    assert sorted(tmp_path.iterdir()) == before
