"""Histories of hours, written as the store writes them but in one go."""

import json
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from truckcount.store.schema import schema_of

HOUR = timedelta(hours=1)
T0 = datetime(2026, 1, 5, tzinfo=UTC)  # a Monday
KEY = ("camera", "gate", "direction", "hour_start_utc")


def utc(text):
    """`2025-03-04 10:17` as an aware time."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def revision(start=T0, n=3, coverage_s=3600.0, **changes):
    """One row of `history`; consistent unless changes say otherwise."""
    tz = changes.get("tz", "UTC")
    local = start.astimezone(ZoneInfo(tz))
    f = coverage_s / 3600
    n = None if coverage_s == 0 else n
    is_told = n is not None and f >= 0.25
    row = {
        "camera": "dc-01",
        "gate": "dock-exit",
        "direction": "out",
        "hour_start_utc": start,
        "bin_minutes": 60,
        "source_kind": "video",
        "n_trucks": n,
        "onsets": n,
        "n_censored": None if n is None else 0,
        "coverage_s": float(coverage_s),
        "unusable_s": 0.0,
        "max_gap_s": 3600.0 - coverage_s,
        "busy_s": None if n is None else 1.0,
        "n_samples": int(coverage_s * 5),
        "occupancy_mean": None if n is None else 0.1,
        "n_trucks_est": n / f if is_told else None,
        "n_trucks_se": ((n + 0.5) * (1 - f)) ** 0.5 / f if is_told else None,
        "is_final": False,
        "is_backfill": False,
        "known_at_utc": start + timedelta(hours=1, minutes=17),
        "revision": 1,
        "model_id": "m@sha256:0",
        "config_hash": "c0",
        "calibration_id": None,
        "clock_offset_s": 0.0,
        "clock_sd_s": 0.0,
        "local_start": local.replace(tzinfo=None),
        "utc_offset_min": round(local.utcoffset().total_seconds() / 60),
        "local_dow": local.weekday(),
        "tz": tz,
        "cause": "first",
        "payload_sha": "0" * 12,
    }
    row["n_trucks_se_indep"] = row["n_trucks_se"]
    return row | changes


def write_store(root, rows):
    """Write rows of `history`, in the months they were known, and their latest."""
    (root / "_meta").mkdir(parents=True, exist_ok=True)
    (root / "_meta" / "store.json").write_text(json.dumps({"schema_version": 1}))
    schema = schema_of("history")
    latest = {}
    by_file = {}
    for row in sorted(rows, key=lambda r: r["revision"]):
        by_file.setdefault((row["camera"], f"{row['known_at_utc']:%Y-%m}"), []).append(
            row
        )
        latest[tuple(row[k] for k in KEY)] = row
    _write(root / "history", by_file, schema)
    names = schema_of("hours").names
    by_file = {}
    for row in latest.values():
        file = row["camera"], f"{row['hour_start_utc']:%Y-%m}"
        by_file.setdefault(file, []).append({n: row[n] for n in names})
    _write(root / "hours", by_file, schema_of("hours"))
    return root


def _write(folder, by_file, schema):
    for (camera, month), rows in by_file.items():
        path = folder / camera / f"{month}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)


def hours_frame(start, n, coverage_s=3600.0, *, tz="UTC", **columns):
    """Consecutive hours as a frame of `load_hours`, quickly.

    ``n`` and ``coverage_s`` are arrays of one length; n is null where coverage is 0.
    """
    n = np.asarray(n, dtype=float)
    coverage = np.broadcast_to(np.asarray(coverage_s, float), n.shape)
    times = pd.date_range(start, periods=len(n), freq="h", tz="UTC").as_unit("us")
    local = times.tz_convert(tz)
    f = coverage / 3600
    with np.errstate(divide="ignore", invalid="ignore"):
        est = np.where(f >= 0.25, n / f, np.nan)
        se = np.where(f >= 0.25, np.sqrt((n + 0.5) * (1 - f)) / f, np.nan)
    frame = pd.DataFrame(
        {
            "camera": "dc-01",
            "gate": "dock-exit",
            "direction": "out",
            "hour_start_utc": times,
            "bin_minutes": 60,
            "source_kind": "video",
            "n_trucks": pd.array(np.where(coverage > 0, n, np.nan)).astype("Int32"),
            "coverage_s": coverage,
            "n_trucks_est": est,
            "n_trucks_se": se,
            "n_trucks_se_indep": se,
            "known_at_utc": times + pd.Timedelta(hours=2),
            "config_hash": "c0",
            "calibration_id": None,
            "utc_offset_min": [int(t.utcoffset().total_seconds() // 60) for t in local],
            "tz": tz,
        }
    )
    for name, value in columns.items():
        frame[name] = value
    return frame
