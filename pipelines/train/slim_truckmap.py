"""Slim `truckmap` weights down to a network that says nearly the same for less.

    python pipelines/train/slim_truckmap.py --wide truckmap-l --data ../shared/data \
        --run runs/slim --rendered /path/to/train_frames

First by least squares, then by imitation of the wide network on views of the label
sets' pictures; no label is read, and no frame of a clip of role `score`. Interrupted,
it goes on where it stopped. `export_truckmap.py` makes weights of the run.
"""

import argparse
import json
import logging
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from safetensors.torch import load_file
from train_truckmap import read_data, read_shares, weights_id

from truckcount.presence.truckmap import LITE0_TRUNK, TruckMap
from truckcount.presence.weights import find_weights
from truckcount.training.allocator import keep_freed_memory
from truckcount.training.canvas import PictureDraw
from truckcount.training.imitation import (
    ImitationOptions,
    agreement,
    compose_views,
    imitate,
)
from truckcount.training.label_set import fingerprint
from truckcount.training.pools import SHARES, count_licences
from truckcount.training.run_state import CHECKPOINT
from truckcount.training.slim import Slimming
from truckcount.training.state_file import read_state

LOGGER = logging.getLogger(__name__)
BATCH = 25
STEM, HEAD = 24, 40
INNER = (48, 64, 80, 128, 128, 240, 240, 240, 288, 288)
"""Channels inside each block after the first: about half of EfficientNet-Lite0's
operations go, most of them where a CPU spends most."""


def read_wide(path: Path, trunk: tuple[tuple[int, ...], ...]) -> TruckMap:
    """Read a wide network; what its weights gain by size is not in its maps."""
    state = {name: tensor.float() for name, tensor in load_file(path).items()}
    n_head = state["out.weight"].shape[1]
    network = TruckMap(trunk, n_head, has_refine="refine.conv.weight" in state)
    network.load_state_dict(state, strict=False)
    return network.eval()


def make_slim(stem: int, inner: list[int], head: int) -> TruckMap:
    """Make the slim network, not filled."""
    first, *others = LITE0_TRUNK
    rows: list[tuple[int, ...]] = [(stem, *first[1:4], stem)]
    rows += [(*row[:4], n) for row, n in zip(others, inner, strict=True)]
    return TruckMap(rows, head, has_refine=True)


def main() -> None:
    """Leave ``checkpoint.state`` and ``data.json`` in the run folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--wide", required=True, help="weights, by name or path")
    parser.add_argument("--data", type=Path, required=True, help="folder or pack")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--rendered", type=Path, action="append", default=[])
    parser.add_argument("--share", action="append", default=[], metavar="SET=SHARE")
    parser.add_argument("--stem", type=int, default=STEM)
    parser.add_argument("--inner", type=int, nargs=len(INNER), default=list(INNER))
    parser.add_argument("--head", type=int, default=HEAD)
    parser.add_argument("--views", type=int, default=300, help="for least squares")
    parser.add_argument("--view", type=int, nargs=2, default=(320, 192))
    parser.add_argument("--from-run", type=Path, help="go on from another run's end")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=ImitationOptions().n_steps)
    parser.add_argument("--rate", type=float, default=ImitationOptions().learning_rate)
    parser.add_argument("--batch", type=int, default=ImitationOptions().batch_size)
    parser.add_argument("--workers", type=int, default=1)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    keep_freed_memory()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    torch.manual_seed(0)
    weights = find_weights(arguments.wide)
    wide = read_wide(weights.path, weights.header.trunk)
    wide = wide.to(memory_format=torch.channels_last)
    pools = read_data(arguments.data, arguments.rendered, "all")
    shares = SHARES | read_shares(arguments.share, set(SHARES))
    draw = PictureDraw(pools, shares)
    rng = np.random.default_rng(1)
    size = (arguments.view[0], arguments.view[1])
    held_out = compose_views(rng, draw, min(arguments.views, 8 * BATCH), size)
    slim = make_slim(arguments.stem, arguments.inner, arguments.head)
    arguments.run.mkdir(parents=True, exist_ok=True)
    told = f"{weights_id(weights.path)}, slimmed and imitated"
    if arguments.from_run is not None:
        before = read_state(arguments.from_run / CHECKPOINT)
        slim.load_state_dict(before["average"])
        told += f" for {before['step']} steps, then on"
    elif not (arguments.run / CHECKPOINT).exists():
        n, n_batches = min(arguments.views, BATCH), max(arguments.views // BATCH, 1)
        views = [compose_views(rng, draw, n, size) for _ in range(n_batches)]
        Slimming(wide, slim, views).run()
        LOGGER.info("solved: %s", agreement(slim, wide, held_out))
    facts: dict[str, Any] = {
        "fingerprint": fingerprint(p for pool in pools.values() for p in pool),
        "pictures": {name: len(pool) for name, pool in pools.items()},
        "from_weights": told,
        "trunk": slim.trunk,
        "licences": count_licences(pools),
        "shares": shares,
    }
    (arguments.run / "data.json").write_text(json.dumps(facts, indent=1) + "\n")
    options = ImitationOptions(
        n_steps=arguments.steps,
        learning_rate=arguments.rate,
        batch_size=arguments.batch,
        seed=arguments.seed,
        n_workers=arguments.workers,
    )
    slim = imitate(slim, wide, draw, size, options, arguments.run)
    LOGGER.info("imitated: %s", agreement(slim, wide, held_out))


if __name__ == "__main__":
    main()
