"""Time adding one new file to stores of one camera that are new, and a year old.

    python -m benchmarks.old_store

A camera that records five-minute files has 105,120 segments after a year. Such
stores are built with the store's own calls in a temporary folder (a year of
segments, hours and history; the scores of the last day), then one new file of eight
seconds is counted by ``run`` and by ``run --new``, as cron does, and the least of
some runs is kept. What follows from the age of a store is the difference between
its columns; the decoding of the file is in all of them. ``--profile`` prints where
the time goes.
"""

import argparse
import cProfile
import json
import os
import pstats
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT, describe
from tests.counting.simulate import film, through
from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.counting import unwatched_row
from truckcount.domain.camera import Camera, Gate
from truckcount.pipeline.config import (
    RunOptions,
    config_hash,
    counting_options,
    scoring_hash,
)
from truckcount.pipeline.run import run_paths
from truckcount.pipeline.unattended.run_new import run_new
from truckcount.pipeline.unattended.status import read_status
from truckcount.presence.weights import Weights, find_weights
from truckcount.store import HourStamp, SegmentRecord, Store

RESULT = ROOT / "benchmarks" / "results" / "old_store.json"
CAMERA = "dc-01"
GATE = Gate(name="frame", polygon=((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))
FILE_US, HOUR_US, DAY_US = 300_000_000, 3_600_000_000, 86_400_000_000
AGES_DAYS = {"empty": 0, "one_day": 1, "one_year": 365}
N_RUNS = 3


def build_store(root: Path, end_us: int, n_days: int, weights: Weights) -> None:
    """Build a store of five-minute files that touch, up to a moment."""
    store = Store.open(root)
    if not n_days:
        return
    options = RunOptions(store=root)
    camera = Camera(name=CAMERA, gates=(GATE,))
    digest = scoring_hash(camera, weights.model_id, options)
    begin_us = end_us - n_days * DAY_US
    records = [
        _record(start, digest, weights.model_id)
        for start in range(begin_us, end_us, FILE_US)
    ]
    store.write_segments(CAMERA, records)
    _write_scores(store, records[-DAY_US // FILE_US :], digest)
    counting = counting_options(GATE, weights.header.thresholds)
    stamp = HourStamp(
        camera=CAMERA,
        timezone="UTC",
        source_kind="video",
        model_id=weights.model_id,
        config_hash=config_hash(GATE, weights.model_id, counting, options),
    )
    for day_us in range(begin_us, end_us, 28 * DAY_US):
        until_us = min(day_us + 28 * DAY_US, end_us)
        rows = [_hour(start) for start in range(day_us, until_us, HOUR_US)]
        store.write_hours(stamp, rows, until_us)


def _record(start_us: int, digest: str, model_id: str) -> SegmentRecord:
    name = f"{CAMERA}_{datetime.fromtimestamp(start_us / 1e6, UTC):%Y%m%dT%H%M%SZ}.mp4"
    return SegmentRecord(
        segment_id=f"{start_us // FILE_US * 0x9E3779B97F4A7C15 % 2**64:016x}",
        path=f"/var/lib/recorder/{CAMERA}/{name}",
        name=name,
        source_kind="video",
        size_bytes=30_000_000 + start_us // FILE_US % 1_000_003,
        status="done",
        run_id=f"{start_us // HOUR_US:012x}",
        mtime_us=start_us + FILE_US,
        start_us=start_us,
        end_us=start_us + FILE_US,
        start_source="filename",
        time_quality="exact",
        duration_s=300.0,
        decoded_s=300.0,
        usable_s=300.0,
        n_frames_decoded=7500,
        n_samples=1500,
        fps_nominal=25.0,
        width=1280,
        height=720,
        codec="h264",
        decode_errors=0,
        winner_intervals=((start_us, start_us + FILE_US),),
        config_hash=digest,
        model_id=model_id,
        known_at_us=start_us + 2 * FILE_US,
    )


def _write_scores(store: Store, records: list[SegmentRecord], digest: str) -> None:
    scene = film([through(20), through(140), through(260)], FILE_US / 1e6)
    first_us = int(scene.t_us[0])
    many = [
        {
            GATE.name: replace(
                scene,
                t_us=scene.t_us - first_us + record.start_us,
                segment_ids=(record.segment_id,),
            )
        }
        for record in records
        if record.start_us is not None
    ]
    store.write_many_scores(CAMERA, many, digest)


def _hour(start_us: int) -> Any:
    row = unwatched_row(GATE, "any", start_us)
    n = 20 + start_us // HOUR_US % 24
    return replace(
        row, n_trucks=n, onsets=n, n_censored=0, coverage_s=3600.0, max_gap_s=0.0,
        busy_s=4.0 * n, n_samples=18_000, occupancy_mean=n / 900,
        n_trucks_est=float(n), n_trucks_se=0.0, n_trucks_se_indep=0.0,
    )  # fmt: skip


def measure(
    store: Path, work: Callable[[Path], object], *, is_profiled: bool
) -> dict[str, float]:
    """Do work on copies of a store; return the least wall and CPU seconds."""
    seconds = []
    for _ in range(N_RUNS):
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "store"
            shutil.copytree(store, copy)
            wall, cpu = time.perf_counter(), time.process_time()
            work(copy)
            spent = time.perf_counter() - wall, time.process_time() - cpu
        seconds.append([round(s, 3) for s in spent])
    if is_profiled:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(store, Path(folder) / "store")
            with cProfile.Profile() as seen:
                work(Path(folder) / "store")
        pstats.Stats(seen).sort_stats("cumulative").print_stats(45)
    return {"wall": min(s[0] for s in seconds), "cpu": min(s[1] for s in seconds)}


def main() -> None:
    """Build, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    end_us = time.time_ns() // 1000 // DAY_US * DAY_US - DAY_US + 12 * HOUR_US
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        model = write_red_model(root)
        begin = f"{datetime.fromtimestamp(end_us / 1e6, UTC):%Y%m%dT%H%M%SZ}"
        clip = write_traffic(root / f"{CAMERA}_{begin}.mp4", {2.0: 1}, 8.0)

        def options(store: Path) -> RunOptions:
            return RunOptions(store=store, model=model)

        works: dict[str, Callable[[Path], object]] = {
            "run": lambda store: run_paths([str(clip)], options(store)),
            "run_new": lambda store: run_new([str(clip)], options(store)),
            "status": lambda store: read_status(store, [str(root)]),
        }
        for age, n_days in AGES_DAYS.items():
            store = root / age
            build_store(store, end_us, n_days, find_weights(model))
            if age == "empty":
                run_paths([str(clip)], options(root / "warm"))
            figures[age] = {"segments": n_days * DAY_US // FILE_US}
            for what, work in works.items():
                is_profiled = arguments.profile and age == "one_year"
                figures[age][what] = measure(store, work, is_profiled=is_profiled)
    result = {**describe(), "load_average": os.getloadavg()[0], "seconds": figures}
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
