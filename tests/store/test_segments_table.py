"""Segments: the commit marker, one row per file."""

from dataclasses import replace

import pandas as pd
import pytest

from tests.store.fill import T0_US, segment
from truckcount.store import Store
from truckcount.store.segments_table import (
    neighbours,
    newest_ids,
    read_columns,
    undated_segments,
)

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


@pytest.fixture
def year(store):
    """A file a day from November to February, one failed, one deleted, one long."""
    first = T0_US - 60 * DAY_US
    rows = [
        segment(segment_id=f"s{k:03d}", path=f"/v/{k}.mp4", start_us=first + k * DAY_US,
                end_us=first + k * DAY_US + 300_000_000)
        for k in range(120)
    ]  # fmt: skip
    rows[40] = replace(rows[40], status="deleted")
    rows[50] = replace(rows[50], end_us=rows[50].start_us + 3 * DAY_US)
    rows.append(segment(segment_id="x", path="/v/x.mp4", status="corrupt",
                        start_us=None, end_us=None, error="x"))  # fmt: skip
    store.write_segments("cam", rows)
    return store, rows


def test_some_are_found_by_their_ids(year):
    store, _ = year
    found = store.segments("cam", ids={"s100", "x", "s003", "unknown"})
    assert [r.segment_id for r in found] == ["x", "s003", "s100"]
    assert store.segments("cam", ids=()) == []


@pytest.mark.parametrize(
    ("low", "high"), [(0, 1), (52, 53), (49, 56), (30, 95), (-9, 0), (-500, 500)]
)
def test_those_of_a_window_are_what_a_look_at_all_finds(year, low, high):
    store, rows = year
    window = (rows[0].start_us + low * DAY_US, rows[0].start_us + high * DAY_US)
    found = store.segments("cam", window=window)
    assert found == [
        r
        for r in store.segments("cam")
        if r.start_us is not None and r.start_us < window[1] and r.end_us > window[0]
    ]


@pytest.mark.parametrize("day", [-1, 0, 0.5, 40.5, 51, 53.5, 119, 500])
def test_the_neighbours_of_a_moment_are_the_nearest_counted_ones(year, day):
    store, rows = year
    at = rows[0].start_us + round(day * DAY_US)
    counted = [r for r in rows if r.status == "done" and r.segment_id != "s060"]
    before = max((r.end_us for r in counted if r.end_us <= at), default=None)
    after = min((r.start_us for r in counted if r.start_us >= at), default=None)
    assert neighbours(store.root, "cam", at, at, {"s060"}) == (before, after)


def test_columns_of_all_are_there_and_the_undated_come_first(year):
    store, rows = year
    table = read_columns(store.root, "cam", ["segment_id", "status"])
    assert table["segment_id"].to_pylist() == ["x", *(r.segment_id for r in rows[:-1])]
    (dull,) = undated_segments(store.root, "cam")
    assert (dull.segment_id, dull.error) == ("x", "x")


def test_the_newest_of_each_scoring_hash_is_told(year):
    store, rows = year
    store.write_segment("cam", replace(rows[7], config_hash="s1"))
    assert sorted(newest_ids(store.root, "cam")) == ["s007", "s119"]


def test_a_row_more_leaves_the_bytes_of_other_months_and_the_rows_of_its_own(year):
    store, rows = year
    files = {p: p.read_bytes() for p in (store.root / "segments").rglob("*.parquet")}
    new = segment(segment_id="new", path="/v/new.mp4", start_us=T0_US + 5)
    store.write_segment("cam", new)
    changed = [p for p, before in files.items() if p.read_bytes() != before]
    assert [p.stem for p in changed] == ["2026-01"]
    assert {r.segment_id for r in store.segments("cam")} == {
        "new", *(r.segment_id for r in rows),
    }  # fmt: skip


def test_a_file_grown_by_rows_is_the_file_written_at_once(tmp_path):
    """Byte for byte: who compares stores by their files finds no difference."""
    rows = [segment(segment_id=f"{k}", start_us=T0_US + k) for k in range(5)]
    stores = [Store.open(tmp_path / name) for name in ("once", "one_by_one")]
    stores[0].write_segments("cam", [replace(r, known_at_us=T0_US) for r in rows])
    for k in (3, 0, 4, 1, 2):
        stores[1].write_segment("cam", replace(rows[k], known_at_us=T0_US))
    once, grown = (
        next((s.root / "segments").rglob("*.parquet")).read_bytes() for s in stores
    )
    assert once == grown
