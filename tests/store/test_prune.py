"""Old scores go; hours and their history stay to the byte, whatever comes later."""

import os
import shutil
from dataclasses import replace

import pandas as pd
import pytest

from tests.counting.simulate import film, through
from tests.pipeline.pieces import CAMERA, DIGEST, HOUR_US, NOW_US, ingest, piece
from tests.store.fill import segment
from truckcount.errors import StoreError
from truckcount.store import Store
from truckcount.store.check import check_store
from truckcount.store.prune import prune_store

DAY_US = 24 * HOUR_US
NAME = CAMERA.name
TRUCK = film([through(30)], 90)
KEEP = 10
NOW = NOW_US + 60 * DAY_US


def write(store):
    parts = [piece(f"day{k}", TRUCK, shift_us=k * DAY_US + HOUR_US) for k in range(4)]
    ingest(store, [parts], now_us=NOW_US + 5 * DAY_US)
    recent = piece("recent", TRUCK, shift_us=55 * DAY_US)
    ingest(store, [[recent]], now_us=NOW_US + 56 * DAY_US)
    return store


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    return write(Store.open(tmp_path_factory.mktemp("filled") / "store")).root


@pytest.fixture
def store(filled, tmp_path):
    return Store.open(shutil.copytree(filled, tmp_path / "store"))


def facts(root):
    """Everything a reader of counts sees, as bytes."""
    tables = ("hours", "history", "passages", "segments")
    return {p: p.read_bytes() for t in tables for p in (root / t).rglob("*.parquet")}


def days(root):
    return sorted(path.stem for path in (root / "scores").rglob("*.parquet"))


def test_old_scores_go_and_every_fact_stays(store):
    before = facts(store.root)
    (dry,) = prune_store(store.root, keep_days=KEEP, now_us=NOW, is_dry_run=True)
    assert len(days(store.root)) == 5, "a dry run removes nothing"
    (done,) = prune_store(store.root, keep_days=KEEP, now_us=NOW)
    assert done == dry
    assert done.score_days == ("2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04")
    assert done.n_bytes > 0
    assert days(store.root) == ["2026-02-25"]
    assert facts(store.root) == before
    assert check_store(store.root) == []
    (again,) = prune_store(store.root, keep_days=KEEP, now_us=NOW)
    assert again.score_days == ()


@pytest.mark.parametrize("where", [0, 3], ids=["in a pruned day", "at its end"])
def test_a_late_file_changes_no_hour_of_a_pruned_day(store, where):
    prune_store(store.root, keep_days=KEEP, now_us=NOW)
    before = pd.read_parquet(store.root / "hours")
    late = piece("late", TRUCK, shift_us=where * DAY_US + HOUR_US + 100_000_000)
    ingest(store, [[late]], now_us=NOW)
    pd.testing.assert_frame_equal(pd.read_parquet(store.root / "hours"), before)
    assert check_store(store.root) == []


def test_a_file_of_a_day_that_was_never_there_is_counted(store):
    prune_store(store.root, keep_days=KEEP, now_us=NOW)
    before = pd.read_parquet(store.root / "hours")["n_trucks"].sum()
    ingest(store, [[piece("found", TRUCK, shift_us=20 * DAY_US)]], now_us=NOW)
    assert pd.read_parquet(store.root / "hours")["n_trucks"].sum() == before + 1
    assert check_store(store.root) == []


def test_an_archive_that_is_being_read_keeps_its_scores(store):
    ingest(store, [[piece("more", TRUCK, shift_us=DAY_US)]], now_us=NOW - DAY_US)
    (done,) = prune_store(store.root, keep_days=KEEP, now_us=NOW)
    assert done.score_days == ("2026-01-04",), "the others touch what is new"


def test_rows_on_failed_files_and_leftovers_of_killed_runs_go_with_age(store):
    failed = segment(
        segment_id="bad", path="/v/bad.mp4", status="corrupt", start_us=None,
        end_us=None, winner_intervals=(), known_at_us=NOW_US,
    )  # fmt: skip
    store.write_segment(NAME, failed)
    fresh = replace(failed, segment_id="new", path="/v/new.mp4", known_at_us=NOW)
    store.write_segment(NAME, fresh)
    draft = store.root / "hours" / NAME / ".2026-01.1.dead.tmp"
    draft.write_bytes(b"half")
    os.utime(draft, (1, 1))
    (done,) = prune_store(store.root, keep_days=KEEP, now_us=NOW)
    assert (done.n_rows, done.n_leftovers) == (1, 1)
    assert not draft.exists()
    statuses = [r.status for r in store.segments(NAME)]
    assert sorted(statuses) == ["corrupt", *["done"] * 5]


def test_a_pruned_file_is_known_without_its_scores(store):
    prune_store(store.root, keep_days=KEEP, now_us=NOW)
    record = next(r for r in store.segments(NAME) if r.segment_id == "day0")
    assert not store.has_scores(NAME, record, DIGEST)
    assert store.seals(NAME).covering(record.start_us, record.end_us) is not None


@pytest.mark.parametrize(
    ("options", "match"),
    [({"keep_days": 3}, "at least 4"), ({"camera": "other"}, "no camera 'other'")],
)
def test_what_cannot_be_meant_is_refused(store, options, match):
    with pytest.raises(StoreError, match=match):
        prune_store(store.root, now_us=NOW, **options)
