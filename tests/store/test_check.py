"""`store check` finds each breakage, and nothing in a whole store."""

import os
import threading
import time

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.counting.simulate import T0_US, film, through
from tests.pipeline.pieces import HOUR_US, NOW_US, ingest, piece
from truckcount.errors import StoreError, StoreVersionError
from truckcount.pipeline.config import RunOptions
from truckcount.store import Store
from truckcount.store.check import check_store
from truckcount.store.repair import repair_store


@pytest.fixture
def root(tmp_path):
    store = Store.open(tmp_path)
    parts = [
        piece("a", film([through(30), through(60, sign=-1)], 90)),
        piece("b", film([], 60), shift_us=HOUR_US),
    ]
    ingest(store, [[part] for part in parts])
    return store.root


def edit(root, table, change):
    """Rewrite a table's file as somebody might who does not use truckcount."""
    (path,) = (root / table).rglob("*.parquet")
    schema = pq.read_schema(path)
    rows = pq.read_table(path).to_pylist()
    rows = change(rows) or rows
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)


def found(root):
    return {broken.invariant for broken in check_store(root)}


def put(**values):
    """Change columns of the first watched row."""
    return lambda rows: next(r for r in rows if r["coverage_s"] > 0).update(values)


BREAKAGES = {
    "an hour row is deleted": ("hours", lambda rows: rows[1:], "F2"),
    "an hour row stands twice": ("hours", lambda rows: [*rows, rows[0]], "F1"),
    "n_trucks is changed": ("hours", put(n_trucks=7), "F2 F6"),
    "an unseen hour is made zero": (
        "hours", put(coverage_s=0.0), "F2 F4 F9",
    ),
    "more is covered than an hour": ("hours", put(unusable_s=3600.0), "F2 F5 F9"),
    "a direction is another": ("hours", put(direction="any"), "F2 F6 F7"),
    "a passage is deleted": ("passages", lambda rows: rows[1:], "F6"),
    "a passage is uncounted": (
        "passages", lambda rows: rows[0].update(is_counted=False), "F6",
    ),
    "a passage stands twice": ("passages", lambda rows: [*rows, rows[0]], "F1 F6"),
    "a revision is deleted": (
        "history", lambda rows: [r for r in rows if r["revision"] > 1] or rows[1:],
        "F2",
    ),
    "a revision is skipped": (
        "history", lambda rows: [r | {"revision": r["revision"] + 1} for r in rows],
        "F2 F3",
    ),
    "a file is done twice": (
        "segments", lambda rows: [*rows, rows[0] | {"path": "/elsewhere"}], "F1",
    ),
    "two files own one moment": (
        "segments",
        lambda rows: [
            r.update(winner_intervals=[{"start": rows[0]["start_utc"],
                                        "end": rows[0]["end_utc"]}])
            for r in rows
        ][:0],
        "F12",
    ),
    "backfill is claimed": ("hours", put(is_backfill=True), "F2 F13"),
    "a wall clock is another": ("hours", put(utc_offset_min=0), "F2 F16"),
    "a calibration is not there": ("hours", put(calibration_id="k1"), "F2 F14"),
    "scores stand twice": ("scores", lambda rows: [*rows, rows[0]], "F1"),
}  # fmt: skip


def test_a_whole_store_is_whole(root):
    assert check_store(root) == []


@pytest.mark.parametrize("name", BREAKAGES)
def test_a_breakage_is_found(root, name):
    table, change, invariants = BREAKAGES[name]
    edit(root, table, change)
    assert set(invariants.split()) <= found(root)
    for broken in check_store(root):
        assert "dc-north" in broken.where
        assert broken.what


