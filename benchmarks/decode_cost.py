"""CPU time of `truckcount run` against FFmpeg decoding the same clip, in one run.

    python -m benchmarks.decode_cost                      # every real 720p H.264 clip
    python -m benchmarks.decode_cost --clip video.mp4

Both sides get a short and a long version of each clip (the clip looped without
re-encoding), interleaved and repeated; the difference of the two takes start-up
off. The ratio is ours / ``ffmpeg -threads 1 -i clip -f null -``, user + system.
Where the processor computes in bfloat16, the default weights run in it, too.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.machine import ROOT, describe
from truckcount.presence.processor import why_no_bf16
from truckcount.presence.weights import find_weights

CLIPS = ROOT.parent / "shared" / "data" / "clips"
DEFAULT_CLIPS = (
    "alps_highway.mp4",
    "china_crash_highway.mp4",
    "hangzhou_crosswalk.mp4",
    "uk_dual_bend.mp4",
    "uk_m6_dusk_bridge.mp4",
    "us_curve_forest.mp4",
    "us_divider_highway.mp4",
)
"""All 1280 x 720 clips there: the lower the bit rate, the dearer the network looks."""
LOOPS_SHORT, LOOPS_LONG = 1, 4
RESULT = ROOT / "benchmarks" / "results" / "decode_cost.json"


def spend(command: list[str]) -> tuple[float, float]:
    """Run a command; return its CPU seconds and peak RSS in MB."""
    with Path(os.devnull).open("wb") as nothing:
        process = subprocess.Popen(command, stdout=nothing, stderr=nothing)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        msg = f"{command} failed with {process.returncode}"
        raise SystemExit(msg)
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def loop_clip(clip: Path, n: int, target: Path) -> float:
    """Write a clip n times end to end without re-encoding; return its seconds."""
    ffmpeg = ["ffmpeg", "-v", "error", "-y", "-stream_loop", str(n - 1)]
    subprocess.run(
        [*ffmpeg, "-i", str(clip), "-an", "-c", "copy", str(target)], check=True
    )
    probe = ["ffprobe", "-v", "error", "-show_entries", "format=duration"]
    shown = subprocess.run(
        [*probe, "-of", "csv=p=0", str(target)],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(shown.stdout)


def measure_clip(
    clip: Path, n_repeats: int, folder: Path, model: str, precision: str = "f32"
) -> dict[str, object]:
    """Measure one clip, both sides interleaved."""
    versions = {
        n: (folder / f"x{n}_{clip.name}", 0.0) for n in (LOOPS_SHORT, LOOPS_LONG)
    }
    for n, (path, _) in versions.items():
        versions[n] = (path, loop_clip(clip, n, path))
    ratios, ours_per_s, floor_per_s, peaks = [], [], [], []
    for k in range(n_repeats):
        cpu: dict[tuple[str, int], float] = {}
        for n, (path, _) in versions.items():
            floor = ["ffmpeg", "-v", "error", "-threads", "1", "-i", str(path)]
            cpu["floor", n], _ = spend([*floor, "-an", "-f", "null", "-"])
            cpu["ours", n], peak = spend(
                _run_command(
                    path, folder / f"{model}_{precision}_{k}_{n}", model, precision
                )
            )
            peaks.append(peak)
        seconds = versions[LOOPS_LONG][1] - versions[LOOPS_SHORT][1]
        ours = (cpu["ours", LOOPS_LONG] - cpu["ours", LOOPS_SHORT]) / seconds
        floor_s = (cpu["floor", LOOPS_LONG] - cpu["floor", LOOPS_SHORT]) / seconds
        ratios.append(ours / floor_s)
        ours_per_s.append(ours)
        floor_per_s.append(floor_s)
    return {
        "clip": clip.stem,
        "model_id": find_weights(model).model_id,
        "precision": precision,
        "ratio": _spread(ratios),
        "ours_cpu_s_per_video_s": _spread(ours_per_s),
        "ffmpeg_cpu_s_per_video_s": _spread(floor_per_s),
        "peak_rss_mb": round(max(peaks)),
        "n_repeats": n_repeats,
    }


def _run_command(clip: Path, store: Path, model: str, precision: str) -> list[str]:
    command = [sys.executable, "-m", "truckcount", "run", str(clip), "--quiet"]
    options = ["--start", "2026-03-02T08:00:00Z", "--store", str(store)]
    return [
        *command,
        "--device",
        "cpu",
        "--model",
        model,
        "--precision",
        precision,
        *options,
    ]


def _spread(values: list[float]) -> dict[str, float]:
    return {
        "median": round(statistics.median(values), 4),
        "min": round(min(values), 4),
        "max": round(max(values), 4),
    }


def main() -> None:
    """Measure and write ``results/decode_cost.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clip", type=Path, action="append")
    parser.add_argument("--model", action="append", help="in float32 alone")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    clips = arguments.clip or [CLIPS / name for name in DEFAULT_CLIPS]
    ways = [("truckmap", "f32"), ("truckmap", "bf16"), ("truckmap-m", "f32")]
    if why_no_bf16() is not None:
        ways = [way for way in ways if way[1] != "bf16"]
    if arguments.model:
        ways = [(model, "f32") for model in arguments.model]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for clip in clips:
            if not clip.exists():
                print(f"{clip} is not here: not measured")
                continue
            for way in ways:
                found.append(measure_clip(clip, arguments.repeats, Path(folder), *way))
                print(json.dumps(found[-1]))
    if found and not arguments.clip:
        RESULT.write_text(json.dumps({**describe(), "clips": found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
