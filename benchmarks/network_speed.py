"""Views a second that one core scores with the shipped weights.

    python -m benchmarks.network_speed

CPU time (user + system) of the forward pass alone on one thread, by ONNX Runtime and
(`run --precision bf16`) by OpenVINO where the processor computes in bfloat16, the
models and batch sizes interleaved; the least of the repeats is what the network
costs, the median what it cost here beside whatever else ran.
"""

import argparse
import json
import statistics
import time

import numpy as np

from benchmarks.machine import ROOT, describe
from truckcount.presence.devices import open_runtime
from truckcount.presence.processor import why_no_bf16
from truckcount.presence.weights import PINS_PATH, find_weights

RESULT = ROOT / "benchmarks" / "results" / "network_speed.json"
BATCHES = (1, 8, 32)


def main() -> None:
    """Measure and write ``results/network_speed.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=15)
    arguments = parser.parse_args()
    names = sorted(json.loads(PINS_PATH.read_text()))
    precisions = ["f32"] if why_no_bf16() else ["f32", "bf16"]
    runtimes = {
        (name, precision): open_runtime(find_weights(name), "cpu", precision=precision)
        for name in names
        for precision in precisions
    }
    rng = np.random.default_rng(0)
    spent: dict[tuple[str, str, int], list[float]] = {}
    for _ in range(arguments.repeats):
        for (name, precision), runtime in runtimes.items():
            width, height = find_weights(name).header.view_size
            for n in BATCHES:
                views = rng.integers(0, 256, (n, height, width, 3), np.uint8)
                began = time.process_time()
                runtime.score_views(views)
                spent.setdefault((name, precision, n), []).append(
                    (time.process_time() - began) * 1000 / n
                )
    rows = [
        {
            "model": find_weights(name).model_id,
            "precision": precision,
            "view": list(find_weights(name).header.view_size),
            "batch": n,
            "ms_per_view_min": round(min(ms), 3),
            "ms_per_view_median": round(statistics.median(ms), 3),
            "views_per_s_best": round(1000 / min(ms)),
        }
        for (name, precision, n), ms in spent.items()
    ]
    for row in rows:
        print(json.dumps(row))
    RESULT.write_text(json.dumps({**describe(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
