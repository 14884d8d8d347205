"""Train the shipped `truckmap` weights from the shared label sets.

    pip install -e '.[train]'
    python pipelines/train/train_truckmap.py --data ../shared/data --run runs/first
    python pipelines/train/train_truckmap.py --data ../shared/data --run runs/first \
        --rendered /path/to/train_frames        # rendered frames, too
    python pipelines/train/train_truckmap.py --data train-data.zip --run runs/first
    python pipelines/train/train_truckmap.py --data ../shared/data --run runs/open \
        --licences open                         # openly licensed sets alone

`--data` is the shared folder, or a pack of it (`pack_data.py`).

Interrupted, it goes on where it stopped. Frames of clips of role `score` are
never read.
"""

import argparse
import json
import logging
from pathlib import Path

import cv2
import numpy as np
import torch

from truckcount.labelling.label_set import LabelSet
from truckcount.presence.imagenet import load_imagenet_trunk, read_lite0
from truckcount.presence.runtime_torch import load_truckmap
from truckcount.presence.truckmap import LITE0_TRUNK, TruckMap
from truckcount.presence.weights import Weights, find_weights, read_header, sha256_of
from truckcount.training.allocator import keep_freed_memory
from truckcount.training.canvas import Draw, PictureDraw
from truckcount.training.cut_outs import cut_trucks
from truckcount.training.label_set import fingerprint, read_rendered
from truckcount.training.labelled_frames import read_frames
from truckcount.training.loop import TrainingOptions, train
from truckcount.training.pack import read_pack
from truckcount.training.paste import PastingDraw, places_of
from truckcount.training.pools import (
    ADDED_SHARE,
    SHARES,
    Pools,
    count_licences,
    keep_open,
    read_pools,
)

LOGGER = logging.getLogger(__name__)


def read_data(data: Path, rendered: list[Path], licences: str) -> Pools:
    """Read the shared folder, or a pack of it, and rendered frames beside it."""
    if data.is_file():
        pools = read_pack(data)
        extra = [p for folder in rendered for p in read_rendered(folder)]
        pools["rendered"] = pools.get("rendered", []) + extra
    else:
        pools = read_pools(data, rendered)
    return keep_open(pools) if licences == "open" else pools


def weights_id(path: Path) -> str:
    """Name a weights file by what it is, not by where it lies."""
    header, _ = read_header(path)
    return f"{header.name}@sha256:{sha256_of(path)[:12]}"


def read_label_sets(folders: list[Path]) -> Pools:
    """Read label sets under their folders' names; a model's unsure boxes mask."""
    pools = {
        folder.name: list(read_frames(LabelSet.open(folder), None, min_score=0.0))
        for folder in folders
    }
    if len(pools) < len(folders) or set(pools) & set(SHARES):
        raise SystemExit("--label-set folders need names of their own")
    return pools


def read_shares(texts: list[str], known: set[str]) -> dict[str, float]:
    """Read ``--share SET=SHARE`` options."""
    pairs = [text.partition("=") for text in texts]
    unknown = {name for name, _, _ in pairs} - known
    if unknown:
        raise SystemExit(f"--share knows {sorted(known)}, not {sorted(unknown)}")
    return {name: float(share) for name, _, share in pairs}


def begun_from(from_weights: Path | None) -> str:
    """Say what the first weights were."""
    if from_weights is not None:
        return weights_id(from_weights)
    return "the ImageNet trunk"


def read_network(weights: Weights) -> TruckMap:
    """Read a network; what its weights gain by size is no part of what it learned."""
    network = load_truckmap(weights)
    network.size_gain = 0.0
    return network


def make_network(from_weights: Path | None) -> TruckMap:
    """Make the network to train, with its first weights."""
    torch.manual_seed(0)
    if from_weights is not None:
        return read_network(find_weights(str(from_weights))).train()
    network = TruckMap(LITE0_TRUNK, 64, has_refine=True)
    load_imagenet_trunk(network, read_lite0())
    return network


