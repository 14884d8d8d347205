"""A store under torture: many writers, a reader that never rests, kill -9 anywhere.

    python -m benchmarks.store_torture --out benchmarks/results/store_torture.json

Four figures (features.md sections 2 and 10, issue 9):

- publishes: camera-months (720 hours x 3 directions) written a minute, by two
  processes;
- reader: plain reads of ``hours`` during 500 publishes, and how many failed or were
  torn;
- writers: 8 processes that each publish 48 hours at once, half of them of one
  camera, and rows lost;
- kills: ``kill -9`` at random moments of an ingest, the ingest run again, and stores
  that then differ from the uninterrupted one.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from benchmarks.machine import describe
from tests.counting.simulate import film, through
from tests.pipeline.pieces import CAMERA, ingest, piece
from tests.store.fill import HOUR_US, STAMP, T0_US, hour
from truckcount.store import Store
from truckcount.store.check import check_store
from truckcount.store.hours_table import write_hours

BOOKKEEPING = ["known_at_utc", "run_id", "revision", "is_backfill"]
TABLES = ("hours", "passages", "scores", "segments")
"""What must be equal. ``history`` may hold more: what was published and, after the
kill, published again; that ``hours`` are its newest rows is `check_store`'s to say."""
DIRECTIONS = ("in", "out", "unknown")
N_WRITERS, N_HOURS = 8, 48
RANDOM = random.Random(9)  # noqa: S311 - a seed, no secret


