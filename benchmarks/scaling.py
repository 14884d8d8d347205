"""Cost of `truckcount run` against length, resolution, gates, cameras and rate.

    python -m benchmarks.scaling                      # all, about 20 CPU minutes
    python -m benchmarks.scaling --axis gates --axis rate

Clips are made on the spot (`truckcount.benching.scene`) and looped without
re-encoding. Every point is a process of its own, the points of an axis interleaved
over the repeats; CPU is user + system. Start-up is in the figures of `length` and
`cameras` and taken off the others by a short and a long version. Writes
`results/scaling.json`, one axis at a time, so that a part can be refreshed.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT, describe
from truckcount.benching.looped import loop_clip
from truckcount.benching.scene import write_scene
from truckcount.benching.spend import Spent, spend, spread

RESULT = ROOT / "benchmarks" / "results" / "scaling.json"
START = "2026-03-02T00:00:00Z"
MADE_S = 3.0
SHORT_LOOPS, LONG_LOOPS = 1, 5
SIZES = ((320, 180), (640, 360), (1280, 720), (1920, 1080), (3840, 2160))
N_GATES = (1, 2, 4, 8, 16)
N_CAMERAS = (1, 2, 4, 8)
RATES = (1.0, 2.0, 5.0, 10.0, 25.0)
HOURS = (1 / 60, 4 / 60, 16 / 60, 64 / 60)
LENGTH_SIZE, LENGTH_FPS = (96, 64), 2


@dataclass(frozen=True, kw_only=True)
class Point:
    """One point of an axis: what to run on which files."""

    x: float
    short: tuple[Path, ...]
    long: tuple[Path, ...]
    """Empty: the point is the short run as a whole, start-up included."""
    seconds: float
    """Video, of one camera, that the figure stands on."""
    options: tuple[str, ...] = ()
    notes: tuple[tuple[str, Any], ...] = ()


def plan_resolution(folder: Path) -> list[Point]:
    points = []
    for width, height in SIZES:
        path = folder / f"{height}.mp4"
        write_scene(path, size=(width, height), seconds=MADE_S)
        notes = (("size", [width, height]),)
        points.append(_looped_point(height, path, folder, (), notes))
    return points


def plan_gates(folder: Path) -> list[Point]:
    clip = write_scene(folder / "gates.mp4", seconds=MADE_S)
    points = []
    for n in N_GATES:
        cameras = folder / f"gates_{n}.toml"
        cameras.write_text(_camera_text("cam", "*.mp4", n))
        points.append(_looped_point(n, clip, folder, ("--cameras", str(cameras))))
    return points


def plan_rate(folder: Path) -> list[Point]:
    clip = write_scene(folder / "rate.mp4", seconds=MADE_S)
    return [
        _looped_point(rate, clip, folder, ("--sample-fps", str(rate))) for rate in RATES
    ]


def plan_cameras(folder: Path) -> list[Point]:
    clip = write_scene(folder / "camera.mp4", size=(640, 360), seconds=MADE_S)
    points = []
    for n in N_CAMERAS:
        place = folder / f"cameras_{n}"
        place.mkdir()
        files = tuple(place / f"cam{k}_20260302T000000Z.mp4" for k in range(n))
        seconds = [loop_clip(clip, LONG_LOOPS, path) for path in files]
        points.append(Point(x=n, short=files, long=(), seconds=seconds[0]))
    return points


def plan_length(folder: Path) -> list[Point]:
    clip = write_scene(
        folder / "length.mp4", size=LENGTH_SIZE, fps=LENGTH_FPS, seconds=60
    )
    points = []
    for hours in HOURS:
        path = folder / f"length_{round(hours * 60)}.mp4"
        seconds = loop_clip(clip, round(hours * 60), path)
        points.append(Point(x=seconds / 3600, short=(path,), long=(), seconds=seconds))
    return points


AXES = {
    "length": plan_length,
    "resolution": plan_resolution,
    "gates": plan_gates,
    "cameras": plan_cameras,
    "rate": plan_rate,
}


def _looped_point(
    x: float,
    clip: Path,
    folder: Path,
    options: tuple[str, ...],
    notes: tuple[tuple[str, Any], ...] = (),
) -> Point:
    short, long = folder / f"s_{clip.name}", folder / f"l_{clip.name}"
    short_s = loop_clip(clip, SHORT_LOOPS, short)
    long_s = loop_clip(clip, LONG_LOOPS, long)
    megabits = 8 * clip.stat().st_size / 1e6 / (short_s / SHORT_LOOPS)
    return Point(
        x=x,
        short=(short,),
        long=(long,),
        seconds=long_s - short_s,
        options=options,
        notes=(*notes, ("megabits_per_s", round(megabits, 3))),
    )


def _camera_text(name: str, match: str, n_gates: int) -> str:
    """Gates in a row, each a fifth of the picture wide, overlapping where many."""
    lines = [f"[cameras.{name}]", 'timezone = "UTC"', f'match = ["{match}"]']
    for k in range(n_gates):
        x = 0.02 + 0.76 * k / max(1, n_gates - 1)
        box = f"[[{x:.3f}, 0.3], [{x + 0.2:.3f}, 0.3], "
        box += f"[{x + 0.2:.3f}, 0.9], [{x:.3f}, 0.9]]"
        lines += [f"[[cameras.{name}.gates]]", f'name = "g{k}"', f"polygon = {box}"]
    return "\n".join(lines) + "\n"


def run_once(files: Sequence[Path], point: Point, store: Path) -> tuple[Spent, int]:
    """Run files; return what it took and the bytes of the store."""
    command = [sys.executable, "-m", "truckcount", "run", *map(str, files)]
    fixed = ["--quiet", "--device", "cpu", "--start", START, "--store", str(store)]
    spent = spend([*command, *fixed, *point.options])
    size = sum(p.stat().st_size for p in store.rglob("*") if p.is_file())
    return spent, size


def measure_axis(points: Sequence[Point], n_repeats: int, folder: Path) -> list[dict]:
    """Measure the points of one axis, interleaved."""
    cpu: dict[int, list[float]] = {}
    rss: dict[int, list[float]] = {}
    size: dict[int, int] = {}
    for repeat in range(n_repeats):
        for i, point in enumerate(points):
            store = folder / f"store_{repeat}_{i}"
            spent, size[i] = run_once(point.short, point, store / "short")
            cpu_s, peak_mb = spent.cpu_s, spent.peak_rss_mb
            if point.long:
                more, size[i] = run_once(point.long, point, store / "long")
                cpu_s, peak_mb = more.cpu_s - cpu_s, more.peak_rss_mb
            cpu.setdefault(i, []).append(cpu_s)
            rss.setdefault(i, []).append(peak_mb)
            print(f"  {point.x:g}: {cpu_s:.2f} s CPU", flush=True)
    return [
        {
            "x": round(point.x, 4),
            "cpu_s": spread(cpu[i]),
            "video_s": round(point.seconds, 2),
            "cpu_s_per_video_s": spread([v / point.seconds for v in cpu[i]]),
            "peak_rss_mb": round(max(rss[i])),
            "store_bytes": size[i],
            **dict(point.notes),
        }
        for i, point in enumerate(points)
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--axis", action="append", choices=list(AXES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    out = arguments.out
    stored = json.loads(out.read_text()) if out.exists() else {"axes": {}}
    for axis in arguments.axis or AXES:
        print(axis, flush=True)
        with tempfile.TemporaryDirectory() as name:
            points = AXES[axis](Path(name))
            rows = measure_axis(points, arguments.repeats, Path(name))
        stored["axes"][axis] = {
            **describe(),
            "n_repeats": arguments.repeats,
            "points": rows,
        }
        out.write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    main()
