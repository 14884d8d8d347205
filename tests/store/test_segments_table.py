"""Segments: the commit marker, one row per file."""

from dataclasses import replace

import pandas as pd
import pytest

from tests.store.fill import T0_US, segment
from truckcount.store import Store

DAY_US = 86_400_000_000


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path)


def test_a_segment_comes_back_as_it_was(store):
    record = segment(mtime_us=T0_US, duration_s=60.0, width=1280, height=720,
                     is_vfr=True, known_at_us=T0_US)  # fmt: skip
    store.write_segment("cam", record)
    (back,) = store.segments("cam")
    assert back == replace(record, fps_nominal=back.fps_nominal)
    assert back.fps_nominal == pytest.approx(29.97, rel=1e-6)


def test_the_same_row_again_touches_nothing(store):
    store.write_segment("cam", segment())
    (path,) = (store.root / "segments").rglob("*.parquet")
    before = path.read_bytes(), path.stat().st_mtime_ns
    store.write_segment("cam", segment(run_id="another"))
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_a_new_status_replaces_the_row(store):
    store.write_segment("cam", segment(status="corrupt", start_us=None, error="x"))
    store.write_segment("cam", segment())
    (back,) = store.segments("cam")
    assert (back.status, back.error) == ("done", None)
    assert len(pd.read_parquet(store.root / "segments")) == 1


def test_a_segment_that_moves_to_another_month_leaves_the_first(store):
    store.write_segment("cam", segment())
    store.write_segment("cam", segment(start_us=T0_US - DAY_US))
    (back,) = store.segments("cam")
    assert back.start_us == T0_US - DAY_US


def test_two_paths_of_one_content_are_two_rows(store):
    store.write_segment("cam", segment())
    store.write_segment("cam", segment(path="/v/copy.mp4", status="duplicate"))
    assert [s.status for s in store.segments("cam")] == ["done", "duplicate"]


def test_segments_are_given_by_start(store):
    for k in (2, 0, 1):
        store.write_segment("cam", segment(segment_id=f"{k}", start_us=T0_US + k))
    assert [s.segment_id for s in store.segments("cam")] == ["0", "1", "2"]
    assert store.cameras() == ["cam"]
