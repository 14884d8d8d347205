"""Stale bins are made again from passages and scores, or it is said what would."""

from dataclasses import replace

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.counting.simulate import film, through
from tests.pipeline.pieces import CAMERA, HOUR_US, NOW_US, ingest, piece
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.restating.bins_repair import repair_bins
from truckcount.presence.weights import find_weights
from truckcount.store import Store
from truckcount.store.check import check_store
from truckcount.store.prune import prune_store

STRICT = replace(
    CAMERA,
    gates=(replace(CAMERA.gates[0], thresholds=(("on_score", 0.85),)),),
)
STAMPS = ["known_at_utc", "revision", "is_final", "is_backfill"]


def read(root, minutes=15):
    (path,) = (root / f"bins_{minutes:02d}").rglob("*.parquet")
    frame = pd.read_parquet(path)
    keys = ["gate", "direction", "bin_start_utc"]
    return frame.drop(columns=STAMPS).sort_values(keys, ignore_index=True)


def fill(root, camera=CAMERA):
    """Three hours, of which nobody watched the second; trucks in two quarters."""
    scene = film([through(30), through(840), through(880, p=0.7)], 960)
    files = [
        piece("a", scene[:3000]),
        piece("b", scene[3000:]),
        piece("c", film([through(20)], 60), shift_us=2 * HOUR_US),
    ]
    store = Store.open(root)
    ingest(store, [files], camera=camera, options=RunOptions(bins=15))
    assert check_store(root) == []
    return store


