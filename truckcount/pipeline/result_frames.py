"""A run's rows to pandas frames: the same columns and types, however few they are."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from truckcount.store.schema import TIME, schema_of

if TYPE_CHECKING:
    import pandas as pd

Rows = Sequence[Mapping[str, Any]]

PASSAGES = pa.schema(
    [
        ("camera", pa.string()),
        ("gate", pa.string()),
        ("onset_utc", TIME),
        ("offset_utc", TIME),
        ("direction", pa.string()),
        ("is_counted", pa.bool_()),
        ("drop_reason", pa.string()),
        ("onset_censored", pa.bool_()),
        ("offset_censored", pa.bool_()),
        ("score_peak", pa.float64()),
        ("score_mean", pa.float64()),
    ]
)


def hours_frame(rows: Rows) -> "pd.DataFrame":
    """Return hour rows with the columns and types of the table ``hours``."""
    return _frame(rows, schema_of("hours"))


def passages_frame(rows: Rows) -> "pd.DataFrame":
    """Return passage rows; ``path`` is a list of [t, x, y], ``file`` its video."""
    import pandas as pd

    frame = _frame(rows, PASSAGES)
    frame["path"] = pd.Series([row["path"] for row in rows], dtype=object)
    frame["file"] = pa.array([row["file"] for row in rows], pa.string()).to_pandas()
    return frame


def _frame(rows: Rows, schema: pa.Schema) -> "pd.DataFrame":
    columns = [
        pa.array([_value(row.get(field.name), field.type) for row in rows], field.type)
        for field in schema
    ]
    frame: pd.DataFrame = pa.table(columns, schema=schema).to_pandas()
    return frame


def _value(value: Any, kind: pa.DataType) -> Any:
    """Read the moments, which rows spell as ISO-8601."""
    is_text = pa.types.is_timestamp(kind) and isinstance(value, str)
    return datetime.fromisoformat(value) if is_text else value
