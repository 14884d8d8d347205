"""Every file has exactly the declared columns, and pandas gets the promised types."""

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.counting.simulate import film, through
from tests.pipeline.pieces import ingest, piece
from tests.store.fill import HOUR_US
from truckcount.errors import SchemaError
from truckcount.pipeline.config import RunOptions
from truckcount.store import Store
from truckcount.store.schema import COLUMNS, check_table, schema_of

TABLES = ["hours", "history", "passages", "scores", "segments", "bins_15"]


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A store with every table: a watched hour, two that were not, a watched one."""
    store = Store.open(tmp_path_factory.mktemp("store"))
    parts = [
        piece("a", film([through(30)], 60)),
        piece("b", film([], 60), shift_us=3 * HOUR_US),
    ]
    ingest(store, [parts], options=RunOptions(bins=15))
    return store.root


@pytest.mark.parametrize("table", TABLES)
def test_files_have_the_declared_columns(root, table):
    files = list((root / table).rglob("*.parquet"))
    assert files
    for path in files:
        schema = pq.read_schema(path)
        got = [(f.name, f.type, f.nullable) for f in schema]
        assert got == [(c.name, c.type, c.is_nullable) for c in COLUMNS[table]]
        assert schema.metadata[b"tc.table"] == table.encode()
        assert schema.metadata[b"tc.schema_version"] == b"1"
        for field in schema:
            assert field.type not in (pa.large_string(), pa.large_binary())
            assert not pa.types.is_dictionary(field.type)
            if pa.types.is_timestamp(field.type) and field.name != "local_start":
                assert field.type == pa.timestamp("us", tz="UTC")


def test_pandas_reads_typed_hours_where_null_is_not_zero(root):
    hours = pd.read_parquet(root / "hours")
    assert list(hours.columns) == [c.name for c in COLUMNS["hours"]]
    assert str(hours["n_trucks"].dtype) == "Int32"
    assert str(hours["hour_start_utc"].dtype) == "datetime64[us, UTC]"
    assert str(hours["known_at_utc"].dtype) == "datetime64[us, UTC]"
    assert hours["local_start"].dt.tz is None
    ins = hours[hours["direction"] == "in"].sort_values("hour_start_utc")
    assert ins["n_trucks"].tolist() == [1, pd.NA, pd.NA, 0]
    assert ins["n_trucks"].sum() == 1
    with pytest.raises(TypeError):
        _ = hours["hour_start_utc"] > pd.Timestamp("2026-01-01")


def test_filters_and_column_choices_work_on_the_folder(root):
    seen = pd.read_parquet(
        root / "hours",
        columns=["camera", "hour_start_utc", "n_trucks"],
        filters=[("direction", "==", "in"), ("coverage_s", ">", 0)],
    )
    assert seen["n_trucks"].tolist() == [1, 0]
    assert seen["camera"].unique().tolist() == ["dc-north"]


def test_polars_and_duckdb_read_the_same(root):
    ours = pl.read_parquet(root / "hours" / "**" / "*.parquet")
    assert ours["n_trucks"].null_count() == 6
    assert ours["n_trucks"].sum() == 1
    query = f"select sum(n_trucks), count(*) from '{root}/hours/**/*.parquet'"
    assert duckdb.sql(query).fetchall() == [(1, 12)]


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.set_column(
            t.schema.get_field_index("camera"), "camera",
            t["camera"].cast(pa.large_string()),
        ),
        lambda t: t.set_column(
            t.schema.get_field_index("camera"), "camera",
            t["camera"].dictionary_encode(),
        ),
        lambda t: t.set_column(
            t.schema.get_field_index("n_trucks"), "n_trucks",
            t["n_trucks"].cast(pa.float64()),
        ),
        lambda t: t.drop_columns(["tz"]),
        lambda t: t.append_column("more", pa.nulls(len(t), pa.int8())),
        lambda t: t.select(t.column_names[::-1]),
        lambda t: t.set_column(
            t.schema.get_field_index("gate"), "gate", pa.nulls(len(t), pa.string())
        ),
    ],
    ids=["large_string", "dictionary", "float count", "missing", "extra", "order",
         "null"],
)  # fmt: skip
def test_a_table_that_drifts_is_refused(root, change):
    (path,) = (root / "hours").rglob("*.parquet")
    table = pq.read_table(path)
    check_table(table, "hours", "here")
    with pytest.raises(SchemaError, match="here: column"):
        check_table(change(table), "hours", "here")


def test_an_unknown_table_is_refused():
    with pytest.raises(SchemaError, match="hours, history"):
        schema_of("days")