@pytest.mark.parametrize(
    "table", ["hours", "history", "passages", "segments", "scores"]
)
@pytest.mark.parametrize("how", ["cut", "emptied", "other text"])
def test_a_damaged_file_is_found(root, table, how):
    (path,) = (root / table).rglob("*.parquet")
    data = path.read_bytes()
    damaged = {"cut": data[: len(data) // 2], "emptied": b"", "other text": b"x" * 99}
    path.write_bytes(damaged[how])
    broken = [b for b in check_store(root) if b.invariant == "F11"]
    assert broken
    assert str(path) in broken[0].where + broken[0].what


def test_a_column_of_another_type_is_found(root):
    (path,) = (root / "hours").rglob("*.parquet")
    table = pq.read_table(path)
    column = table.schema.get_field_index("n_trucks")
    floats = pc.cast(table["n_trucks"], pa.float64())
    pq.write_table(table.set_column(column, "n_trucks", floats), path)
    (broken,) = [b for b in check_store(root) if b.invariant == "F11"]
    assert "n_trucks" in broken.what


def test_an_hour_gone_without_a_trace_is_missed_by_its_passages(root):
    for table in ("hours", "history"):
        edit(root, table, lambda rows: [r for r in rows if not r["n_trucks"]])
    assert found(root) >= {"F6"}
    assert any("no hour has them" in b.what for b in check_store(root))


def test_a_time_in_the_future_is_found(root):
    def later(rows):
        for row in rows:
            row["known_at_utc"] = row["known_at_utc"].replace(year=2090)

    edit(root, "hours", later)
    assert "F15" in found(root)


def test_an_absent_hour_is_found_within_validity_and_between_rows(root):
    now_us = NOW_US + 10 * HOUR_US
    (root / "_meta" / "cameras.toml").write_text(
        """
        [cameras.dc-north]
        [[cameras.dc-north.gates]]
        name = "main"
        active_from = 2025-12-31T22:30:00Z
        active_to = 2026-01-01T03:00:00Z
        """
    )
    absent = [b.where for b in check_store(root, now_us) if b.invariant == "F8"]
    assert [where[-25:-12] for where in absent] == [
        "2025-12-31 22", "2025-12-31 23", "2026-01-01 02"
    ]  # fmt: skip
    assert not [b for b in check_store(root, T0_US) if "2026-01-01 02" in b.where]


def test_bins_that_do_not_sum_to_their_hour_are_found(tmp_path):
    store = Store.open(tmp_path)
    options = RunOptions(bins=15)
    ingest(store, [[piece("a", film([through(30)], 90))]], options=options)
    assert check_store(tmp_path) == []
    edit(tmp_path, "bins_15", put(n_trucks=5))
    assert found(tmp_path) == {"F10"}


REPAIRABLE = [
    "an hour row is deleted", "an hour row stands twice", "n_trucks is changed",
    "an unseen hour is made zero", "more is covered than an hour",
    "a direction is another", "backfill is claimed", "a wall clock is another",
]  # fmt: skip


@pytest.mark.parametrize("name", REPAIRABLE)
def test_hours_are_repaired_from_their_history(root, name):
    whole = pq.read_table(next((root / "hours").rglob("*.parquet")))
    table, change, _ = BREAKAGES[name]
    edit(root, table, change)
    (line,) = repair_store(root)
    assert "rebuilt" in line
    assert check_store(root) == []
    assert pq.read_table(next((root / "hours").rglob("*.parquet"))).equals(whole)
    assert repair_store(root) == []


@pytest.mark.parametrize("content", [b"", b"x" * 99])
def test_damaged_hours_are_written_anew_and_old_leftovers_removed(root, content):
    (path,) = (root / "hours").rglob("*.parquet")
    path.write_bytes(content)
    leftover = path.with_name(".2026-01.1.dead.tmp")
    leftover.write_bytes(b"half")
    os.utime(leftover, (1, 1))
    fresh = path.with_name(".2026-01.2.live.tmp")
    fresh.write_bytes(b"half")
    assert len(repair_store(root)) == 2
    assert not leftover.exists()
    assert fresh.exists(), "somebody may be writing it"
    assert check_store(root) == []


def test_a_new_tzdata_is_a_revision_of_cause_repair(root):
    """As if the zone had been another when the rows were written."""
    for table in ("hours", "history"):
        edit(root, table, lambda rows: [r | {"tz": "Asia/Kolkata"} for r in rows])
    assert found(root) == {"F16"}
    assert "local times" in repair_store(root)[0]
    assert check_store(root) == []
    files = (root / "history").rglob("*.parquet")
    rows = [row for file in files for row in pq.read_table(file).to_pylist()]
    assert {r["cause"] for r in rows if r["revision"] > 1} == {"repair"}
    assert {r["utc_offset_min"] for r in rows if r["revision"] > 1} == {330}


def test_what_is_no_store_is_an_error(tmp_path, root):
    with pytest.raises(StoreError, match="is no store"):
        check_store(tmp_path / "gone")
    (root / "_meta" / "store.json").write_text("{")
    with pytest.raises(StoreError, match="damaged"):
        check_store(root)
    (root / "_meta" / "store.json").write_text('{"schema_version": 2}')
    with pytest.raises(StoreVersionError):
        check_store(root)


def test_a_writer_between_two_tables_breaks_nothing(root):
    """A publish writes passages first, then hours: a check in between waits for it."""
    at_work, store = threading.Event(), Store.open(root)
    (path,) = (root / "passages").rglob("*.parquet")
    whole = path.read_bytes()

    def publish():
        with store.lock("dc-north"):
            edit(root, "passages", lambda rows: rows[1:])
            at_work.set()
            time.sleep(1.0)
            path.write_bytes(whole)

    writer = threading.Thread(target=publish)
    writer.start()
    assert at_work.wait(30)
    assert check_store(root) == []
    writer.join()


def test_what_is_broken_in_a_store_that_cannot_be_locked_is_told(root):
    edit(root, "passages", lambda rows: rows[1:])
    (root / ".locks" / "dc-north.lock").unlink()
    (root / ".locks" / "dc-north.lock").mkdir()  # as good as a disk without writing
    assert found(root) == {"F6"}