def pasting(draw: Draw, pools: Pools, share: float) -> tuple[PastingDraw, int]:
    """Draw with trucks cut out of the pools' own boxes, and say how many there are."""
    cut_outs = cut_trucks(pools, np.random.default_rng(0))
    LOGGER.info("%d trucks cut out", len(cut_outs))
    places = places_of(p for pool in pools.values() for p in pool)
    return PastingDraw(draw, cut_outs, places, share), len(cut_outs)


def main() -> None:
    """Train and leave ``checkpoint.state`` in the run folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True, help="folder or pack")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--rendered", type=Path, action="append", default=[])
    parser.add_argument(
        "--licences",
        choices=["all", "open"],
        default="all",
        help="open: CC BY and such",
    )
    parser.add_argument(
        "--label-set",
        type=Path,
        action="append",
        default=[],
        help="a label set with boxes beside the data, as self_label.py writes one",
    )
    parser.add_argument("--from-weights", type=Path, help="start from a .safetensors")
    parser.add_argument("--frozen-blocks", type=int, default=3)
    parser.add_argument("--trunk-factor", type=float, default=0.3)
    parser.add_argument("--learn-norms", action="store_true")
    parser.add_argument("--reuse", type=int, default=1)
    parser.add_argument("--steps", type=int, default=TrainingOptions().n_steps)
    parser.add_argument("--rate", type=float, default=TrainingOptions().learning_rate)
    parser.add_argument("--batch", type=int, default=TrainingOptions().batch_size)
    parser.add_argument("--view", type=int, nargs=2, default=(320, 192))
    parser.add_argument("--workers", type=int, default=TrainingOptions().n_workers)
    parser.add_argument(
        "--share",
        action="append",
        default=[],
        metavar="SET=SHARE",
        help="draw a set more or less often than SHARES says",
    )
    parser.add_argument(
        "--paste",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="of truck-free pictures that get a cut-out truck (0: none)",
    )
    parser.add_argument(
        "--threads", type=int, help="1 where others use the machine, too"
    )
    parser.add_argument("--bf16", action="store_true", help="for CPUs that have it")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    keep_freed_memory()
    if arguments.threads is not None:
        torch.set_num_threads(arguments.threads)
        cv2.setNumThreads(arguments.threads)
    added = read_label_sets(arguments.label_set)
    pools = read_data(arguments.data, arguments.rendered, arguments.licences) | added
    for name, pool in pools.items():
        LOGGER.info("%s: %d pictures", name, len(pool))
    network = make_network(arguments.from_weights)
    options = TrainingOptions(
        n_steps=arguments.steps,
        learning_rate=arguments.rate,
        batch_size=arguments.batch,
        seed=arguments.seed,
        view_size=(arguments.view[0], arguments.view[1]),
        n_workers=arguments.workers,
        is_bf16=arguments.bf16,
        n_frozen_blocks=arguments.frozen_blocks,
        trunk_factor=arguments.trunk_factor,
        is_trunk_norm_frozen=not arguments.learn_norms,
        reuse=arguments.reuse,
    )
    shares = SHARES | dict.fromkeys(added, ADDED_SHARE)
    shares |= read_shares(arguments.share, set(shares))
    arguments.run.mkdir(parents=True, exist_ok=True)
    facts = {
        "fingerprint": fingerprint(p for pool in pools.values() for p in pool),
        "pictures": {name: len(pool) for name, pool in pools.items()},
        "from_weights": begun_from(arguments.from_weights),
        "trunk": network.trunk,
        "licences": count_licences(pools),
        "shares": shares,
    }
    draw: Draw = PictureDraw(pools, shares)
    if arguments.paste > 0:
        draw, facts["cut_outs"] = pasting(draw, pools, arguments.paste)
        facts["paste_share"] = arguments.paste
    (arguments.run / "data.json").write_text(json.dumps(facts, indent=1) + "\n")
    train(network, draw, options, arguments.run)


if __name__ == "__main__":
    main()
