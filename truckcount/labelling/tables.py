"""A label set's tables to parquet files and back, whole or not at all."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from truckcount.errors import LabelError
from truckcount.labelling.schema import check_rows, schema_of

if TYPE_CHECKING:
    import pandas as pd


def to_table(rows: "pd.DataFrame", name: str, where: str) -> pa.Table:
    """Turn a data frame into a checked arrow table of the schema.

    Columns may stand in any order; a nullable column may be left out.

    Raises
    ------
    LabelError
        When a column is missing, unknown, of another type or holds a wrong word.
    """
    schema = schema_of(name)
    unknown = sorted(set(rows.columns) - set(schema.names))
    absent = [f.name for f in schema if f.name not in rows and not f.nullable]
    if unknown or absent:
        msg = f"{where}: `{name}` lacks the columns {absent} and has unknown {unknown}"
        raise LabelError(msg)
    try:
        arrays = [
            pa.array(rows[f.name], type=f.type, from_pandas=True)
            if f.name in rows
            else pa.nulls(len(rows), f.type)
            for f in schema
        ]
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        msg = f"{where}: `{name}` holds a value of the wrong type: {error}"
        raise LabelError(msg) from error
    table = pa.Table.from_arrays(
        [a.combine_chunks() if isinstance(a, pa.ChunkedArray) else a for a in arrays],
        schema=schema,
    )
    check_rows(table, name, where)
    return table


def read_table(path: Path, name: str) -> pa.Table:
    """Read one table, empty where there is no file."""
    schema = schema_of(name)
    if not path.exists():
        return schema.empty_table()
    try:
        table = pq.read_table(path, partitioning=None, page_checksum_verification=True)
    except (pa.ArrowInvalid, OSError) as error:
        msg = f"{path} is damaged ({error}); restore it from a copy of the label set"
        raise LabelError(msg) from error
    table = table.replace_schema_metadata(schema.metadata)
    check_rows(table, name, str(path))
    return table


def read_column(path: Path, name: str, column: str) -> pa.ChunkedArray:
    """Read one column, without the rest of the table."""
    if not path.exists():
        return pa.chunked_array([[]], schema_of(name).field(column).type)
    try:
        return pq.read_table(path, partitioning=None, columns=[column])[column]
    except (pa.ArrowInvalid, OSError, KeyError) as error:
        msg = f"{path} is damaged ({error}); restore it from a copy of the label set"
        raise LabelError(msg) from error


def write_table(table: pa.Table, name: str, path: Path) -> None:
    """Replace one table's file atomically."""
    check_rows(table, name, str(path))
    replace_file(
        path,
        lambda draft: pq.write_table(
            table,
            draft,
            compression="zstd",
            compression_level=3,
            write_page_checksum=True,
        ),
    )


def replace_file(
    path: Path, write: Callable[[Path], object], *, is_synced: bool = True
) -> None:
    """Write a file beside `path` under a hidden name, sync it, rename it.

    Pictures are many and can be had again: they are not synced one by one.

    Raises
    ------
    LabelError
        When the disk refuses; the old file then still stands.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.parent / f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp"
    try:
        write(draft)
        if is_synced:
            with draft.open("rb") as handle:
                os.fsync(handle.fileno())
        draft.replace(path)
    except OSError as error:
        msg = f"{path} cannot be written: {error}; nothing was changed"
        raise LabelError(msg) from error
    finally:
        draft.unlink(missing_ok=True)
