"""Opening, locking, and what lies about in the folder."""

import json
import subprocess
import sys
import threading
import time

import pandas as pd
import pytest

from tests.store.fill import STAMP, T0_US, UNSEEN, hour, passage, segment
from truckcount.errors import (
    ConfigError,
    StoreError,
    StoreLockedError,
    StoreVersionError,
)
from truckcount.store import Store
from truckcount.store.check import check_store
from truckcount.store.layout import days_between, file_path
from truckcount.store.read import read_hours

NOW_US = T0_US + 4 * 3_600_000_000
WINDOW = (T0_US, T0_US + 3_600_000_000)


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / "store")


def fill(store):
    store.write_passages(
        "cam", "exit", [passage(t) for t in (10, 20, 30)], WINDOW,
        model_id="m", config_hash="c0", now_us=NOW_US,
    )  # fmt: skip
    store.write_hours(STAMP, [hour(), UNSEEN], NOW_US)
    store.write_segment("cam", segment(known_at_us=NOW_US))


def test_a_store_is_made_once_and_opened_again(tmp_path):
    root = tmp_path / "a" / "b" / "store"
    Store.open(root)
    meta = root / "_meta" / "store.json"
    before = meta.read_bytes()
    Store.open(root)
    assert meta.read_bytes() == before
    assert json.loads(before)["schema_version"] == 1
    assert [p.name for p in meta.parent.iterdir()] == ["store.json"]


def test_reading_makes_no_store(tmp_path):
    with pytest.raises(StoreError, match="is no store"):
        Store.open(tmp_path / "gone", is_new_allowed=False)
    assert not (tmp_path / "gone").exists()


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "3", '{"schema": 1}', '{"schema_version": "new"}', "\xff"],
)
def test_a_damaged_store_json_is_a_store_error(store, content):
    (store.root / "_meta" / "store.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(StoreError, match=r"store\.json is damaged"):
        Store.open(store.root)


def test_a_newer_store_is_refused(store):
    (store.root / "_meta" / "store.json").write_text('{"schema_version": 99}')
    with pytest.raises(StoreVersionError, match=r"schema 99.*upgrade"):
        Store.open(store.root)


def test_a_file_in_the_way_is_a_store_error(tmp_path):
    (tmp_path / "store").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        Store.open(tmp_path / "store")


def test_a_second_writer_waits_and_then_gives_up(store):
    program = (
        "import sys, time; from pathlib import Path\n"
        "from truckcount.store import Store\n"
        "with Store(Path(sys.argv[1])).lock('cam'):\n"
        "    print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, store.root], stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout.readline() == b"held\n"
        is_refused = pytest.raises(StoreLockedError, match="camera 'cam'")
        with is_refused, store.lock("cam", timeout_s=0.1):
            pass
        with store.lock("other", timeout_s=0.1):
            pass
    finally:
        holder.kill()
        holder.wait()
        holder.stdout.close()
    with store.lock("cam", timeout_s=5):
        pass  # the kernel freed it when the holder was killed


def test_a_waiting_writer_goes_on_when_the_first_is_done(store):
    order = []

    def first():
        with store.lock("cam"):
            order.append("first in")
            time.sleep(0.2)
            order.append("first out")

    thread = threading.Thread(target=first)
    thread.start()
    while not order:
        time.sleep(0.001)
    with store.lock("cam", timeout_s=10):
        order.append("second in")
    thread.join()
    assert order == ["first in", "first out", "second in"]


def test_junk_in_the_tree_is_not_data(store):
    fill(store)
    for table in ("hours", "passages", "segments", "history"):
        folder = store.root / table / "cam"
        (folder / ".2026-01.7.ab.tmp").write_bytes(b"half a file")
        (folder / "_notes.parquet").write_bytes(b"not parquet")
        (folder / "._2026-01.parquet").write_bytes(b"a Mac was here")
        (store.root / table / "_old").mkdir()
        (store.root / table / ".trash").mkdir()
        (store.root / table / "_old" / "2026-01.parquet").write_bytes(b"x")
    hours = pd.read_parquet(store.root / "hours")
    assert hours["n_trucks"].tolist() == [3, pd.NA]
    assert len(read_hours(store.root)) == 2
    assert store.cameras() == ["cam"]
    assert [s.path for s in store.segments("cam")] == ["/v/a.mp4"]
    assert store.write_hours(STAMP, [hour(), UNSEEN], NOW_US) == 0
    assert check_store(store.root) == []


@pytest.mark.parametrize(
    "name",
    ["_cam", ".cam", "camera=7", "", "a/b", "..", "Cam", "a" * 64, "ca m", "cam\n"],
)
def test_names_that_readers_would_lose_are_refused(store, name):
    for table in ("hours", "scores", ".locks"):
        with pytest.raises(ConfigError, match="is not allowed"):
            file_path(store.root, table, name, "2026-01")
    with pytest.raises(ConfigError):
        store.write_segment(name, segment())
    with pytest.raises(ConfigError), store.lock(name):
        pass


def test_days_are_those_that_a_window_touches():
    day = 86_400_000_000
    assert days_between(T0_US, T0_US + day) == ["2026-01-01"]
    assert days_between(T0_US - 1, T0_US + day + 1) == [
        "2025-12-31", "2026-01-01", "2026-01-02",
    ]  # fmt: skip
    assert days_between(T0_US, T0_US) == ["2026-01-01"]


@pytest.mark.parametrize(
    ("choice", "n"),
    [
        ({}, 2),
        ({"camera": "cam"}, 2),
        ({"start": "2026-01-01T01:00Z"}, 1),
        ({"end": "2026-01-01T01:00"}, 1),
        ({"start": "2025-12-31T18:00-06:00", "end": "2026-01-02"}, 2),
        ({"start": "2026-02-01"}, 0),
    ],
)
def test_hours_are_read_by_camera_and_time(store, choice, n):
    fill(store)
    assert len(read_hours(store.root, **choice)) == n


def test_what_cannot_be_read_is_said(store, tmp_path):
    assert len(read_hours(store.root)) == 0
    fill(store)
    with pytest.raises(StoreError, match=r"no camera 'can'.*cam"):
        read_hours(store.root, camera="can")
    with pytest.raises(StoreError, match="ISO-8601"):
        read_hours(store.root, start="yesterday")
    with pytest.raises(StoreError, match="is no store"):
        read_hours(tmp_path / "gone")