def fork(work: Callable[[], None]) -> int:
    """Run work in a child process; return its id."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - a child never returns
            print(repr(error), file=sys.stderr)
            os._exit(1)
        os._exit(0)
    return child


def wait_for(children: list[int]) -> int:
    """Wait for children; return how many failed."""
    return sum(os.waitstatus_to_exitcode(os.waitpid(c, 0)[1]) != 0 for c in children)


def measure_publishes(root: Path, n_each: int = 20) -> dict[str, Any]:
    """Measure camera-months a minute of two processes."""

    def publish(first: int) -> None:
        for k in range(first, first + n_each):
            stamp = replace(STAMP, camera=f"cam{k:03d}")
            rows = [
                replace(hour(h, n=h % 7), direction=d)
                for h in range(720)
                for d in DIRECTIONS
            ]
            write_hours(root, stamp, rows, T0_US + 800 * HOUR_US)

    began, before = time.monotonic(), os.times()
    n_failed = wait_for([fork(lambda k=k: publish(k * n_each)) for k in range(2)])
    wall_s, after = time.monotonic() - began, os.times()
    cpu_s = (
        after.children_user
        - before.children_user
        + after.children_system
        - before.children_system
    )
    frame = pd.read_parquet(root / "hours", columns=["camera"])
    return {
        "camera_months": 2 * n_each,
        "rows": len(frame),
        "processes_failed": n_failed,
        "wall_s": round(wall_s, 2),
        "cpu_s": round(cpu_s, 2),
        "camera_months_per_minute": round(2 * n_each * 60 / wall_s, 1),
        "camera_months_per_two_cpu_minutes": round(2 * n_each * 120 / cpu_s, 1),
    }


def measure_reader(root: Path, n_publishes: int) -> dict[str, Any]:
    """Read in a loop while another process publishes; count errors and mixtures."""

    def publish() -> None:
        for n in range(n_publishes):
            rows = [hour(k, n) for k in range(N_HOURS)]
            write_hours(root, STAMP, rows, T0_US + 60 * HOUR_US + n * 60_000_000)

    write_hours(root, STAMP, [hour(k, 0) for k in range(N_HOURS)], T0_US + 60 * HOUR_US)
    child = fork(publish)
    n_reads = n_errors = n_torn = 0
    seen: set[int] = set()
    while True:
        done, status = os.waitpid(child, os.WNOHANG)
        try:
            frame = pd.read_parquet(root / "hours")
            n_torn += len(frame) != N_HOURS or frame["n_trucks"].nunique() != 1
            seen.add(int(frame["n_trucks"].iloc[0]))
        except Exception as error:  # noqa: BLE001 - any error is what is counted
            print(repr(error), file=sys.stderr)
            n_errors += 1
        n_reads += 1
        if done:
            break
    return {
        "publishes": n_publishes,
        "writer_failed": status != 0,
        "reads": n_reads,
        "states_seen": len(seen),
        "errors": n_errors,
        "torn": n_torn,
    }


def measure_writers(root: Path) -> dict[str, Any]:
    """Let eight processes write at once: four of one camera, four of their own."""
    Store.open(root)

    def write(number: int) -> None:
        store = Store.open(root)
        camera = "shared" if number < N_WRITERS // 2 else f"own{number}"
        stamp = replace(STAMP, camera=camera)
        for k in range(N_HOURS):
            row = replace(hour(k, n=number), gate=f"gate{number}")
            with store.lock(camera):
                store.write_hours(stamp, [row])

    n_failed = wait_for([fork(lambda n=n: write(n)) for n in range(N_WRITERS)])
    hours, history = (pd.read_parquet(root / t) for t in ("hours", "history"))
    return {
        "processes": N_WRITERS,
        "hours_each": N_HOURS,
        "processes_failed": n_failed,
        "rows_wanted": N_WRITERS * N_HOURS,
        "rows_lost_of_hours": N_WRITERS * N_HOURS - len(hours),
        "rows_lost_of_history": N_WRITERS * N_HOURS - len(history),
    }


def scene_files() -> list[Any]:
    """Three files with trucks across both cuts."""
    scene = film([through(t) for t in (10, 58, 80, 118, 150)], 180)
    return [piece(f"f{k}", scene[k * 300 : (k + 1) * 300]) for k in range(3)]


def measure_kills(root: Path, n_kills: int) -> dict[str, Any]:
    """Kill an ingest at random moments, run it again, compare with a whole one."""
    files = scene_files()

    def run(place: Path) -> None:
        ingest(Store.open(place), [[one] for one in files], camera=CAMERA)

    run(root / "warm")
    began = time.monotonic()
    wait_for([fork(lambda: run(root / "whole"))])
    length_s = time.monotonic() - began
    whole = read_tables(root / "whole")
    n_tried = n_dead = n_differ = n_broken = 0
    while n_dead < n_kills:  # one that was over before its kill shows nothing
        n_tried += 1
        place = root / f"kill{n_tried}"
        child = fork(lambda place=place: run(place))
        time.sleep(RANDOM.uniform(0, length_s * 1.1))
        os.kill(child, signal.SIGKILL)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != -signal.SIGKILL:
            shutil.rmtree(place)
            continue
        n_dead += 1
        run(place)
        found = read_tables(place)
        n_differ += any(not found[name].equals(whole[name]) for name in TABLES)
        n_broken += bool(check_store(place))
        shutil.rmtree(place)
    return {
        "kills": n_tried,
        "died_before_the_end": n_dead,
        "stores_that_differ": n_differ,
        "stores_broken": n_broken,
    }


def read_tables(root: Path) -> dict[str, pd.DataFrame]:
    """Read the tables without what tells when and by whom they were written."""
    return {
        name: pd.read_parquet(root / name).drop(columns=BOOKKEEPING, errors="ignore")
        for name in TABLES
    }


def main() -> None:
    """Print each figure as it is measured, and keep it with the machine it is of."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--publishes", type=int, default=500)
    parser.add_argument("--only", action="append", help="One phase; may be repeated.")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    if options.out is not None and options.out.exists():
        figures = json.loads(options.out.read_text())
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        phases: dict[str, Callable[[], dict[str, Any]]] = {
            "publishes": lambda: measure_publishes(root / "publishes"),
            "writers": lambda: measure_writers(root / "writers"),
            "kills": lambda: measure_kills(root / "kills", options.kills),
            "reader": lambda: measure_reader(root / "reader", options.publishes),
        }
        for name, measure in phases.items():
            if options.only and name not in options.only:
                continue
            load = round(os.getloadavg()[0], 1)
            figures[name] = measure() | {"load_1m_before": load} | describe()
            print(json.dumps({name: figures[name]}), flush=True)
            if options.out is not None:
                options.out.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
