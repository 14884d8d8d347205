"""Turn training runs into the shipped weights: safetensors, graph, pins.

python pipelines/train/export_truckmap.py --run runs/second --run runs/third \
        --thresholds '{"on": 0.53, "off": 0.3, "track_score": 0.38}'

Of several runs, each begun from the one before, the mean is exported (model soup:
https://arxiv.org/abs/2203.05482).
"""

import argparse
import json
from pathlib import Path
from typing import Any

import onnx

from truckcount.presence.onnx_graph import build_truckmap_graph
from truckcount.presence.truckmap import LITE0_TRUNK, MAP_CLASSES
from truckcount.presence.weights import PINS_PATH, WEIGHTS_FOLDER, sha256_of
from truckcount.training.run_state import CHECKPOINT
from truckcount.training.state_file import read_state
from truckcount.training.weights_file import write_weights_file


def read_run(folder: Path) -> dict[str, Any]:
    """Read a run's last checkpoint and what it was trained on."""
    checkpoint: dict[str, Any] = read_state(folder / CHECKPOINT)
    return checkpoint | {"data": json.loads((folder / "data.json").read_text())}


def told(run: dict[str, Any]) -> str:
    """Say in a line how a run was trained."""
    data = run["data"]
    return f"{run['step']} steps on {data['pictures']} from {data['from_weights']}"


def main() -> None:
    """Write ``<name>.safetensors`` and ``<name>.onnx`` and pin both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True, action="append")
    parser.add_argument("--name", default="truckmap")
    parser.add_argument("--to", type=Path, default=WEIGHTS_FOLDER)
    parser.add_argument("--view", type=int, nargs=2, default=(320, 192))
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--size-gain", type=float, default=0.0)
    parser.add_argument("--thresholds", type=json.loads, default={})
    arguments = parser.parse_args()
    runs = [read_run(folder) for folder in arguments.run]
    # runs of before 2026-11-25 had one trunk and did not write it down
    trunk = runs[0]["data"].get("trunk", LITE0_TRUNK)
    state = {
        # half the bytes; scores move by < 0.002
        name: (sum(run["average"][name] for run in runs) / len(runs))
        .half()
        .contiguous()
        for name, tensor in runs[0]["average"].items()
        if tensor.dtype.is_floating_point
    }
    metadata = {
        "name": arguments.name,
        "network": "truckmap",
        "trunk": json.dumps(trunk),
        "classes": json.dumps(MAP_CLASSES),
        "view_size": json.dumps(list(arguments.view)),
        "mean_std": json.dumps([127.0, 128.0]),
        "temperature": str(arguments.temperature),
        "size_gain": str(arguments.size_gain),
        "thresholds": json.dumps(arguments.thresholds),
        "licence": "Apache-2.0 (weights; see the model card for the label sets)",
        "data_fingerprint": runs[-1]["data"]["fingerprint"],
        "training": ("mean of: " if len(runs) > 1 else "")
        + "; ".join(told(run) for run in runs),
    }
    arguments.to.mkdir(parents=True, exist_ok=True)
    path = arguments.to / f"{arguments.name}.safetensors"
    write_weights_file(path, state, metadata)
    graph_path = path.with_suffix(".onnx")
    model = build_truckmap_graph(path, [list(row) for row in trunk])
    graph_path.write_bytes(model.SerializeToString())
    onnx.checker.check_model(str(graph_path))
    pins_path = arguments.to / PINS_PATH.name
    pins = json.loads(pins_path.read_text()) if pins_path.exists() else {}
    pins[arguments.name] = [sha256_of(path), sha256_of(graph_path)]
    pins_path.write_text(json.dumps(pins, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
