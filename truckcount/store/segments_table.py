"""Segments of a camera to month files and back: the commit marker of ingest.

A camera that records five-minute files has 100,000 of them after a year, so that
whoever wants some of them reads the columns that tell which (``find_segments``,
``segments_between``), and makes records of those alone.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from truckcount.store.file_statistics import column_ranges
from truckcount.store.layout import file_path, month_of, to_us
from truckcount.store.publish import publish_table, read_table
from truckcount.store.schema import TIME, schema_of
from truckcount.store.segment_record import SegmentRecord, from_row, to_row

NO_TIME = "undated"  # period of files whose start is not known
_ORDER = [(name, "ascending") for name in ("start_utc", "segment_id", "path")]

Key = tuple[str, str]
"""Segment id and path: what a row is known by."""


def write_segments(root: Path, camera: str, records: Sequence[SegmentRecord]) -> None:
    """Write the rows of segments; at most one row per (segment_id, path).

    A month's file is written once. A row that stood in another month is taken out
    there: its file's clock was corrected.
    """
    new = {(r.segment_id, r.path): r for r in records}
    home = {
        key: NO_TIME if r.start_us is None else month_of(r.start_us)
        for key, r in new.items()
    }
    homes = {file_path(root, "segments", camera, period) for period in home.values()}
    ids = _ids({r.segment_id for r in records})
    for path in sorted({*_files(root, camera), *homes}):
        if path not in homes and not _has_any(path, ids):
            continue
        mine = [r for key, r in new.items() if home[key] == path.stem]
        _write_file(path, new.keys(), mine)


def _write_file(
    path: Path, keys: Collection[Key], records: Sequence[SegmentRecord]
) -> None:
    """Take rows out of a file and put records in, unless it says the same."""
    before = read_table(path, "segments")
    ids = _ids({segment_id for segment_id, _ in keys})
    is_near = pc.is_in(before["segment_id"], value_set=ids)
    near = {
        (row["segment_id"], row["path"]): row
        for row in before.filter(is_near).to_pylist()
    }
    kept = {key: row for key, row in near.items() if key not in keys}
    for record in records:
        row, known = to_row(record), near.get((record.segment_id, record.path))
        is_same = known is not None and _is_same(known, row)
        kept[record.segment_id, record.path] = known if is_same and known else row
    if kept == near:
        return
    schema = schema_of("segments")
    others = before.filter(pc.invert(is_near)).replace_schema_metadata(schema.metadata)
    rows = pa.Table.from_pylist(list(kept.values()), schema=schema)
    table = pa.concat_tables([others, rows]).sort_by(_ORDER).combine_chunks()
    # a list that was read calls its items otherwise than the schema does
    table = pa.Table.from_arrays(table.columns, schema=schema)
    publish_table(table, "segments", path, before=before)


def _is_same(known: dict[str, Any], row: dict[str, Any]) -> bool:
    """Tell whether a row says nothing new, and no clock that ran ahead stamped it."""
    return known["known_at_utc"] <= row["known_at_utc"] and all(
        known[k] == row[k] for k in row if k not in {"known_at_utc", "run_id"}
    )


def change_segments(
    root: Path,
    camera: str,
    change: Callable[[SegmentRecord], SegmentRecord | None],
) -> int:
    """Change or drop (None) rows, each file at once; return how many.

    A row stays in its file: its start must not move to another month.
    """
    n_changed = 0
    for path in _files(root, camera):
        records = _records(read_table(path, "segments"))
        changed = [change(record) for record in records]
        n = sum(a != b for a, b in zip(records, changed, strict=True))
        if n:
            kept = [to_row(record) for record in changed if record is not None]
            table = pa.Table.from_pylist(kept, schema=schema_of("segments"))
            publish_table(table, "segments", path)
            n_changed += n
    return n_changed


def read_segments(root: Path, camera: str) -> list[SegmentRecord]:
    """Read all segments of a camera, by start."""
    return _in_order(
        record
        for path in _files(root, camera)
        for record in _records(read_table(path, "segments"))
    )


def undated_segments(root: Path, camera: str) -> list[SegmentRecord]:
    """Read the rows on files whose time is not known: those that were not counted."""
    path = file_path(root, "segments", camera, NO_TIME)
    return _in_order(_records(read_table(path, "segments")))


def read_columns(root: Path, camera: str, columns: Sequence[str]) -> pa.Table:
    """Read some columns of all segments of a camera, those without a time first."""
    names = list(columns)
    parts = [read_table(path, "segments", names) for path in _files(root, camera)]
    empty = schema_of("segments").empty_table().select(names)
    return pa.concat_tables([empty, *(p.cast(empty.schema) for p in parts)])


def find_segments(
    root: Path, camera: str, segment_ids: Collection[str]
) -> list[SegmentRecord]:
    """Read the rows of some segments, by start."""
    if not segment_ids:
        return []
    ids = _ids(segment_ids)
    return _in_order(
        record
        for path in _files(root, camera)
        if _has_any(path, ids)
        for record in _records(read_table(path, "segments").filter(_is_one_of(ids)))
    )


def newest_ids(root: Path, camera: str) -> list[str]:
    """Return the segment of each scoring hash that was counted last by its time."""
    names = ["start_utc", "segment_id", "config_hash", "status"]
    table = read_columns(root, camera, names)
    counted = table.filter(
        (pc.field("status") == "done") & pc.field("start_utc").is_valid()
    ).sort_by([("start_utc", "descending"), ("segment_id", "ascending")])
    newest = counted.group_by("config_hash", use_threads=False).aggregate(
        [("segment_id", "first")]
    )
    ids: list[str] = newest["segment_id_first"].to_pylist()
    return ids


def segments_between(
    root: Path, camera: str, low_us: int, high_us: int
) -> list[SegmentRecord]:
    """Read the segments that begin before ``high_us`` and end after ``low_us``.

    By start; those without a time are left out.
    """
    tables = segment_rows(root, camera, low_us, high_us)
    return _in_order(record for table in tables for record in _records(table))


def segment_rows(
    root: Path,
    camera: str,
    low_us: int,
    high_us: int,
    columns: Sequence[str] | None = None,
) -> Iterator[pa.Table]:
    """Read the same as rows, with some columns (``start_utc``, ``end_utc`` too)."""
    is_between = (pc.field("start_utc") < _time(high_us)) & (
        pc.field("end_utc") > _time(low_us)
    )
    for path, (first_us, last_us) in _spans(root, camera):
        if first_us < high_us and last_us > low_us:
            names = None if columns is None else list(columns)
            yield read_table(path, "segments", names).filter(is_between)


def neighbours(
    root: Path, camera: str, low_us: int, high_us: int, left_out: Collection[str] = ()
) -> tuple[int | None, int | None]:
    """Return when counted segments last ended before a window, and next begin after.

    Parameters
    ----------
    low_us, high_us : int
        Ends up to ``low_us`` and starts from ``high_us`` on are looked at.
    left_out : collection of str
        Ids of segments that stand elsewhere by now.
    """
    spans = _spans(root, camera)
    is_meant = (pc.field("status") == "done") & ~_is_one_of(_ids(left_out))
    before: int | None = None
    for path, (first_us, last_us) in sorted(spans, key=lambda s: -s[1][1]):
        if before is not None and last_us <= before:
            break
        if first_us <= low_us:
            is_before = is_meant & (pc.field("end_utc") <= _time(low_us))
            end = _extreme(path, "end_utc", is_before, "max")
            before = max((t for t in (before, end) if t is not None), default=None)
    after: int | None = None
    for path, (first_us, last_us) in sorted(spans, key=lambda s: s[1][0]):
        if after is not None and first_us >= after:
            break
        if last_us >= high_us:
            is_after = is_meant & (pc.field("start_utc") >= _time(high_us))
            start = _extreme(path, "start_utc", is_after, "min")
            after = min((t for t in (after, start) if t is not None), default=None)
    return before, after


def _extreme(
    path: Path, column: str, condition: pc.Expression, which: str
) -> int | None:
    names = ["segment_id", "start_utc", "end_utc", "status"]
    values = read_table(path, "segments", names).filter(condition)[column]
    found: int | None = pc.min_max(values.cast(pa.int64()))[which].as_py()
    return found


def _time(t_us: int) -> pa.Scalar:
    return pa.scalar(t_us, pa.int64()).cast(TIME)


def _spans(root: Path, camera: str) -> list[tuple[Path, tuple[int, int]]]:
    """Return each dated file with its first start and last end, by its statistics."""
    found = []
    for path in _files(root, camera):
        if path.stem != NO_TIME:
            starts, ends = column_ranges(path, ["start_utc", "end_utc"])
            first = 0 if starts is None else to_us(starts[0])
            last = 2**62 if ends is None else to_us(ends[1])
            found.append((path, (first, last)))
    return found


def _has_any(path: Path, ids: pa.Array) -> bool:
    """Tell whether a file has rows of segments; no other column is read."""
    column = read_table(path, "segments", ["segment_id"])["segment_id"]
    return bool(pc.any(pc.is_in(column, value_set=ids)).as_py())


def _ids(segment_ids: Collection[str]) -> pa.Array:
    return pa.array(sorted(segment_ids), pa.string())


def _is_one_of(ids: pa.Array) -> pc.Expression:
    return pc.field("segment_id").isin(ids)


def _records(table: pa.Table) -> list[SegmentRecord]:
    return [from_row(row) for row in table.to_pylist()]


def _in_order(records: Iterable[SegmentRecord]) -> list[SegmentRecord]:
    return sorted(records, key=lambda r: (r.start_us or 0, r.segment_id, r.path))


def _files(root: Path, camera: str) -> list[Path]:
    folder = file_path(root, "segments", camera, NO_TIME).parent
    found = folder.glob("[!._]*.parquet")
    return sorted(found, key=lambda path: (path.stem != NO_TIME, path))
