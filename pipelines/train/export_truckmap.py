"""Turn a training run into the shipped weights: safetensors, graph, pins.

python pipelines/train/export_truckmap.py --run runs/first --name truckmap \
        --thresholds '{"on": 0.5, "off": 0.3}' --temperature 1.0
"""

import argparse
import json
from pathlib import Path

import onnx
import torch
from safetensors.torch import save_file

from truckcount.presence.onnx_graph import build_truckmap_graph
from truckcount.presence.truckmap import MAP_CLASSES, TRUNK
from truckcount.presence.weights import PINS_PATH, WEIGHTS_FOLDER, sha256_of


def main() -> None:
    """Write ``<name>.safetensors`` and ``<name>.onnx`` and pin both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--name", default="truckmap")
    parser.add_argument("--to", type=Path, default=WEIGHTS_FOLDER)
    parser.add_argument("--view", type=int, nargs=2, default=(320, 192))
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--thresholds", type=json.loads, default={})
    parser.add_argument("--training", default="")
    arguments = parser.parse_args()
    data = json.loads((arguments.run / "data.json").read_text())
    checkpoint = torch.load(arguments.run / "checkpoint.pt", weights_only=True)
    state = {
        name: tensor.half().contiguous()  # half the bytes; scores move by < 0.002
        for name, tensor in checkpoint["average"].items()
        if tensor.dtype.is_floating_point
    }
    metadata = {
        "name": arguments.name,
        "network": "truckmap",
        "trunk": json.dumps(TRUNK),
        "classes": json.dumps(MAP_CLASSES),
        "view_size": json.dumps(list(arguments.view)),
        "mean_std": json.dumps([127.0, 128.0]),
        "temperature": str(arguments.temperature),
        "thresholds": json.dumps(arguments.thresholds),
        "licence": "Apache-2.0 (weights; see the model card for the label sets)",
        "data_fingerprint": data["fingerprint"],
        "training": f"{checkpoint['step']} steps on {data['pictures']} from "
        f"{data['from_weights']}; {arguments.training}",
    }
    arguments.to.mkdir(parents=True, exist_ok=True)
    path = arguments.to / f"{arguments.name}.safetensors"
    save_file(state, path, metadata)
    graph_path = path.with_suffix(".onnx")
    model = build_truckmap_graph(path, [list(row) for row in TRUNK])
    graph_path.write_bytes(model.SerializeToString())
    onnx.checker.check_model(str(graph_path))
    pins_path = arguments.to / PINS_PATH.name
    pins = json.loads(pins_path.read_text()) if pins_path.exists() else {}
    pins[arguments.name] = [sha256_of(path), sha256_of(graph_path)]
    pins_path.write_text(json.dumps(pins, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
