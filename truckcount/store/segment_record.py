"""One offered file as a value, and as a row of ``segments``."""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from truckcount.store.layout import from_us, to_us
from truckcount.store.schema import schema_of

_TIMES = ("mtime", "start", "end", "known_at")


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentRecord:
    """One offered file; columns as in ``schema.SEGMENTS``, times in microseconds."""

    segment_id: str
    path: str
    name: str
    source_kind: str
    size_bytes: int
    status: str
    run_id: str
    mtime_us: int | None = None
    start_us: int | None = None
    end_us: int | None = None
    start_source: str | None = None
    time_quality: str | None = None
    clock_offset_s: float = 0.0
    clock_sd_s: float = 0.0
    duration_s: float | None = None
    decoded_s: float | None = None
    usable_s: float | None = None
    n_frames_decoded: int | None = None
    n_samples: int | None = None
    fps_nominal: float | None = None
    is_vfr: bool = False
    width: int | None = None
    height: int | None = None
    codec: str | None = None
    decode_errors: int | None = None
    error: str | None = None
    winner_intervals: tuple[tuple[int, int], ...] = ()
    config_hash: str | None = None
    model_id: str | None = None
    known_at_us: int = 0


def to_row(record: SegmentRecord) -> dict[str, Any]:
    """Spell a record as its row of the table."""
    row: dict[str, Any] = {
        f: getattr(record, f) for f in SegmentRecord.__dataclass_fields__
    }
    for name in _TIMES:
        t_us = row.pop(f"{name}_us")
        row[f"{name}_utc"] = None if t_us is None else from_us(t_us)
    row["winner_intervals"] = [
        {"start": from_us(a), "end": from_us(b)} for a, b in record.winner_intervals
    ]
    if record.fps_nominal is not None:
        row["fps_nominal"] = float(pa.scalar(record.fps_nominal, pa.float32()).as_py())
    return {name: row[name] for name in schema_of("segments").names}


def from_row(row: dict[str, Any]) -> SegmentRecord:
    """Return a row of the table as a record."""
    values = dict(row)
    for name in _TIMES:
        moment = values.pop(f"{name}_utc")
        values[f"{name}_us"] = None if moment is None else to_us(moment)
    values["winner_intervals"] = tuple(
        (to_us(i["start"]), to_us(i["end"])) for i in values["winner_intervals"]
    )
    return SegmentRecord(**values)
