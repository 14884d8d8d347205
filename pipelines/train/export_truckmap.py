"""Turn training runs into the shipped weights: safetensors, graph, pins.

    python pipelines/train/export_truckmap.py --run runs/second --run runs/third \
        --thresholds '{"on": 0.53, "off": 0.3, "track_score": 0.38}'
    python pipelines/train/export_truckmap.py --weights start.safetensors \
        --run runs/on --size-gain 0.8 --thresholds ...

Of several runs and weights, each begun from one of the others, the mean is exported
(model soup: https://arxiv.org/abs/2203.05482).
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
from safetensors.torch import load_file
from torch import Tensor

from truckcount.presence.onnx_graph import build_truckmap_graph
from truckcount.presence.truckmap import LITE0_TRUNK, MAP_CLASSES
from truckcount.presence.weights import (
    PINS_PATH,
    WEIGHTS_FOLDER,
    find_weights,
    sha256_of,
)
from truckcount.training.run_state import CHECKPOINT
from truckcount.training.state_file import read_state
from truckcount.training.weights_file import write_weights_file


@dataclass(frozen=True, slots=True)
class Part:
    """One of the weights whose mean is exported."""

    state: dict[str, Tensor]
    trunk: tuple[tuple[int, ...], ...]
    fingerprint: str
    training: str
    """A line on how it was trained."""


def read_run(folder: Path) -> Part:
    """Read a run's last checkpoint and what it was trained on."""
    checkpoint: dict[str, Any] = read_state(folder / CHECKPOINT)
    data = json.loads((folder / "data.json").read_text())
    # runs of before 2026-11-25 had one trunk and did not write it down
    trunk = data.get("trunk", LITE0_TRUNK)
    return Part(
        state=checkpoint["average"],
        trunk=tuple(tuple(row) for row in trunk),
        fingerprint=data["fingerprint"],
        training=f"{checkpoint['step']} steps on {data['pictures']} "
        f"from {data['from_weights']}",
    )


def read_weights(model: str) -> Part:
    """Read weights by name or path."""
    weights = find_weights(model)
    return Part(
        state={name: one.float() for name, one in load_file(weights.path).items()},
        trunk=weights.header.trunk,
        fingerprint=weights.header.data_fingerprint,
        training=weights.model_id,
    )


def mean_of(parts: Sequence[Part]) -> dict[str, Tensor]:
    """Return the mean of all weights in half the bytes; scores move by < 0.002."""
    if len({part.trunk for part in parts}) != 1:
        raise SystemExit("these are weights of different networks: they have no mean")
    return {
        name: (sum(part.state[name] for part in parts) / len(parts)).half().contiguous()
        for name, tensor in parts[0].state.items()
        if tensor.dtype.is_floating_point
    }


def main() -> None:
    """Write ``<name>.safetensors`` and ``<name>.onnx`` and pin both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, action="append", default=[])
    parser.add_argument(
        "--weights",
        action="append",
        default=[],
        help="weights that are part of the mean, by name or path",
    )
    parser.add_argument("--name", default="truckmap")
    parser.add_argument("--to", type=Path, default=WEIGHTS_FOLDER)
    parser.add_argument("--view", type=int, nargs=2, default=(320, 192))
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--size-gain", type=float, default=0.0)
    parser.add_argument("--thresholds", type=json.loads, default={})
    arguments = parser.parse_args()
    parts = [*map(read_weights, arguments.weights), *map(read_run, arguments.run)]
    if not parts:
        parser.error("give --run or --weights")
    state, trunk = mean_of(parts), parts[0].trunk
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
        "data_fingerprint": parts[-1].fingerprint,
        "training": ("mean of: " if len(parts) > 1 else "")
        + "; ".join(part.training for part in parts),
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
