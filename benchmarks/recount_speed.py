"""How many camera-hours of stored scores are counted again in a minute.

    python -m benchmarks.recount_speed --out benchmarks/results/recount_speed.json

Scores of simulated traffic at 5 samples a second are stored, then counted again with
another threshold, as ``truckcount recount --on`` does, on one core. What it costs
goes with the trucks: three densities are measured.
"""

import argparse
import json
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.machine import describe
from tests.counting.simulate import GATE, film, through
from tests.pipeline.pieces import CAMERA, DIGEST, HOUR_US, WEIGHTS, piece
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.counts.camera_counter import CameraCounter
from truckcount.pipeline.counts.recount import CountsPublisher
from truckcount.store import Store

TRUCKS_AN_HOUR = (2, 10, 50)


def measure(n_hours: int, n_trucks: int) -> dict[str, Any]:
    """Measure one density: count, publish, then count with another threshold."""
    step = 3600 / n_trucks
    scene = film(
        [through(10 + k * step, sign=1 - 2 * (k % 2)) for k in range(n_trucks)], 3600
    )
    files = [piece(f"h{k:04d}", scene, shift_us=k * HOUR_US) for k in range(n_hours)]
    windows = [(files[0].record.start_us, files[0].record.start_us + n_hours * HOUR_US)]
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(folder)
        figures: dict[str, Any] = {"trucks_an_hour": n_trucks, "camera_hours": n_hours}
        with store.lock(CAMERA.name):
            for one in files:
                store.write_scores(CAMERA.name, {GATE.name: one.scores}, DIGEST)
            for on_score in (0.5, 0.55):
                gate = replace(GATE, thresholds=(("on_score", on_score),))
                camera = replace(CAMERA, gates=(gate,))
                counter = CameraCounter(
                    store, camera, [f.record for f in files], weights=WEIGHTS,
                    options=RunOptions(), seals=store.seals(camera.name),
                )  # fmt: skip
                publisher = CountsPublisher(store, camera, counter)
                wall, cpu = time.monotonic(), time.process_time()
                publisher.publish(counter.count(windows))
                wall, cpu = time.monotonic() - wall, time.process_time() - cpu
        figures |= {
            "revisions": publisher.n_revisions,
            "wall_s": round(wall, 2),
            "cpu_s": round(cpu, 2),
            "camera_hours_per_minute": round(60 * n_hours / wall),
            "camera_hours_per_cpu_minute": round(60 * n_hours / cpu),
        }
    return figures


def main() -> None:
    """Print the figures, or write them with the machine they are of."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--hours", type=int, default=72)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    figures = {
        "one_core": [measure(options.hours, n) for n in TRUCKS_AN_HOUR],
        "load_1m": os.getloadavg()[0],
        **describe(),
    }
    text = json.dumps(figures, indent=2)
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
