"""Segments of a camera to month files and back: the commit marker of ingest."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from truckcount.store.layout import file_path, from_us, month_of, to_us
from truckcount.store.publish import publish_table, read_table
from truckcount.store.schema import schema_of

NO_TIME = "undated"  # period of files whose start is not known
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


def write_segments(root: Path, camera: str, records: Sequence[SegmentRecord]) -> None:
    """Write the rows of segments; at most one row per (segment_id, path).

    A month's file is written once. A row that stood in another month is taken out
    there: its file's clock was corrected.
    """
    new = {(r.segment_id, r.path): _to_row(r) for r in records}
    home = {
        (r.segment_id, r.path): NO_TIME if r.start_us is None else month_of(r.start_us)
        for r in records
    }
    folder = file_path(root, "segments", camera, NO_TIME).parent
    homes = {folder / f"{period}.parquet" for period in home.values()}
    for path in sorted({*folder.glob("[!._]*.parquet"), *homes}):
        before = read_table(path, "segments")
        rows = {(row["segment_id"], row["path"]): row for row in before.to_pylist()}
        kept = {key: row for key, row in rows.items() if key not in new}
        for key, row in new.items():
            if home[key] == path.stem:
                is_known = key in rows and _same(rows[key], row)
                kept[key] = rows[key] if is_known else row
        if kept == rows:
            continue
        ordered = sorted(
            kept.values(),
            key=lambda r: (str(r["start_utc"]), r["segment_id"], r["path"]),
        )
        table = pa.Table.from_pylist(ordered, schema=schema_of("segments"))
        publish_table(table, "segments", path, before=before)


def change_segments(
    root: Path,
    camera: str,
    change: Callable[[SegmentRecord], SegmentRecord | None],
) -> int:
    """Change or drop (None) rows, each file at once; return how many.

    A row stays in its file: its start must not move to another month.
    """
    n_changed = 0
    folder = file_path(root, "segments", camera, "x").parent
    for path in sorted(folder.glob("[!._]*.parquet")):
        rows = read_table(path, "segments").to_pylist()
        records = [_from_row(row) for row in rows]
        changed = [change(record) for record in records]
        n = sum(a != b for a, b in zip(records, changed, strict=True))
        if n:
            kept = [_to_row(record) for record in changed if record is not None]
            table = pa.Table.from_pylist(kept, schema=schema_of("segments"))
            publish_table(table, "segments", path)
            n_changed += n
    return n_changed


def read_segments(root: Path, camera: str) -> list[SegmentRecord]:
    """Read all segments of a camera, by start."""
    folder = file_path(root, "segments", camera, "x").parent
    records = [
        _from_row(row)
        for path in sorted(folder.glob("[!._]*.parquet"))
        for row in read_table(path, "segments").to_pylist()
    ]
    return sorted(records, key=lambda r: (r.start_us or 0, r.segment_id, r.path))


def _same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return all(a[k] == b[k] for k in a if k not in {"known_at_utc", "run_id"})


def _to_row(record: SegmentRecord) -> dict[str, Any]:
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


def _from_row(row: dict[str, Any]) -> SegmentRecord:
    values = dict(row)
    for name in _TIMES:
        moment = values.pop(f"{name}_utc")
        values[f"{name}_us"] = None if moment is None else to_us(moment)
    values["winner_intervals"] = tuple(
        (to_us(i["start"]), to_us(i["end"])) for i in values["winner_intervals"]
    )
    return SegmentRecord(**values)
