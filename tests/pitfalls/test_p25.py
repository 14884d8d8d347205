"""Schema drift."""

import dataclasses

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.pitfalls.scenes import film, piece, publish, quiet, through
from truckcount.errors import SchemaError, StoreError
from truckcount.store import repair, schema
from truckcount.store.check import check_store
from truckcount.store.repair import migrate_store


@pytest.fixture
def root(tmp_path):
    files = [piece("a", film([through(30)], 60)), quiet(60, "b", at_s=3600)]
    return publish(tmp_path, files).root


def retype(root, column, kind):
    (path,) = (root / "hours").rglob("*.parquet")
    table = pq.read_table(path)
    index = table.schema.get_field_index(column)
    cast = (
        table[column].dictionary_encode()
        if pa.types.is_dictionary(kind)
        else table[column].cast(kind)
    )
    pq.write_table(table.set_column(index, column, cast), path)
    return path


STRANGE = {
    "dictionary": ("camera", pa.dictionary(pa.int32(), pa.string())),
    "float count": ("n_trucks", pa.float64()),
    "large string": ("gate", pa.large_string()),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_file_of_other_types_is_reported_and_not_written_over(root, name):
    path = retype(root, *STRANGE[name])
    before = path.read_bytes()
    assert {b.invariant for b in check_store(root)} >= {"F11"}
    with pytest.raises(StoreError, match=r"2026-01\.parquet"):
        publish(root, [quiet(60, "c", at_s=7200)])
    assert path.read_bytes() == before
    with pytest.raises(SchemaError):
        migrate_store(root)


def test_migrating_makes_a_new_column_visible_in_old_files(root, monkeypatch):
    added = schema.Column("n_buses", pa.int32(), True, "a column of the future")
    hours = (*schema.HOURS, added)
    monkeypatch.setitem(schema.COLUMNS, "hours", hours)
    history = (*hours, *schema.HISTORY[-2:])
    monkeypatch.setitem(schema.COLUMNS, "history", history)
    assert repair.COLUMNS is schema.COLUMNS
    assert "F11" in {b.invariant for b in check_store(root)}
    assert "n_buses" not in pd.read_parquet(root / "hours")
    assert len(migrate_store(root)) == 2
    frame = pd.read_parquet(root / "hours")
    assert frame["n_buses"].isna().all()
    assert str(frame["n_buses"].dtype) == "Int32"
    assert migrate_store(root) == []


def test_a_new_column_that_cannot_be_null_is_refused(root, monkeypatch):
    must = dataclasses.replace(schema.HOURS[-1], name="weather")
    monkeypatch.setitem(schema.COLUMNS, "hours", (*schema.HOURS, must))
    with pytest.raises(SchemaError, match="weather"):
        migrate_store(root)
