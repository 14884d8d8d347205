"""Passages of a camera to month files and back."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from truckcount.domain.passage import Passage
from truckcount.store.layout import days_between, file_path, from_us, month_of
from truckcount.store.publish import publish_table, read_table
from truckcount.store.schema import TIME, schema_of

HOUR_US = 3_600_000_000
ID_GRID_US = 100_000


def write_passages(
    root: Path,
    camera: str,
    gate: str,
    passages: Sequence[Passage],
    window: tuple[int, int],
    *,
    model_id: str,
    config_hash: str,
    known_at_us: int,
) -> None:
    """Replace a gate's passages with onset in the window by these."""
    by_month: dict[str, list[dict[str, Any]]] = {
        # all months of the window: also those whose passages are all gone
        day[:7]: []
        for day in days_between(*window)
    }
    n_alike: Counter[str] = Counter()
    for p in passages:
        if window[0] <= p.onset_us < window[1]:
            key = _key(camera, gate, p, config_hash)
            n_alike[key] += 1
            row = _to_row(camera, gate, p, model_id, config_hash, known_at_us)
            row["passage_id"] = _id_of(key, n_alike[key])
            by_month[month_of(p.onset_us)].append(row)
    for month, new in sorted(by_month.items()):
        path = file_path(root, "passages", camera, month)
        if new or path.exists():
            _write_month(path, gate, new, window)


def _write_month(
    path: Path, gate: str, new: list[dict[str, Any]], window: tuple[int, int]
) -> None:
    schema = schema_of("passages")
    old = read_table(path, "passages")
    low, high = (pa.scalar(t, pa.int64()).cast(TIME) for t in window)
    is_mine = pc.and_(
        pc.equal(old["gate"], gate),
        pc.and_(
            pc.greater_equal(old["onset_utc"], low), pc.less(old["onset_utc"], high)
        ),
    )
    known = {row["passage_id"]: row for row in old.filter(is_mine).to_pylist()}
    for row in new:
        before = known.get(row["passage_id"])
        if before is not None and _same(before, row):
            row["known_at_utc"] = before["known_at_utc"]
    kept = old.filter(pc.invert(is_mine)).replace_schema_metadata(schema.metadata)
    merged = pa.concat_tables([kept, pa.Table.from_pylist(new, schema=schema)])
    order = [(n, "ascending") for n in ("gate", "onset_utc", "passage_id")]
    publish_table(merged.sort_by(order), "passages", path, before=old)


def read_passages(root: Path, camera: str) -> pa.Table:
    """Read all passages of a camera."""
    folder = file_path(root, "passages", camera, "x").parent
    parts = [read_table(p, "passages") for p in sorted(folder.glob("[!._]*.parquet"))]
    return pa.concat_tables(parts) if parts else schema_of("passages").empty_table()


def count_by_hour(table: pa.Table) -> dict[tuple[str, str, Any], int]:
    """Count counted passages by (gate, direction, hour): what n_trucks must be."""
    counted = table.filter(pc.field("is_counted")).to_pylist()
    counts: dict[tuple[str, str, Any], int] = {}
    for row in counted:
        key = (row["gate"], row["direction"], row["hour_start_utc"])
        counts[key] = counts.get(key, 0) + 1
    return counts


def _key(camera: str, gate: str, p: Passage, config_hash: str) -> str:
    slot = round(p.onset_us / ID_GRID_US)
    first = p.path[0][1:] if p.path else (0.0, 0.0)
    # two trucks abreast may enter at one moment: their place tells them apart
    return f"{camera}|{gate}|{slot}|{config_hash}|{first[0]:.2f},{first[1]:.2f}"


def _id_of(key: str, nth: int) -> str:
    """Hash a key; of a far gate, whose lanes are a hundredth apart, with a number."""
    text = key if nth == 1 else f"{key}|{nth}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _to_row(
    camera: str, gate: str, p: Passage, model_id: str, config_hash: str, known_us: int
) -> dict[str, Any]:
    return {
        "camera": camera,
        "gate": gate,
        "direction": p.direction,
        "onset_utc": from_us(p.onset_us),
        "offset_utc": None if p.offset_us is None else from_us(p.offset_us),
        "dwell_s": p.dwell_s,
        "hour_start_utc": from_us(p.onset_us // HOUR_US * HOUR_US),
        "is_counted": p.is_counted,
        "drop_reason": p.drop_reason,
        "onset_censored": p.onset_censored,
        "offset_censored": p.offset_censored,
        "score_peak": _f32(p.score_peak),
        "score_mean": _f32(p.score_mean),
        "direction_score": _f32(p.direction_score),
        "direction_method": p.direction_method,
        "n_samples": p.n_samples,
        "segment_id_onset": p.segment_id_onset,
        "segment_id_offset": p.segment_id_offset,
        "crop_path": None,
        "model_id": model_id,
        "config_hash": config_hash,
        "known_at_utc": from_us(known_us),
    }


def _f32(value: float) -> float:
    """Round as the column will, so that equal rows compare equal."""
    return float(np.float32(value))


def _same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return all(a[k] == b[k] for k in a if k != "known_at_utc")
