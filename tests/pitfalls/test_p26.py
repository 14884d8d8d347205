"""Junk in the tree."""

import threading

import pandas as pd
import pytest

from tests.pitfalls.scenes import publish, quiet
from tests.store.fill import HOUR_US, STAMP, T0_US, hour
from truckcount.errors import ConfigError
from truckcount.pipeline.cameras import load_cameras
from truckcount.store.check import check_store
from truckcount.store.hours_table import write_hours

N_PUBLISHES = 30  # benchmarks/store_torture.py makes 500


def test_leftovers_are_not_read(tmp_path):
    store = publish(tmp_path, [quiet(60)])
    folder = tmp_path / "hours" / "dc-north"
    before = pd.read_parquet(tmp_path / "hours")
    (folder / ".2026-01.17.dead.tmp").write_bytes(b"half a file")
    (folder / "_x").write_bytes(b"junk")
    (folder / "_x.parquet").write_bytes(b"junk")
    with store.lock("dc-north"):
        assert pd.read_parquet(tmp_path / "hours").equals(before)
    assert check_store(tmp_path) == []


def test_a_camera_that_pyarrow_would_not_see_is_refused(tmp_path):
    path = tmp_path / "cameras.toml"
    path.write_text('[cameras._cam]\ntimezone = "UTC"\n')
    with pytest.raises(ConfigError, match="_cam"):
        load_cameras(path)


def test_a_plain_read_beside_a_writer_is_never_torn(tmp_path):
    """Every publish sets all 24 hours to one number: a mixture would show."""
    write_hours(tmp_path, STAMP, [hour(k, 0) for k in range(24)], T0_US + 30 * HOUR_US)
    is_over, wrong, n_reads = threading.Event(), [], 0

    def read():
        nonlocal n_reads
        while not is_over.is_set():
            try:
                frame = pd.read_parquet(tmp_path / "hours")
            except Exception as error:  # noqa: BLE001 - any error is the finding
                wrong.append(error)
                return
            if len(frame) != 24 or frame["n_trucks"].nunique() != 1:
                wrong.append(frame)
            n_reads += 1

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(1, N_PUBLISHES):
        now_us = T0_US + 30 * HOUR_US + n * 60_000_000
        write_hours(tmp_path, STAMP, [hour(k, n) for k in range(24)], now_us)
    is_over.set()
    reader.join()
    assert wrong == []
    assert n_reads > 0
