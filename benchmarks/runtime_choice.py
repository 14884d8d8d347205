"""CPU runtimes of the network: CPU time a view, and whether any count differs.

    python -m benchmarks.runtime_choice --model truckmap

ONNX Runtime fp32 (what ships), its static int8 (QDQ, calibrated on the sample
videos' own views, which flatters it), OpenVINO f32 and bf16 (`--precision bf16`) where
it is installed. All score the same batches
one after the other, repeated; counts are of the sample videos. It is the evidence for
the choice.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import ROOT, describe
from truckcount.counting import count_passages
from truckcount.domain.camera import Camera
from truckcount.domain.sample import Sample, ViewRect
from truckcount.pipeline.cameras import load_cameras
from truckcount.pipeline.config import counting_options
from truckcount.presence.engine import ClipScorer
from truckcount.presence.runtime import Maps, Runtime
from truckcount.presence.runtime_onnx import OnnxRuntime
from truckcount.presence.runtime_openvino import OpenVinoRuntime
from truckcount.presence.views import plan_model_views
from truckcount.presence.weights import Weights, find_weights
from truckcount.video import find_sources, open_decoder, probe_video

SAMPLES = ROOT / "sample_videos"
RESULT = ROOT / "benchmarks" / "results" / "runtime_choice.json"
BATCH = 8
MOST_BATCHES = 4  # of one size, timed
REPEATS = 3
Film = tuple[Camera, list[ViewRect], list[Sample], float]


class FunctionRuntime:
    """Any function of views to (heat, box) as a runtime."""

    device = "cpu"

    def __init__(self, run: Callable[[Any], tuple[Any, Any]]) -> None:
        self._run = run

    def score_views(self, views: Any) -> Maps:
        """Score a batch."""
        return Maps(*self._run(views))


def read_film(clip: Path, weights: Weights) -> Film:
    """Decode a sample video once for all runtimes."""
    source = find_sources([str(clip)])[0]
    probe = probe_video(source)
    camera = load_cameras(SAMPLES / "cameras.toml").camera_for(str(clip))
    size = (probe.width, probe.height)
    rects = plan_model_views(weights.header, camera.gates, size)
    samples = list(open_decoder(source, rects, start_us=0, sample_fps=5.0))
    return camera, rects, samples, size[0] / size[1]


def count(film: Film, runtime: Runtime, weights: Weights) -> list[tuple[str, str]]:
    """Return gate and direction of every counted passage."""
    camera, rects, samples, aspect = film
    scorer = ClipScorer(runtime, camera.gates, rects, "clip")
    for sample in samples:
        scorer.process(sample)
    scores = scorer.finish()
    return [
        (gate.name, passage.direction)
        for gate in camera.gates
        for passage in count_passages(
            scores[gate.name],
            gate,
            counting_options(gate, weights.header.thresholds),
            aspect,
        )
        if passage.is_counted
    ]


def quantised(weights: Weights, batches: list[Any], folder: Path) -> Runtime:
    """Quantise the graph statically to int8."""
    from truckcount.presence.silent_onnxruntime import onnxruntime  # isort: skip
    from onnxruntime.quantization import CalibrationDataReader, quantize_static

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            self._left = iter(batches)

        def get_next(self) -> dict[str, Any] | None:
            views = next(self._left, None)
            return None if views is None else {"views": views}

    path = folder / "int8.onnx"
    quantize_static(
        str(weights.graph_path), str(path), Reader(),
        op_types_to_quantize=["Conv"], per_channel=True,
    )  # fmt: skip
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(path), options, providers=["CPUExecutionProvider"]
    )
    return FunctionRuntime(lambda v: session.run(["heat", "box"], {"views": v}))


def open_all(weights: Weights, batches: list[Any], folder: Path) -> dict[str, Any]:
    """Open what can be opened here; a string says why one cannot."""
    makers: dict[str, Callable[[], Runtime]] = {
        "onnxruntime fp32": lambda: OnnxRuntime(weights),
        "onnxruntime int8": lambda: quantised(weights, batches, folder),
        "openvino f32": lambda: OpenVinoRuntime(weights, precision="f32"),
        "openvino bf16": lambda: OpenVinoRuntime(weights, precision="bf16"),
    }
    found: dict[str, Any] = {}
    for name, make in makers.items():
        try:
            found[name] = make()
        except Exception as error:  # noqa: BLE001  # an optional package, any way
            found[name] = f"not here: {type(error).__name__}: {error}"[:200]
    return found


def main() -> None:
    """Measure, print and write ``results/runtime_choice.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="truckmap")
    parser.add_argument("--videos", type=int, default=99, help="Sample videos.")
    arguments = parser.parse_args()
    weights = find_weights(arguments.model)
    clips = sorted(SAMPLES.glob("*.mp4"))[: arguments.videos]
    films = [read_film(clip, weights) for clip in clips]
    by_shape: dict[Any, list[Any]] = {}
    for _, _, samples, _ in films:
        for view in (v for s in samples[::5] for v in s.views):
            by_shape.setdefault(view.shape, []).append(view)
    views = max(by_shape.values(), key=len)
    starts = range(0, min(len(views) - BATCH + 1, MOST_BATCHES * BATCH), BATCH)
    batches = [np.stack(views[k : k + BATCH]) for k in starts]
    with tempfile.TemporaryDirectory() as folder:
        runtimes = open_all(weights, batches, Path(folder))
        works = {k: v for k, v in runtimes.items() if not isinstance(v, str)}
        cpu_ms: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(REPEATS):
            for name, runtime in works.items():
                runtime.score_views(batches[0])
                began = time.process_time()
                for batch in batches:
                    runtime.score_views(batch)
                n = len(batches) * BATCH
                cpu_ms[name].append((time.process_time() - began) / n * 1e3)
        base = works["onnxruntime fp32"]
        want = [count(film, base, weights) for film in films]
        heat = [base.score_views(b).heat for b in batches]
        rows = {}
        for name, runtime in runtimes.items():
            if isinstance(runtime, str):
                rows[name] = {"why_not": runtime}
                continue
            got = [count(film, runtime, weights) for film in films]
            off = max(
                float(np.abs(runtime.score_views(b).heat - h).max())
                for b, h in zip(batches, heat, strict=True)
            )
            rows[name] = {
                "cpu_ms_per_view": round(statistics.median(cpu_ms[name]), 3),
                "ratio": round(
                    statistics.median(cpu_ms[name])
                    / statistics.median(cpu_ms["onnxruntime fp32"]),
                    3,
                ),
                "largest_score_difference": round(off, 5),
                "n_videos_that_count_otherwise": sum(
                    sorted(a) != sorted(b) for a, b in zip(got, want, strict=True)
                ),
            }
    report = {
        **describe(),
        "model_id": weights.model_id,
        "view_shape": list(views[0].shape),
        "n_videos": len(films),
        "n_passages": sum(len(w) for w in want),
        "runtimes": rows,
    }
    print(json.dumps(report, indent=1))
    RESULT.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
