"""Time the reads of 20 gate-years against their budgets (features.md section 10).

    python -m benchmarks.read_speed

Writes a store of 20 gates x 1 year x 3 directions with three revisions an hour into a
temporary folder, reads it in the ways that people do, and keeps the best of three
runs in ``results/read_speed.json``. It asserts nothing: a loaded machine is slow.
"""

import json
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.machine import describe
from truckcount.features import daily, load_hours
from truckcount.store.publish import publish_table
from truckcount.store.schema import schema_of

N_CAMERAS, N_HOURS, N_REVISIONS = 20, 365 * 24, 3
DIRECTIONS = ("in", "out", "unknown")
RESULT = Path(__file__).parent / "results" / "read_speed.json"
HOUR_US, MINUTE_US = 3_600_000_000, 60_000_000
T0_US = 1_735_689_600_000_000  # 2025-01-01T00:00Z
FEW = ["camera", "hour_start_utc", "direction", "n_trucks", "coverage_s"]
BUDGET_S = {"plain_read": 2.0, "filtered_read": 0.5, "load_hours_as_of": 5.0}
SHA = "0123456789ab"


def write_store(root: Path) -> None:
    """Write the store, as its own writer lays it out."""
    (root / "_meta").mkdir(parents=True)
    (root / "_meta" / "store.json").write_text('{"schema_version": 1}')
    rng = np.random.default_rng(1)
    for k in range(N_CAMERAS):
        history = make_history(f"dc-{k:02d}", rng)
        months = history["known_at_utc"].cast(pa.timestamp("us")).to_numpy()
        _write_months(root / "history" / f"dc-{k:02d}", history, months)
        last = history.filter(pa.array(history["revision"].to_numpy() == N_REVISIONS))
        hours = last.select(schema_of("hours").names)
        hours = hours.replace_schema_metadata(schema_of("hours").metadata)
        starts = hours["hour_start_utc"].cast(pa.timestamp("us")).to_numpy()
        _write_months(root / "hours" / f"dc-{k:02d}", hours, starts)


def make_history(camera: str, rng: np.random.Generator) -> pa.Table:
    """Make a year of one camera: three directions, three revisions."""
    n = N_HOURS * len(DIRECTIONS) * N_REVISIONS
    revision = np.tile(np.arange(1, N_REVISIONS + 1, dtype=np.int32), n // N_REVISIONS)
    direction = np.repeat(np.tile(np.arange(3), N_HOURS), N_REVISIONS)
    hour_us = T0_US + HOUR_US * np.repeat(np.arange(N_HOURS), 3 * N_REVISIONS)
    known_us = hour_us + HOUR_US + MINUTE_US * np.array([0, 17, 77, 72 * 60])[revision]
    coverage = np.where(revision == 1, 1800.0, 3600.0)
    trucks = rng.poisson(9, n).astype(np.int32)
    share = coverage / 3600
    se = np.sqrt((trucks + 0.5) * (1 - share)) / share
    time, local = pa.timestamp("us", tz="UTC"), pa.timestamp("us")
    noisy = rng.random(n)
    values = {
        "camera": pa.array([camera]).take(pa.array(np.zeros(n, np.int64))),
        "gate": pa.array(["dock-exit"]).take(pa.array(np.zeros(n, np.int64))),
        "direction": pa.array(DIRECTIONS).take(pa.array(direction)),
        "hour_start_utc": pa.array(hour_us).cast(time),
        "n_trucks": pa.array(trucks),
        "onsets": pa.array(trucks + 1),
        "coverage_s": pa.array(coverage),
        "max_gap_s": pa.array(3600 - coverage),
        "busy_s": pa.array(noisy * 600),
        "n_samples": pa.array((coverage * 5).astype(np.int32)),
        "occupancy_mean": pa.array(noisy),
        "n_trucks_est": pa.array(trucks / share),
        "n_trucks_se": pa.array(se),
        "n_trucks_se_indep": pa.array(se),
        "is_final": pa.array(revision == N_REVISIONS),
        "known_at_utc": pa.array(known_us).cast(time),
        "revision": pa.array(revision),
        "local_start": pa.array(hour_us).cast(local),
    }
    constants = {"bin_minutes": 60, "source_kind": "video", "tz": "UTC"}
    constants |= {"model_id": f"m@sha256:{SHA}", "config_hash": SHA, "cause": "first"}
    constants |= {"payload_sha": SHA, "is_backfill": False, "calibration_id": None}
    schema = schema_of("history")
    arrays = [
        values[f.name]
        if f.name in values
        else pa.array([constants.get(f.name, 0)], f.type).take(
            pa.array(np.zeros(n, np.int64))
        )
        for f in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def time_best(read, n_runs: int = 3) -> tuple[float, float]:
    """Return wall and CPU seconds of the fastest of some runs."""
    seconds = []
    for _ in range(n_runs):
        begin, cpu = time.perf_counter(), time.process_time()
        read()
        spent = time.perf_counter() - begin, time.process_time() - cpu
        seconds.append(tuple(round(s, 3) for s in spent))
    return min(seconds)


def _write_months(folder: Path, table: pa.Table, times: np.ndarray) -> None:
    folder.mkdir(parents=True)
    months = times.astype("datetime64[M]")
    for month in np.unique(months):
        part = table.filter(pa.array(months == month))
        part = part.sort_by(
            [(n, "ascending") for n in ("gate", "direction", "hour_start_utc")]
        )
        publish_table(part, folder.parent.name, folder / f"{month}.parquet")


def main() -> None:
    """Write, read, report."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        write_store(store)
        middle = "2025-07-01T00:00Z"
        hours = load_hours(store)
        reads = {
            "plain_read": lambda: pd.read_parquet(store / "hours"),
            "filtered_read": lambda: pd.read_parquet(
                store / "hours",
                columns=FEW,
                filters=[
                    ("direction", "==", "out"),
                    ("hour_start_utc", ">=", pd.Timestamp("2025-03-01", tz="UTC")),
                    ("hour_start_utc", "<", pd.Timestamp("2025-05-01", tz="UTC")),
                ],
            ),
            "load_hours": lambda: load_hours(store, direction=None),
            "load_hours_as_of": lambda: load_hours(
                store, "2026-06-01T00:00Z", direction=None
            ),
            "load_hours_as_of_middle": lambda: load_hours(
                store, middle, direction=None
            ),
            "daily": lambda: daily(hours),
        }
        seconds = {
            name: dict(zip(("wall", "cpu"), time_best(read), strict=True))
            for name, read in reads.items()
        }
        size = sum(p.stat().st_size for p in store.rglob("*.parquet"))
    result = {
        **describe(),
        "load_average": os.getloadavg()[0],
        "pandas": pd.__version__,
        "pyarrow": pa.__version__,
        "rows": N_CAMERAS * N_HOURS * 3,
        "history_rows": N_CAMERAS * N_HOURS * 3 * N_REVISIONS,
        "store_mb": round(size / 1e6, 1),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "seconds": seconds,
        "budget_s": BUDGET_S,
    }
    RESULT.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
