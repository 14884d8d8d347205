"""Memory of a run over one very long file, as it is read.

    python -m benchmarks.long_file --hours 12

The file is made by looping a short clip without re-encoding: a tiny picture at one
frame a second, so that twelve hours take minutes. What grows with length grows with
samples: the slope in bytes a sample carries over to any rate.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.machine import ROOT, describe
from truckcount.benching.looped import loop_clip
from truckcount.benching.scene import write_scene
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths

RESULT = ROOT / "benchmarks" / "results" / "long_file.json"
SIZE = (64, 48)
CLIP_S = 600  # one GOP of x264's default is 250 frames
WARM_SHARE = 0.1  # of the file: buffers and arenas have their size by then
N_SHOWN = 25


class MemoryLog:
    """A listener that notes resident memory at every report of progress."""

    def __init__(self) -> None:
        self.rows: list[tuple[float, float, float]] = []

    def started(self, n_files: int) -> None:
        pass

    def advanced(self, path: str, video_s: float, length_s: float | None) -> None:
        self.rows.append((video_s / 3600, resident_mb(), time.process_time()))

    def finished(self, outcome: object, n_trucks: int) -> None:
        pass


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--hours", type=float, default=12.0)
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    hours = arguments.hours
    log = MemoryLog()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clip = write_scene(folder / "clip.mp4", size=SIZE, fps=1, seconds=CLIP_S)
        long = folder / "long.mp4"
        video_s = loop_clip(clip, round(hours * 3600 / CLIP_S), long)
        options = RunOptions(
            store=folder / "store", device="cpu", start="2026-03-02T00:00:00Z"
        )
        result = run_paths([str(long)], options, log)
        after_mb = resident_mb()
        store_bytes = sum(
            p.stat().st_size for p in (folder / "store").rglob("*") if p.is_file()
        )
        n_samples = result.file_outcomes[0].samples or 0
    rows = np.array(log.rows)
    warm = rows[rows[:, 0] >= WARM_SHARE * video_s / 3600]
    slope_mb_per_h = np.polyfit(warm[:, 0], warm[:, 1], 1)[0]
    samples_per_h = n_samples / (video_s / 3600)
    shown = np.unique(np.linspace(0, len(rows) - 1, N_SHOWN).round().astype(int))
    found = {
        **describe(),
        "video_h": round(video_s / 3600, 3),
        "n_samples": n_samples,
        "exit_code": result.exit_code,
        "store_bytes": store_bytes,
        "rss_mb_while_reading": {
            "first": round(float(warm[0, 1]), 1),
            "last": round(float(warm[-1, 1]), 1),
            "most": round(float(rows[:, 1].max()), 1),
        },
        "growth_bytes_per_sample": round(slope_mb_per_h * 1e6 / samples_per_h, 1),
        "rss_mb_after_publishing": round(after_mb, 1),
        "peak_rss_mb": round(
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, 1
        ),
        "cpu_s": round(time.process_time(), 1),
        "rows_video_h_rss_mb_cpu_s": [
            [round(float(v), 3) for v in rows[i]] for i in shown
        ],
    }
    print(json.dumps({k: v for k, v in found.items() if k[:4] != "rows"}, indent=1))
    arguments.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
