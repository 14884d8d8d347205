"""Readers see a file's old or new rows, never a mixture, whatever dies when."""

import os
import threading

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.store.fill import HOUR_US, STAMP, T0_US, hour
from truckcount.errors import SchemaError, StoreError
from truckcount.store import publish
from truckcount.store.hours_table import write_hours
from truckcount.store.publish import publish_table, read_table
from truckcount.store.schema import schema_of


def rows(n, status="done"):
    row = {
        "segment_id": "s", "path": "p", "name": "n", "source_kind": "video",
        "size_bytes": n, "clock_offset_s": 0.0, "clock_sd_s": 0.0, "is_vfr": False,
        "status": status, "winner_intervals": [], "run_id": "r", "known_at_utc": 0,
    }  # fmt: skip
    return pa.Table.from_pylist([row] * n, schema=schema_of("segments"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "segments" / "cam" / "2026-01.parquet"


def test_what_is_published_is_read_back(path):
    assert publish_table(rows(3), "segments", path)
    assert read_table(path, "segments").equals(rows(3))
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).compression == "ZSTD"
    assert [p.name for p in path.parent.iterdir()] == ["2026-01.parquet"]


def test_equal_rows_leave_the_file_alone(path):
    publish_table(rows(3), "segments", path)
    os.utime(path, ns=(1, 1))
    assert not publish_table(rows(3), "segments", path)
    assert path.stat().st_mtime_ns == 1
    assert publish_table(rows(4), "segments", path)
    assert path.stat().st_mtime_ns > 1


def test_no_file_is_an_empty_table(path):
    assert read_table(path, "segments").equals(schema_of("segments").empty_table())


def test_readers_never_see_a_torn_file(path, tmp_path):
    """Row k of n rows holds n: a mixture of two publishes would show."""
    publish_table(rows(1), "segments", path)
    (path.parent / ".2026-01.1.dead.tmp").write_bytes(b"half a file")
    is_over = threading.Event()
    seen, torn = set(), []

    def read():
        while not is_over.is_set():
            try:
                frame = pd.read_parquet(tmp_path / "segments")
            except Exception as error:  # noqa: BLE001 - any error is the finding
                torn.append(error)
                return
            if set(frame["size_bytes"]) != {len(frame)}:
                torn.append(frame)
            seen.add(len(frame))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for n in range(2, 102):
        publish_table(rows(n), "segments", path)
    is_over.set()
    for reader in readers:
        reader.join()
    assert torn == []
    assert len(seen) > 5, "the readers did run beside the writer"


@pytest.mark.parametrize("moment", ["before the draft is synced", "before the rename"])
def test_a_crash_leaves_the_old_file(path, monkeypatch, moment):
    publish_table(rows(1), "segments", path)

    def die(*_):
        raise KeyboardInterrupt

    if moment == "before the rename":
        monkeypatch.setattr(type(path), "replace", die)
    else:
        monkeypatch.setattr(publish, "sync", die)
    with pytest.raises(KeyboardInterrupt):
        publish_table(rows(2), "segments", path)
    assert len(pd.read_parquet(path.parent)) == 1
    assert [p.name for p in path.parent.iterdir()] == ["2026-01.parquet"]


def test_a_draft_that_does_not_read_back_is_not_published(path, monkeypatch):
    publish_table(rows(1), "segments", path)
    write = pq.write_table
    monkeypatch.setattr(
        pq, "write_table", lambda table, *a, **k: write(table.slice(1), *a, **k)
    )
    with pytest.raises(StoreError, match="did not read back"):
        publish_table(rows(2), "segments", path)
    assert len(read_table(path, "segments")) == 1


def test_a_full_disk_is_one_clear_error(path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(StoreError, match=r"2026-01\.parquet.*No space left"):
        publish_table(rows(2), "segments", path)


def test_a_table_of_another_kind_is_not_published(path):
    with pytest.raises(SchemaError):
        publish_table(rows(1), "hours", path)
    assert not path.exists()


@pytest.mark.parametrize("at", [0, 4, 40, 0.3, 0.5, 0.9, -30, -6, -2])
def test_a_damaged_file_is_a_store_error_wherever_it_is_hurt(path, at):
    publish_table(rows(50), "segments", path)
    data = bytearray(path.read_bytes())
    place = round(at * len(data)) if isinstance(at, float) else at
    for k in range(8 if place >= 0 else min(8, -place)):
        data[place + k] ^= 0xFF
    path.write_bytes(data)
    try:
        table = read_table(path, "segments")
    except StoreError:
        return
    # a byte of padding or statistics: the rows are still those written
    assert table.equals(rows(50))


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1PAR1", b"x" * 5000])
def test_what_is_no_parquet_is_a_store_error(path, content):
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        read_table(path, "segments")


def test_hours_are_dictionaries_of_names_alone(tmp_path):
    """Floats that hardly repeat cost a reader a dictionary for nothing."""
    write_hours(tmp_path, STAMP, [hour(k, k) for k in range(9)], T0_US + 20 * HOUR_US)
    (path,) = tmp_path.glob("hours/*/*.parquet")
    group = pq.read_metadata(path).row_group(0)
    coded = {
        group.column(i).path_in_schema
        for i in range(group.num_columns)
        if group.column(i).has_dictionary_page
    }
    strings = {f.name for f in schema_of("hours") if pa.types.is_string(f.type)}
    assert {"camera", "gate", "direction", "tz"} <= coded <= strings
