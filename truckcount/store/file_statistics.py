"""What a parquet file's footer says of its columns: which files need not be read."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Range = tuple[Any, Any]


def column_range(path: Path, column: str) -> Range | None:
    """Return a column's least and largest value by a file's statistics, if there."""
    return column_ranges(path, [column])[0]


def column_ranges(path: Path, columns: Sequence[str]) -> list[Range | None]:
    """Return the same of several columns; the footer is read once."""
    try:
        meta = pq.read_metadata(path)
        names = meta.schema.to_arrow_schema()
        return [_range(meta, names.get_field_index(column)) for column in columns]
    except (pa.ArrowInvalid, OSError, ValueError):
        return [None] * len(columns)  # whoever reads it says what is wrong with it


def _range(meta: pq.FileMetaData, index: int) -> Range | None:
    parts = [
        meta.row_group(i).column(index).statistics for i in range(meta.num_row_groups)
    ]
    if not parts or any(p is None or not p.has_min_max for p in parts):
        return None
    return min(p.min for p in parts), max(p.max for p in parts)