def spoil(root, table="bins_15", **values):
    """Let all bins say what they did before, as an older truckcount left them."""
    (path,) = (root / table).rglob("*.parquet")
    schema = pq.read_schema(path)
    rows = [
        row | (values if row["coverage_s"] > 0 else {})
        for row in pq.read_table(path).to_pylist()
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    assert "F10" in {broken.invariant for broken in check_store(root)}


def keep_gate(store):
    """Give the store the gate that its hours were counted with."""
    gate = CAMERA.gates[0]
    corners = [list(corner) for corner in gate.polygon]
    store.keep_cameras(
        f"""
        [cameras.dc-north]
        [[cameras.dc-north.gates]]
        name = "{gate.name}"
        polygon = {corners}
        in = {list(gate.in_vector)}
        """.encode()
    )


@pytest.fixture
def counted(tmp_path):
    fill(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "stale",
    [{"n_trucks": 9, "onsets": 9}, {"coverage_s": 1.0}, {"n_samples": 7}],
    ids=["of other thresholds", "before a late file", "of another sampling"],
)
def test_stale_bins_are_made_again_as_they_were(counted, stale):
    whole = read(counted)
    hours = (counted / "hours").rglob("*.parquet").__next__().read_bytes()
    spoil(counted, **stale)
    (line,) = repair_bins(counted)
    assert "bins_15 of 2 hours rebuilt" in line
    assert check_store(counted) == []
    made = read(counted)
    # its weights are in no zoo: when the gate was busy is not known any more
    assert made["busy_s"].isna().all()
    same = [c for c in whole.columns if c != "busy_s"]
    pd.testing.assert_frame_equal(made[same], whole[same])
    assert (counted / "hours").rglob("*.parquet").__next__().read_bytes() == hours
    assert repair_bins(counted) == []


def test_bins_of_shipped_weights_are_made_again_to_the_last_column(
    tmp_path, monkeypatch
):
    monkeypatch.setattr("tests.pipeline.pieces.WEIGHTS", find_weights("truckmap"))
    keep_gate(fill(tmp_path))
    whole = read(tmp_path)
    assert whole["busy_s"].sum() > 0
    spoil(tmp_path, n_trucks=9, busy_s=1.0)
    assert "rebuilt" in repair_bins(tmp_path)[0]
    pd.testing.assert_frame_equal(read(tmp_path), whole)


def test_bins_follow_hours_of_thresholds_that_nobody_kept(tmp_path):
    """The weak truck is no passage; default thresholds would count it."""
    fill(tmp_path, STRICT)
    whole = read(tmp_path)
    spoil(tmp_path, n_trucks=9)
    assert "rebuilt" in repair_bins(tmp_path)[0]
    assert check_store(tmp_path) == []
    assert read(tmp_path)["n_trucks"].equals(whole["n_trucks"])


def test_an_unwatched_hour_is_null_in_its_bins_again(counted):
    (path,) = (counted / "bins_15").rglob("*.parquet")
    schema = pq.read_schema(path)
    rows = pq.read_table(path).to_pylist()
    for row in rows:
        if row["bin_start_utc"].hour == 1:
            row.update(n_trucks=3, coverage_s=900.0)
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    assert "bins_15 of 1 hours rebuilt" in repair_bins(counted)[0]
    assert check_store(counted) == []


def test_a_damaged_file_of_bins_is_made_again(counted):
    whole = read(counted)
    (path,) = (counted / "bins_15").rglob("*.parquet")
    path.write_bytes(b"x" * 99)
    removed, rebuilt = repair_bins(counted)
    assert str(path) in removed
    assert "bins_15 of 3 hours rebuilt" in rebuilt
    assert check_store(counted) == []
    assert read(counted)["n_trucks"].equals(whole["n_trucks"])


def test_bins_whose_scores_are_gone_are_left_and_the_command_is_told(counted):
    spoil(counted, n_trucks=9)
    stale = read(counted)
    for path in (counted / "scores").rglob("*.parquet"):
        path.unlink()
    (line,) = repair_bins(counted)
    assert f"truckcount recount {counted} --camera dc-north --bins 15" in line
    assert "--from 2026-01-01T00:00Z --to 2026-01-01T03:00Z" in line
    assert read(counted).equals(stale), "nothing is guessed"


def test_bins_of_pruned_scores_are_said_to_stay(counted):
    spoil(counted, n_trucks=9)
    prune_store(counted, keep_days=4, now_us=NOW_US + 1000 * 24 * HOUR_US)
    (line,) = repair_bins(counted)
    assert "scores are gone" in line
    assert "recount" not in line


def fill_duty(root, camera):
    """Two hours of ten seconds every two minutes; a truck in each third clip."""
    files = [
        piece(f"clip{k:02d}", film([through(4)] if k % 3 == 0 else [], 10, seed=k),
              shift_us=k * 120_000_000)
        for k in range(60)
    ]  # fmt: skip
    store = Store.open(root)
    ingest(store, [files], camera=camera, options=RunOptions(bins=15))
    assert check_store(root) == []
    return store


def test_bins_of_clips_on_a_cycle_are_made_again_with_their_estimates(tmp_path):
    """By the options of the store's cameras.toml, which are those of the count."""
    keep_gate(fill_duty(tmp_path, replace(CAMERA, source_kind="duty")))
    whole = read(tmp_path)
    assert set(whole["source_kind"]) == {"duty"}
    assert whole["n_trucks_est"].max() > 5 * whole["n_trucks"].max()
    spoil(tmp_path, n_trucks=9, n_trucks_est=9.0, n_trucks_se=1.0)
    assert repair_bins(tmp_path) == [
        "dc-north: bins_15 of 2 hours rebuilt from passages and scores"
    ]
    pd.testing.assert_frame_equal(read(tmp_path), whole)
    assert check_store(tmp_path) == []


def test_bins_of_clips_counted_otherwise_are_left_and_the_command_is_told(tmp_path):
    fill_duty(tmp_path, replace(STRICT, source_kind="duty"))
    spoil(tmp_path, n_trucks=9)
    stale = read(tmp_path)
    (line,) = repair_bins(tmp_path)
    assert "clips on a cycle: the options they were counted with" in line
    assert f"truckcount recount {tmp_path} --camera dc-north --bins 15" in line
    assert "--from 2026-01-01T00:00Z --to 2026-01-01T02:00Z" in line
    assert read(tmp_path).equals(stale), "nothing is guessed"


def test_a_whole_store_and_one_without_bins_are_left_alone(counted, tmp_path):
    before = {p: p.stat().st_mtime_ns for p in counted.rglob("*.parquet")}
    assert repair_bins(counted) == []
    assert {p: p.stat().st_mtime_ns for p in counted.rglob("*.parquet")} == before
    plain = tmp_path / "plain"
    ingest(Store.open(plain), [[piece("a", film([through(30)], 90))]])
    assert repair_bins(plain) == []
