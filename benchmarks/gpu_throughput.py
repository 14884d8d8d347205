"""Streams x resolution on a GPU: frames/s decoded, views/s scored, and each ceiling.

    python -m benchmarks.gpu_throughput            # minutes; --budget-s bounds it
    python -m benchmarks.gpu_throughput --device cpu   # rehearsal: tiny, no file

Every cell of the table runs the product's own path, one process, a thread a stream
(`score_in_threads`), with the CPU's decoder and with NVDEC where it can be had. The
ceilings of network, copies and decoders are measured alone in the same run. Writes
`results/gpu_throughput.json` and, where $OUT is set, a copy there. Exit code 3
without a GPU.

On the lent machine (tool `run`; nothing can be downloaded there). Once, here, in the
checkout's root:

    echo /.whl/ >> .git/info/exclude; python3 -m pip download --no-deps -d .whl \\
      --only-binary=:all: --python-version 3.12 --implementation cp \\
      --platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 \\
      av==18.1.0 torchcodec==0.17.0 tzdata

then `run` with carry [".whl"] and this command (torchcodec takes PyAV's FFmpeg):

    python3 -m pip install -q --no-index --no-deps --no-compile --target .site \\
      .whl/*.whl && mkdir .ff && for f in $PWD/.site/av.libs/lib{av,sw}*; do
      ln -s $f .ff/$(basename $f | sed -E 's/-[0-9a-f]+.so.([0-9]+).*/.so.\\1/');
      done; export PYTHONPATH=.site LD_LIBRARY_PATH=.ff:.site/av.libs \\
      PYTHONUNBUFFERED=1; python3 -m benchmarks.gpu_throughput --budget-s 360
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from benchmarks import gpu_ceilings as ceilings
from benchmarks.machine import ROOT, describe
from benchmarks.runtime_choice import SAMPLES, count, read_film
from truckcount.benching.looped import loop_clip
from truckcount.benching.machine import describe_machine
from truckcount.benching.scene import write_scene
from truckcount.domain.camera import Camera, Gate
from truckcount.errors import TruckcountError
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.executors import score_in_threads
from truckcount.pipeline.gpu_decoding import why_no_nvdec
from truckcount.pipeline.scoring import ScoreTask
from truckcount.presence.runtime_onnx import OnnxRuntime
from truckcount.presence.runtime_torch import TorchRuntime
from truckcount.presence.weights import Weights, find_weights
from truckcount.video import find_sources

RESULT = ROOT / "benchmarks" / "results" / "gpu_throughput.json"
SIZES = ((640, 360), (1280, 720), (1920, 1080))
STREAMS = (1, 4, 16, 64)
CLIP_S, MADE_S, FPS = 20.0, 2.0, 25
NO_GPU = 3
GATE = Gate(name="all", polygon=((0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)))
QUERY = "utilization.gpu,utilization.decoder,utilization.memory,memory.used"


class Utilisation:
    """`nvidia-smi` twice a second beside a measurement; empty where it is not."""

    def __enter__(self) -> "Utilisation":
        command = ["nvidia-smi", f"--query-gpu={QUERY}", "-lms", "500"]
        command += ["--format=csv,noheader,nounits"]
        try:
            self._process: Any = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
        except OSError:
            self._process = None
        return self

    def __exit__(self, *_exc: object) -> None:
        self.mean: dict[str, float] = {}
        if self._process is None:
            return
        self._process.terminate()
        said = self._process.communicate()[0]
        rows = [line.split(",") for line in said.splitlines() if line.count(",") == 3]
        for name, *column in zip(QUERY.split(","), *rows, strict=True):
            numbers = [float(x) for x in column if x.strip().isdigit()]
            if numbers:
                self.mean[name] = round(statistics.mean(numbers), 1)


def measure_cell(
    clip: Path, streams: int, backend: str, runtime: TorchRuntime, weights: Weights
) -> dict[str, Any]:
    """Score so many streams of a clip at a time."""
    options = RunOptions(
        backend=backend, start="2026-03-02T08:00:00Z", device=runtime.device
    )
    camera = Camera(name="bench", gates=(GATE,))
    (source,) = find_sources([str(clip)])
    tasks = [
        ScoreTask(source=source, camera=camera, segment_id=f"s{k}", options=options)
        for k in range(streams)
    ]
    cpu, wall = time.process_time(), time.perf_counter()
    with Utilisation() as use:
        done = [d for _, d in score_in_threads(tasks, weights, runtime, streams)]
    wall_s, cpu_s = time.perf_counter() - wall, time.process_time() - cpu
    for scored in done:
        if isinstance(scored, TruckcountError):
            raise scored
    reports = [scored.report for scored in done]
    shown = sum(r.duration_s for r in reports) * FPS
    return {
        "streams": streams,
        "backend": backend,
        "frames_s": round(shown / wall_s, 1),
        "frames_s_not_skipped": round(
            sum(r.n_frames_decoded for r in reports) / wall_s, 1
        ),
        "views_s": round(sum(r.n_samples for r in reports) / wall_s, 1),
        "x_realtime": round(sum(r.duration_s for r in reports) / wall_s, 1),
        "cores_busy": round(cpu_s / wall_s, 2),
        "wall_s": round(wall_s, 2),
        "utilisation": use.mean,
        "warnings": sorted({w for r in reports for w in r.warnings}),
    }


def compare_counts(
    weights: Weights, runtime: TorchRuntime, videos: int
) -> dict[str, Any]:
    """Count the sample videos on the device and on the CPU."""
    reference, differ, off = OnnxRuntime(weights), [], 0.0
    clips = sorted(SAMPLES.glob("*.mp4"))[:videos]
    for clip in clips:
        film = read_film(clip, weights)
        want, got = count(film, reference, weights), count(film, runtime, weights)
        if sorted(want) != sorted(got):
            differ.append(clip.name)
        for sample in film[2][::10]:
            for view in sample.views:
                a, b = (r.score_views(view[None]).heat for r in (reference, runtime))
                off = max(off, float(abs(a - b).max()))
    return {
        "n_videos": len(clips),
        "count_otherwise": differ,
        "largest_score_difference": round(off, 4),
    }


def measure(device: str, weights: Weights, budget_s: float) -> dict[str, Any]:
    """Measure everything that fits the time; say what did not."""
    until = time.monotonic() + budget_s
    is_gpu = device == "cuda"
    no_nvdec = why_no_nvdec()
    runtime = TorchRuntime(weights, device)
    width, height = weights.header.view_size
    shape = (height, width)
    rates = ceilings.machine_rates(device)
    threads = max(2, os.cpu_count() or 1)
    report: dict[str, Any] = {
        **_describe(device),
        "model_id": weights.model_id,
        "view_shape": [height, width, 3],
        "nvdec": no_nvdec or "yes",
        "rates": rates,
        "floor": ceilings.network_floor(weights, rates),
        "forward": ceilings.forward_rates(runtime, shape),
        "from_host": ceilings.host_rate(runtime, shape, threads, 40 if is_gpu else 2),
        "copy_views_s": round(
            rates["host_to_device_gb_s"] * 1e9 / (height * width * 3)
        ),
        "table": [],
        "left_out": [],
    }
    _say({key: report[key] for key in ("nvdec", "rates", "floor", "from_host")})
    for row in report["forward"]:
        _say(row)
    report["counts"] = compare_counts(weights, runtime, 6 if is_gpu else 1)
    _say(report["counts"])
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES if is_gpu else SIZES[:1]:
            _measure_size(Path(folder), size, runtime, weights, report, until)
    return report


def _measure_size(
    folder: Path,
    size: tuple[int, int],
    runtime: TorchRuntime,
    weights: Weights,
    report: dict[str, Any],
    until: float,
) -> None:
    is_gpu = runtime.device == "cuda"
    seconds = CLIP_S if is_gpu else MADE_S
    made = write_scene(folder / f"made{size[1]}.mp4", size=size, seconds=MADE_S)
    clip = folder / f"clip{size[1]}.mp4"
    loop_clip(made, round(seconds / MADE_S), clip)
    backends = ["av", "nvdec"] if report["nvdec"] == "yes" else ["av"]
    threads = max(2, os.cpu_count() or 1)
    ceiling = {
        backend: ceilings.decode_rate(clip, threads, on_gpu=backend == "nvdec")
        for backend in backends
    }
    measure_cell(made, 1, "av", runtime, weights)  # what is done once is done
    for streams in STREAMS if is_gpu else (1, 2):
        for backend in backends:
            cell = f"{size[0]}x{size[1]}, {streams} streams, {backend}"
            if time.monotonic() > until:
                report["left_out"].append(cell)
                continue
            row = {"size": f"{size[0]}x{size[1]}"}
            row |= measure_cell(clip, streams, backend, runtime, weights)
            row["share_of_ceiling"] = shares(row, ceiling[backend], report)
            report["table"].append(row)
            _say(row)


def shares(
    row: dict[str, Any], decode_frames_s: float, report: dict[str, Any]
) -> dict[str, float]:
    """Return what part of each unit's own ceiling a cell reached; the largest binds.

    The decoder's is against decoding every frame: skipping frames that nobody
    refers to may take it above 1.
    """
    forward = max(r["views_s_with_maps_to_host"] for r in report["forward"])
    return {
        "decode": round(row["frames_s"] / decode_frames_s, 3),
        "copy": round(row["views_s"] / report["copy_views_s"], 4),
        "network": round(row["views_s"] / forward, 4),
    }


def _describe(device: str) -> dict[str, Any]:
    try:
        told: dict[str, Any] = dict(describe())
    except OSError:  # no git there
        told = dict(describe_machine())
    told["torch"] = torch.__version__
    try:
        told["torchcodec"] = version("torchcodec")
    except PackageNotFoundError:
        told["torchcodec"] = None
    if device == "cuda":
        told["gpu"] = torch.cuda.get_device_name()
        told["cuda"] = torch.version.cuda
    return told


def _say(value: object) -> None:
    print(json.dumps(value), flush=True)


def main() -> None:
    """Measure, print and write ``results/gpu_throughput.json``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--model", default="truckmap")
    parser.add_argument("--budget-s", type=float, default=480.0)
    arguments = parser.parse_args()
    if arguments.device == "cuda" and not torch.cuda.is_available():
        print(
            "no CUDA device here: nothing was measured (--device cpu rehearses)",
            file=sys.stderr,
        )
        sys.exit(NO_GPU)
    weights = find_weights(arguments.model)
    report = measure(arguments.device, weights, arguments.budget_s)
    text = json.dumps(report, indent=1) + "\n"
    if arguments.device == "cpu":
        print("rehearsed on the CPU: no result is written")
        return
    RESULT.write_text(text)
    if os.environ.get("OUT"):
        (Path(os.environ["OUT"]) / RESULT.name).write_text(text)


if __name__ == "__main__":
    main()
