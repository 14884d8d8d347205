"""`--speed exact`, `fast` and `fastest`: counts that differ and CPU time, in one run.

    python -m benchmarks.speed_modes                 # samples, and real clips if here
    python -m benchmarks.speed_modes --model path.safetensors --folder sample_videos

Every clip is counted by ``exact`` and ``fast`` one after the other in this process.
``fastest`` calibrates only where there is enough video: it gets the sample videos
looped to ``LOOP_S`` without re-encoding (the same scene again and again, so that its
equal counts are the plan's best case). ``cpu_ratio`` is against ``exact``.
"""

import argparse
import json
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT, describe
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.result import RunResult
from truckcount.pipeline.run import run_paths

SAMPLES = ROOT / "sample_videos"
REAL = ROOT.parent / "shared" / "data" / "clips"
RESULT = ROOT / "benchmarks" / "results" / "speed_modes.json"
LOOP_S = 700.0
START = "2026-03-02T08:00:00Z"


def count(clip: Path, folder: Path, model: str, speed: str) -> tuple[RunResult, float]:
    """Count one clip into a store of its own; return its CPU seconds too."""
    with tempfile.TemporaryDirectory() as store:
        options = RunOptions(
            store=Path(store),
            cameras=folder / "cameras.toml",
            start=START,
            model=model,
            device="cpu",
            speed=speed,
        )
        began = time.process_time()
        result = run_paths([str(clip)], options)
        return result, time.process_time() - began


def passages(result: RunResult) -> Counter[tuple[str, str]]:
    """Return how many counted passages each gate has of each direction."""
    return Counter(
        (row["gate"], row["direction"])
        for row in result.passage_rows
        if row["is_counted"]
    )


def compare(clip: Path, folder: Path, model: str, speeds: list[str]) -> dict[str, Any]:
    """Count one clip every way."""
    exact, exact_cpu_s = count(clip, folder, model, "exact")
    want = passages(exact)
    found: dict[str, Any] = {
        "clip": clip.stem,
        "n_passages": want.total(),
        "exact_cpu_s": round(exact_cpu_s, 3),
    }
    for speed in speeds:
        result, cpu_s = count(clip, folder, model, speed)
        got = passages(result)
        found[speed] = {
            "n_differ": ((got - want) + (want - got)).total(),
            "cpu_s": round(cpu_s, 3),
            "cpu_ratio": round(cpu_s / exact_cpu_s, 3),
        }
        for plan in result.speed.get("plans", {}).values():
            found[speed]["plan"] = plan["reason"]
    return found


def loop(clip: Path, target: Path, times: int) -> Path:
    """Write a clip end to end several times without re-encoding."""
    ffmpeg = ["ffmpeg", "-v", "error", "-y", "-stream_loop", str(times - 1)]
    subprocess.run(
        [*ffmpeg, "-i", str(clip), "-an", "-c", "copy", str(target)], check=True
    )
    return target


def total(clips: list[dict[str, Any]], speed: str) -> dict[str, Any]:
    """Sum one mode over the clips that were counted by it."""
    mine = [c for c in clips if speed in c]
    cpu_s = sum(c[speed]["cpu_s"] for c in mine)
    exact_cpu_s = sum(c["exact_cpu_s"] for c in mine)
    return {
        "n_clips": len(mine),
        "n_passages": sum(c["n_passages"] for c in mine),
        "n_differ": sum(c[speed]["n_differ"] for c in mine),
        "cpu_ratio": round(cpu_s / exact_cpu_s, 3) if exact_cpu_s else None,
    }


def main() -> None:
    """Measure, print and write ``results/speed_modes.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="truckmap")
    parser.add_argument("--folder", type=Path, action="append")
    parser.add_argument("--loops", type=int, default=2, help="Sample videos looped.")
    arguments = parser.parse_args()
    clips, looped, model_id = [], [], ""
    samples = sorted(SAMPLES.glob("*.mp4"))
    model_id = count(samples[0], SAMPLES, arguments.model, "exact")[0].model_id
    with tempfile.TemporaryDirectory() as scratch:
        for clip in samples[: arguments.loops]:
            long = loop(clip, Path(scratch) / clip.name, round(LOOP_S / 25))
            looped.append(compare(long, SAMPLES, arguments.model, ["fastest"]))
            print(json.dumps(looped[-1]), flush=True)
    for folder in arguments.folder or [SAMPLES, REAL]:
        for clip in sorted([*folder.glob("*.mp4"), *folder.glob("*.avi")]):
            clips.append(compare(clip, folder, arguments.model, ["fast"]))
            print(json.dumps(clips[-1]), flush=True)
    summary = {
        **describe(),
        "model_id": model_id,
        "fast": total(clips, "fast"),
        "fastest_on_looped_samples": total(looped, "fastest"),
    }
    print(json.dumps(summary))
    RESULT.write_text(
        json.dumps({**summary, "clips": clips, "looped": looped}, indent=1) + "\n"
    )


if __name__ == "__main__":
    main()
