"""A Dask cluster of two workers against two local processes: the same job, in turn.

    python -m benchmarks.dask_speed --files 16 --rounds 3

Each round counts a folder of clips with ``--jobs 2`` and with ``--dask`` on a
LocalCluster of two workers, into a store of its own, in turn; which of them goes first
changes. Workers that have loaded the network already are what a cluster is: one
warm-up is counted before. ``--jobs`` starts its processes in each run, as it always
does. The tables of all stores must be the same.
"""

import argparse
import json
import logging
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import pandas as pd
from distributed import LocalCluster

from benchmarks.machine import ROOT, describe
from tests.pipeline.red_box import write_traffic
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths

RESULT = ROOT / "benchmarks" / "results" / "dask_speed.json"
TABLES = ("passages", "hours", "segments", "scores")
# a run publishes every minute: how often an hour was revised hangs on its speed
BOOKKEEPING = ["known_at_utc", "run_id", "revision"]


def count(films: Path, store: Path, **options: Any) -> float:
    """Count films into a new store; return the wall time, seconds."""
    began = time.monotonic()
    result = run_paths([str(films)], RunOptions(store=store, **options))
    assert result.exit_code == 0, result  # noqa: S101
    return time.monotonic() - began


def tables_of(store: Path) -> dict[str, pd.DataFrame]:
    """Return the tables without what tells one run from another."""
    return {
        name: pd.read_parquet(store / name).drop(columns=BOOKKEEPING, errors="ignore")
        for name in TABLES
        if (store / name).is_dir()  # none where no truck is in sight
    }


def main() -> None:
    """Measure, compare the tables, write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    machine = describe()  # before: its load is what others do here
    wall_s: dict[str, list[float]] = {"jobs": [], "dask": []}
    with (
        tempfile.TemporaryDirectory() as name,
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=":0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
    ):
        root = Path(name)
        films = root / "films"
        films.mkdir()
        for k in range(arguments.files):
            trucks = {float(s): 1 for s in range(k % 5, round(arguments.seconds), 6)}
            path = films / f"gate_20260302T{k // 4:02d}{k % 4 * 15:02d}00Z.mp4"
            write_traffic(path, trucks, arguments.seconds)
        ways: dict[str, dict[str, Any]] = {
            "jobs": {"jobs": 2},
            "dask": {"dask": cluster.scheduler_address},
        }
        count(films, root / "warm", **ways["dask"])
        expected = tables_of(root / "warm")
        for k in range(arguments.rounds):
            for way in sorted(ways, reverse=k % 2 == 0):
                store = root / f"{way}{k}"
                wall_s[way].append(count(films, store, **ways[way]))
                print(way, round(wall_s[way][-1], 2), flush=True)
                for table, frame in tables_of(store).items():
                    pd.testing.assert_frame_equal(frame, expected[table], obj=table)
    median = {way: statistics.median(times) for way, times in wall_s.items()}
    result = {
        "files": arguments.files,
        "seconds_a_file": arguments.seconds,
        "model": "the default weights",
        "wall_s": {way: [round(t, 2) for t in ts] for way, ts in wall_s.items()},
        "dask_against_jobs": round(median["dask"] / median["jobs"], 3),
        "tables_are_the_same": True,
        "machine": machine,
    }
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
