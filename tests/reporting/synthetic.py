"""A store as a fleet of cameras leaves it: rhythm, outages, bad files, revisions.

python -m tests.reporting.synthetic FOLDER --cameras 20 --days 90
"""

import argparse
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa

from tests.store.fill import segment
from truckcount.domain.audit import AuditWindow
from truckcount.domain.calibration import Calibration
from truckcount.store import Store
from truckcount.store.audits_table import change_audits
from truckcount.store.calibrations_table import write_calibrations
from truckcount.store.layout import file_path, from_us, to_us
from truckcount.store.publish import publish_table
from truckcount.store.schema import schema_of

END = datetime(2026, 3, 30, 6, tzinfo=UTC)
ZONES = ("America/Chicago", "America/New_York", "Europe/Berlin", "America/Los_Angeles")
SITES = ("dc-north", "dc-south", "yard-east", "port-road", "dock-exit", "cross-dock")
MODEL = "truckmap@sha256:0123456789ab"
HOUR = timedelta(hours=1)


def make_store(root, *, n_cameras=20, n_days=90, seed=1, n_carried=2):
    """Write hours, history, segments, calibrations and an audit; return the store.

    The first cameras' hours carry their factors.
    """
    store = Store.open(root)
    rng = np.random.default_rng(seed)
    for k in range(n_cameras):
        name = SITES[k % len(SITES)] + (f"-{k // len(SITES) + 1}" if k >= 6 else "")
        _write_camera(store, name, ZONES[k % len(ZONES)], n_days, rng, k)
        if k < n_carried:
            store.recalibrate_hours(name, (), to_us(END + 12 * HOUR), is_published=True)
    return store


def _write_camera(store, camera, zone, n_days, rng, k):
    start = END - timedelta(days=n_days)
    hours = [start + i * HOUR for i in range(24 * n_days)]
    local = [h.astimezone(ZoneInfo(zone)) for h in hours]
    clock = np.array([t.hour for t in local])
    weekend = np.array([t.weekday() >= 5 for t in local])
    watched = _watched(rng, len(hours), k)
    unusable = np.where(rng.random(len(hours)) < 0.01, 400.0, 0.0)
    if k == 3:
        unusable[-24 * 9 :] = np.where(clock[-24 * 9 :] < 6, 1500.0, 0)
    watched = np.minimum(watched, 3600 - unusable)
    scale = rng.choice([0.5, 4, 11, 26])
    tables, config = [], f"{k:012x}"
    for gate in ("exit", "entry")[: 1 + (k % 3 == 0)]:
        shape = np.exp(-(((clock - 10.5) / 4.2) ** 2)) + 0.05
        rate = scale * shape * np.where(weekend, 0.22, 1) * rng.uniform(0.85, 1.15)
        if k == 1 and n_days > 20:
            rate[-24 * 12 : -24 * 12 + 30] = 0
        directions = {"out": 0.62, "in": 0.33, "unknown": 0.05 if k != 5 else 0.6}
        for direction, share in directions.items():
            n = rng.poisson(rate * share * watched / 3600).astype(float)
            n[watched == 0] = np.nan
            tables.append(
                _hours(camera, gate, direction, hours, local, zone, n, watched,
                       unusable, config)
            )  # fmt: skip
    frame = pd.concat(tables, ignore_index=True)
    _publish(store.root, "hours", camera, frame, "hour_start_utc")
    history = _with_history(frame, rng)
    _publish(store.root, "history", camera, history, "known_at_utc")
    _write_segments(store.root, camera, hours, watched, k)
    if k < 8 and k != 4:
        write_calibrations(store.root, camera, [_calibration(camera, config, k, start)])
    if k == 4:
        change_audits(store.root, camera, lambda _rows: _audit(camera, config, start))


def _watched(rng, n, k):
    watched = np.full(n, 3600.0)
    watched[rng.random(n) < 0.03] = rng.uniform(200, 3500)
    for _ in range(1 + k % 4):
        begin, long = rng.integers(0, n), rng.integers(1, 1 + 9 * (1 + k % 3))
        watched[begin : begin + long] = 0
    if k == 2 and n > 24 * 20:
        watched[-24 * 19 : -24 * 13] = 0
    if k == 7:
        watched[-31:] = 0
    if k == 6:
        watched *= 0.8
    return watched


