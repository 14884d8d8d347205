"""A table to a file that readers see whole or not at all."""

import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from truckcount.errors import StoreError
from truckcount.store.schema import check_table, schema_of

ZSTD_LEVEL = 3
LARGE_BYTES = 4 << 20
ROW_GROUP = {"scores": 200_000}
REMEDIES = {
    "audits": "people's answers are not made anew: put the file back from a backup; "
    "without one move it away and draw again with `truckcount audit plan`",
    "calibrations": "put the file back from a backup; without one move it away, take "
    "its factors out of the hours with `truckcount recount`, and measure them again "
    "with `truckcount calibrate --publish`",
}


def publish_table(
    table: pa.Table,
    name: str,
    path: Path,
    *,
    before: pa.Table | None = None,
    check: Callable[[Path], None] | None = None,
    is_replaced_unread: bool = False,
) -> bool:
    """Replace one parquet file of a table atomically.

    Written beside the target under a hidden name, read back, synced, renamed;
    the folder is synced, too, since a rename is not durable before that.

    Parameters
    ----------
    before : pa.Table, optional
        What the file holds, where the caller has read it; else it is read here.
    check : callable
        Called with the synced draft just before the rename; what it raises stops
        the publish and leaves the file as it was.
    is_replaced_unread : bool
        Do not look whether the file holds the same rows: it is of another schema.

    Returns
    -------
    bool
        False where the file held the same rows already and was left alone.
    """
    table = table.replace_schema_metadata(schema_of(name).metadata)
    check_table(table, name, str(path))
    if path.exists() and not is_replaced_unread:
        before = read_table(path, name) if before is None else before
        # one that is not ours is not written over
        check_table(before, name, str(path))
        if before.equals(table):
            return False
    path.parent.mkdir(parents=True, exist_ok=True)
    # a leading dot, not a trailing .tmp: pyarrow reads "x.parquet.tmp" as data
    draft = path.parent / f".{path.stem}.{os.getpid()}.{secrets.token_hex(4)}.tmp"
    try:
        pq.write_table(
            table,
            draft,
            compression="zstd",
            compression_level=ZSTD_LEVEL,
            write_page_checksum=True,
            row_group_size=ROW_GROUP.get(name, max(len(table), 1)),
            use_dictionary=dictionary_of(table.schema, name),
        )
        meta = pq.read_metadata(draft)
        if meta.num_rows != len(table) or (
            meta.schema.to_arrow_schema().names != table.column_names
        ):
            msg = f"{draft} did not read back as written; is the disk full or failing?"
            raise StoreError(msg)
        sync(draft)
        if check is not None:
            check(draft)
        draft.replace(path)
    except OSError as error:
        msg = f"{path} cannot be written: {error}; nothing was changed"
        raise StoreError(msg) from error
    finally:
        draft.unlink(missing_ok=True)
    sync(path.parent)
    return True


def dictionary_of(schema: pa.Schema, name: str) -> bool | list[str]:
    """Return which columns are written as dictionaries; True leaves it to pyarrow.

    Of hours only names: floats and times of one month hardly repeat, and trying
    costs a seventh of the file's size and a twentieth of the time to read it.
    """
    if name not in {"hours", "history"} and not name.startswith("bins_"):
        return True
    return [field.name for field in schema if pa.types.is_string(field.type)]


def read_table(path: Path, name: str, columns: list[str] | None = None) -> pa.Table:
    """Read one file of a table, or an empty table where there is none."""
    if not path.exists():
        empty = schema_of(name).empty_table()
        return empty if columns is None else empty.select(columns)
    try:
        # small files: handing their columns to threads costs more than reading them
        is_large = path.stat().st_size > LARGE_BYTES
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            table = file.read(columns=columns, use_threads=is_large)
            table.schema.names  # noqa: B018 - hurt names are decoded only now
            return table
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        why = " ".join(str(error).split())  # parquet's own may have line ends
        msg = f"{path} is damaged ({why}); {remedy_of(name)}"
        raise StoreError(msg) from error


def remedy_of(name: str) -> str:
    """Say what to do about a damaged file of a table."""
    return REMEDIES.get(
        name,
        "run `truckcount store check`, or move the file away and run again over its "
        "videos",
    )


def write_meta(path: Path, text: bytes) -> None:
    """Replace a file of ``_meta`` in one step."""
    draft = path.with_name(f".{path.stem}.{time.time_ns()}.tmp")
    try:
        draft.write_bytes(text)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)  # of a full disk


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, outlive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
