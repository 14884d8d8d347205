"""Slim `truckmap` weights down to a network that says nearly the same for less.

    python pipelines/train/hear_views.py ... --to runs/heard
    python pipelines/train/slim_truckmap.py --wide truckmap-l --heard runs/heard \
        --run runs/slim
    python pipelines/train/slim_truckmap.py --wide truckmap-l --heard runs/heard \
        --run runs/small --form small --labels 0.5 --rate 1e-3
    python pipelines/train/slim_truckmap.py --wide truckmap-l --heard runs/heard \
        --run runs/on --start truckmap --labels 0.5 --rate 4e-4

First by least squares, then by imitation of what was heard of the views. Interrupted,
it goes on where it stopped. `export_truckmap.py` makes weights of the run, from which
another may start.
"""

import argparse
import json
import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hear_views import DATA, keep_facts
from torch import Tensor
from train_truckmap import read_network, weights_id

from truckcount.presence.truckmap import (
    HEAD_CHANNELS,
    LITE0_TRUNK,
    TRUNK,
    Row,
    TruckMap,
)
from truckcount.presence.weights import find_weights
from truckcount.training.allocator import keep_freed_memory
from truckcount.training.early import learn_early
from truckcount.training.heard import HeardViews
from truckcount.training.imitation import ImitationOptions, agreement, imitate
from truckcount.training.run_state import CHECKPOINT
from truckcount.training.slim import Slimming, early_blocks

LOGGER = logging.getLogger(__name__)
BATCH = 25  # views of least squares at a time


@dataclass(frozen=True, slots=True)
class Form:
    """What is left of the wide network."""

    trunk: tuple[Row, ...]
    n_head: int


def _half(row: Row, n_mid: int) -> Row:
    return (*row[:4], n_mid)


HALF_INNER = (48, 64, 80, 128, 128, 240, 240, 240, 288, 288)
"""About half of EfficientNet-Lite0's operations go, most of them where a CPU spends
most."""
FORMS = {
    "half": Form(
        (
            (24, *LITE0_TRUNK[0][1:4], 24),
            *map(_half, LITE0_TRUNK[1:], HALF_INNER),
        ),
        40,
    ),
    "small": Form(TRUNK, HEAD_CHANNELS),
}


def solve(
    wide: TruckMap,
    slim: TruckMap,
    draw_views: Callable[[int], Tensor],
    n_early_steps: int,
    n_views: int,
) -> None:
    """Fill the slim network before any imitation."""
    if early_blocks(wide, slim)[0]:
        learn_early(slim, wide, draw_views, n_steps=n_early_steps)
    views = [draw_views(BATCH) for _ in range(math.ceil(n_views / BATCH))]
    Slimming(wide, slim, views).run()


def read_facts(folders: Sequence[Path]) -> dict[str, Any]:
    """Read what was heard of what; of several folders it must be the same."""
    told = [json.loads((folder / DATA).read_text()) for folder in folders]
    for folder, facts in zip(folders, told, strict=True):
        if facts != told[0]:
            raise SystemExit(
                f"{folder} and {folders[0]} were heard of other teachers or pictures "
                f"(see {DATA}): hear them anew"
            )
    return told[0]  # type: ignore[no-any-return]


def main() -> None:
    """Leave ``checkpoint.state`` and ``data.json`` in the run folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--wide", required=True, help="weights, by name or path")
    parser.add_argument(
        "--heard",
        type=Path,
        action="append",
        required=True,
        help="folder of hear_views.py; may be given again",
    )
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--form", choices=list(FORMS), default="half")
    parser.add_argument(
        "--start", help="go on from slim weights, by name or path, whatever --form"
    )
    parser.add_argument("--early-steps", type=int, default=1800)
    parser.add_argument(
        "--views", type=int, default=300, help="of least squares, before any step"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=ImitationOptions().n_steps)
    parser.add_argument("--rate", type=float, default=ImitationOptions().learning_rate)
    parser.add_argument("--batch", type=int, default=ImitationOptions().batch_size)
    parser.add_argument(
        "--labels",
        type=float,
        default=0.0,
        metavar="SHARE",
        help="how far labels are believed where the teacher says otherwise",
    )
    parser.add_argument(
        "--others",
        type=float,
        metavar="SHARE",
        help="the same of labels of other vehicles (default: as --labels)",
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    keep_freed_memory()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    heard = HeardViews(*arguments.heard)
    rng = np.random.default_rng(1)

    def draw_views(n: int) -> Tensor:
        return heard.draw(rng, n).views

    weights = find_weights(arguments.wide)
    wide = read_network(weights).to(memory_format=torch.channels_last)
    wide.requires_grad_(requires_grad=False)
    facts = read_facts(arguments.heard)
    if arguments.start is not None:
        start = find_weights(arguments.start)
        slim = read_network(start)
        told = f"{weights_id(start.path)}, taught on by {facts['teachers']}"
    else:
        form = FORMS[arguments.form]
        slim = TruckMap(form.trunk, form.n_head, has_refine=True)
        wide_id = weights_id(weights.path)
        told = f"{wide_id}, slimmed and taught by {facts['teachers']}"
    facts |= {"from_weights": told, "trunk": slim.trunk, "heard": len(heard)}
    keep_facts(arguments.run, facts)
    if arguments.start is None and not (arguments.run / CHECKPOINT).exists():
        solve(wide, slim, draw_views, arguments.early_steps, arguments.views)
        LOGGER.info("solved: %s", agreement(slim, wide, draw_views(4 * BATCH)))
    options = ImitationOptions(
        n_steps=arguments.steps,
        learning_rate=arguments.rate,
        batch_size=arguments.batch,
        label_share=arguments.labels,
        other_share=arguments.others,
        seed=arguments.seed,
    )
    slim = imitate(slim, heard, options, arguments.run)
    LOGGER.info("imitated: %s", agreement(slim, wide, draw_views(4 * BATCH)))


if __name__ == "__main__":
    main()