def _hours(camera, gate, direction, hours, local, zone, n, watched, unusable, config):
    share = watched / 3600
    with np.errstate(invalid="ignore", divide="ignore"):
        est = np.where(share >= 0.25, n / share, np.nan)
        se = np.where(share >= 0.25, np.sqrt((n + 0.5) * (1 - share)) / share, np.nan)
    count = len(hours)
    return pd.DataFrame(
        {
            "camera": camera, "gate": gate, "direction": direction,
            "hour_start_utc": hours, "bin_minutes": 60, "source_kind": "video",
            "n_trucks": pd.array(n, "Int32"), "onsets": pd.array(n, "Int32"),
            "n_censored": pd.array(np.where(np.isnan(n), np.nan, 0), "Int32"),
            "coverage_s": watched, "unusable_s": unusable,
            "max_gap_s": 3600 - watched, "busy_s": n * 4,
            "n_samples": (watched * 5).astype(int), "occupancy_mean": n / 900,
            "n_trucks_est": est, "n_trucks_se": se, "n_trucks_se_indep": se,
            "is_final": True, "is_backfill": False,
            "known_at_utc": [h + timedelta(hours=1, minutes=17) for h in hours],
            "revision": 1, "model_id": MODEL, "config_hash": config,
            "calibration_id": pd.array([None] * count, "string"),
            "clock_offset_s": 0.0, "clock_sd_s": 0.0,
            "local_start": [t.replace(tzinfo=None) for t in local],
            "utc_offset_min": [int(t.utcoffset().total_seconds() // 60) for t in local],
            "local_dow": [t.weekday() for t in local], "tz": zone,
        }
    )  # fmt: skip


def _with_history(frame, rng):
    first = frame.assign(cause="first", payload_sha="0" * 12)
    late = first.sample(frac=0.01, random_state=int(rng.integers(1 << 30)))
    before = late.assign(
        n_trucks=(late["n_trucks"] // 2).astype("Int32"), revision=1, is_final=False
    )
    after = late.assign(
        revision=2, cause="late_segment",
        known_at_utc=late["known_at_utc"] + timedelta(hours=5),
    )  # fmt: skip
    return pd.concat([first.drop(late.index), before, after], ignore_index=True)


def _publish(root, table, camera, frame, period):
    frame = frame.sort_values(["gate", "direction", "hour_start_utc"])
    months = frame[period].dt.strftime("%Y-%m")
    for month, part in frame.groupby(months):
        names = schema_of(table).names
        schema = pa.schema([schema_of(table).field(n) for n in names])
        arrow = pa.Table.from_pandas(part[names], schema=schema, preserve_index=False)
        publish_table(arrow, table, file_path(root, table, camera, month))


def _write_segments(root, camera, hours, watched, k):
    rows = []
    for i, (t, seconds) in enumerate(zip(hours, watched, strict=True)):
        if seconds == 0:
            continue
        is_bad = (k == 8 and i % 97 == 0) or (k == 0 and i == len(hours) - 5)
        low = to_us(t)
        rows.append(
            _segment_row(
                segment(
                    segment_id=f"{k:04x}{i:012x}",
                    path=f"/v/{camera}_{t:%Y%m%dT%H%M%SZ}.mp4",
                    name=f"{camera}_{t:%Y%m%dT%H%M%SZ}.mp4",
                    status="corrupt" if is_bad else "done",
                    error="moov atom not found: the file is cut off"
                    if is_bad
                    else None,
                    start_us=low,
                    end_us=low + int(seconds * 1e6),
                    winner_intervals=()
                    if is_bad
                    else ((low, low + int(seconds * 1e6)),),
                    time_quality="guess" if k == 9 and i % 200 == 0 else "exact",
                    known_at_us=low + 4_000_000_000,
                )
            )
        )
    for month in sorted({f"{r['start_utc']:%Y-%m}" for r in rows}):
        part = [r for r in rows if f"{r['start_utc']:%Y-%m}" == month]
        table = pa.Table.from_pylist(part, schema=schema_of("segments"))
        publish_table(table, "segments", file_path(root, "segments", camera, month))


def _segment_row(record):
    row = {name: getattr(record, name) for name in record.__dataclass_fields__}
    for name in ("mtime", "start", "end", "known_at"):
        t_us = row.pop(f"{name}_us")
        row[f"{name}_utc"] = None if t_us is None else from_us(t_us)
    row["winner_intervals"] = [
        {"start": from_us(a), "end": from_us(b)} for a, b in record.winner_intervals
    ]
    return row


def _calibration(camera, config, k, start):
    factor, se = 1.02 + 0.021 * k, 0.018 + 0.004 * k
    return Calibration(
        calibration_id=f"cal{k:09x}", camera=camera, gate="exit", direction="out",
        regime="all", method="ratio", factor=factor, factor_se=se,
        factor_cv=se / factor, tau2=0.25, phi=1.0, n_windows=210,
        audit_ids=(f"a{k}",), model_id=MODEL,
        config_hash=config if k != 5 else "older0000000",
        valid_from_us=to_us(start), valid_to_us=None, known_at_us=to_us(END),
        status="drifted" if k == 3 else "active",
    )  # fmt: skip


def _audit(camera, config, start):
    return [
        AuditWindow(
            audit_id="5e1ec7ed0000", camera=camera, gate="exit", direction="out",
            purpose="calibrate", stratum="0", window_start_us=to_us(start) + i * 10**9,
            window_end_us=to_us(start) + i * 10**9 + 6 * 10**8, pi=0.1, n_frame=2100,
            n_stratum=2100, n_drawn=210, x_stratum=0, seed=1, frame_sha="f",
            x_machine=0, y_human=0 if i < 140 else None,
            labeller="ann" if i < 140 else None, label_round=int(i < 140),
            model_id=MODEL, config_hash=config, drawn_at_us=to_us(END),
            known_at_us=to_us(END),
        )
        for i in range(210)
    ]  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cameras", type=int, default=20)
    parser.add_argument("--days", type=int, default=90)
    asked = parser.parse_args()
    make_store(asked.folder, n_cameras=asked.cameras, n_days=asked.days)
