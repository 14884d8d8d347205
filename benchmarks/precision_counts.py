"""Does a count differ where the network computes in fewer bits?

    python -m benchmarks.precision_counts
    python -m benchmarks.precision_counts --only "float16, as a GPU rounds"

Sample videos and real clips (roles ``score`` and ``train``; nothing is trained) are
counted by ONNX Runtime in float32 and again (a) by OpenVINO in bfloat16, what
``run --precision bf16`` takes, on a processor that has it, and (b) by PyTorch with
what every layer gives rounded to bfloat16 or float16 and sums in float32, as a GPU's
tensor cores do. The CPU time is of whole runs, decoding and counting included.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt

from benchmarks.machine import ROOT, describe
from truckcount.evaluation.clips import ClipScore, measure
from truckcount.evaluation.count_clips import evaluate_clips
from truckcount.presence.runtime import Maps, Runtime
from truckcount.presence.runtime_onnx import OnnxRuntime
from truckcount.presence.runtime_openvino import OpenVinoRuntime
from truckcount.presence.weights import Weights

RESULT = ROOT / "benchmarks" / "results" / "precision_counts.json"
REAL = ROOT.parent / "shared" / "data" / "clips"
SETS: dict[str, tuple[Path, str | None]] = {
    "samples": (ROOT / "sample_videos", None),
    "real, score": (REAL, "score"),
    "real, train": (REAL, "train"),
}
Open = Callable[[Weights], Runtime]


class RoundingRuntime:
    """The network with what every layer gives rounded, one view at a time.

    Parameters
    ----------
    dtype : str
        ``float16`` or ``bfloat16``.
    """

    device = "cpu"

    def __init__(self, weights: Weights, dtype: str) -> None:
        import torch

        from truckcount.presence.runtime_torch import fold_norms, load_truckmap

        torch.set_num_threads(1)
        half = getattr(torch, dtype)
        network = fold_norms(load_truckmap(weights)).to(half).float()
        temperature = weights.header.temperature

        def rounded(value: Any) -> Any:
            return value.to(half).float()

        def hook(_module: Any, _inputs: Any, output: Any) -> Any:
            return rounded(output) if isinstance(output, torch.Tensor) else None

        for module in network.modules():
            module.register_forward_hook(hook)

        @torch.no_grad()
        def score(view: npt.NDArray[np.uint8]) -> tuple[Any, Any]:
            output = network(torch.from_numpy(view.copy()).permute(0, 3, 1, 2))
            heat = torch.sigmoid(output.heat[:, 0] / temperature)
            box = torch.cat([output.size, output.offset], dim=1)
            return heat.numpy(), box.numpy()

        self._score = score

    def score_views(self, views: npt.NDArray[np.uint8]) -> Maps:
        """Score a batch."""
        parts = [self._score(views[k : k + 1]) for k in range(len(views))]
        heat, box = (np.concatenate(part) for part in zip(*parts, strict=True))
        return Maps(heat, box)


WAYS: dict[str, Open] = {
    "float32, ONNX Runtime": OnnxRuntime,
    "bfloat16, OpenVINO": OpenVinoRuntime,
    "bfloat16, as a GPU rounds": lambda w: RoundingRuntime(w, "bfloat16"),
    "float16, as a GPU rounds": lambda w: RoundingRuntime(w, "float16"),
}


@contextmanager
def runtime(make: Open) -> Iterator[None]:
    """Let runs open this runtime."""

    def opened(weights: Weights, *_: Any, **__: Any) -> Runtime:
        return make(weights)

    with (
        patch("truckcount.pipeline.executors.open_runtime", opened),
        patch("truckcount.pipeline.executors._RUNTIMES", {}),
    ):
        yield


def counts(score: ClipScore) -> tuple[int, int, int]:
    """Return right, false and missed passages."""
    return score.n_true_positive, score.n_false_positive, score.n_false_negative


def main() -> None:
    """Count, print and write ``results/precision_counts.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=WAYS, help="Beside float32")
    arguments = parser.parse_args()
    first = next(iter(WAYS))
    ways = {k: v for k, v in WAYS.items() if arguments.only in (None, k) or k == first}
    rows: dict[str, dict[str, Any]] = {}
    for set_name, (folder, role) in SETS.items():
        want: dict[str, tuple[int, int, int]] = {}
        for name, make in ways.items():
            began = time.process_time()
            with tempfile.TemporaryDirectory() as scratch, runtime(make):
                scores = evaluate_clips(folder, role=role, store=Path(scratch) / "s")
            spent_s = time.process_time() - began
            got = {c.truth.clip: counts(c) for c in scores.clips}
            want = want or got
            found = measure(scores.clips)
            row = {
                "clips": len(got),
                "clips_that_count_otherwise": {
                    clip: {"float32": want[clip], "this": one}
                    for clip, one in got.items()
                    if one != want[clip]
                },
                "clip_mean_f1": round(found["clip_mean_f1"], 3),
                "false_in_truck_free": found["false_in_truck_free"],
                "cpu_s": round(spent_s, 1),
            }
            print(set_name, name, json.dumps(row), flush=True)
            rows.setdefault(name, {})[set_name] = row
    RESULT.write_text(json.dumps({**describe(), "ways": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
