"""Slim `truckmap` weights down to a network that says nearly the same for less.

    python pipelines/train/hear_views.py ... --to runs/heard
    python pipelines/train/slim_truckmap.py --wide truckmap-l --heard runs/heard \
        --run runs/slim
    python pipelines/train/slim_truckmap.py --wide truckmap-l --heard runs/heard \
        --run runs/small --form small --labels 0.5 --rate 1e-3

First by least squares, then by imitation of what was heard of the views. Interrupted,
it goes on where it stopped. `export_truckmap.py` makes weights of the run.
"""

import argparse
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from hear_views import DATA
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
from truckcount.training.state_file import read_state

LOGGER = logging.getLogger(__name__)
BATCH, N_BATCHES = 25, 12  # views of least squares


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
) -> None:
    """Fill the slim network before any imitation."""
    if early_blocks(wide, slim)[0]:
        learn_early(slim, wide, draw_views, n_steps=n_early_steps)
    Slimming(wide, slim, [draw_views(BATCH) for _ in range(N_BATCHES)]).run()


def main() -> None:
    """Leave ``checkpoint.state`` and ``data.json`` in the run folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--wide", required=True, help="weights, by name or path")
    parser.add_argument("--heard", type=Path, required=True, help="of hear_views.py")
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--form", choices=list(FORMS), default="half")
    parser.add_argument("--from-run", type=Path, help="go on from another run's end")
    parser.add_argument("--early-steps", type=int, default=1800)
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
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    keep_freed_memory()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    heard = HeardViews(arguments.heard)
    rng = np.random.default_rng(1)

    def draw_views(n: int) -> Tensor:
        return heard.draw(rng, n).views

    weights = find_weights(arguments.wide)
    wide = read_network(weights).to(memory_format=torch.channels_last)
    wide.requires_grad_(requires_grad=False)
    form = FORMS[arguments.form]
    slim = TruckMap(form.trunk, form.n_head, has_refine=True)
    arguments.run.mkdir(parents=True, exist_ok=True)
    facts = json.loads((arguments.heard / DATA).read_text())
    told = f"{weights_id(weights.path)}, slimmed and taught by {facts['teachers']}"
    if arguments.from_run is not None:
        before = read_state(arguments.from_run / CHECKPOINT)
        slim.load_state_dict(before["average"])
        told += f" for {before['step']} steps, then on"
    elif not (arguments.run / CHECKPOINT).exists():
        solve(wide, slim, draw_views, arguments.early_steps)
        LOGGER.info("solved: %s", agreement(slim, wide, draw_views(4 * BATCH)))
    facts |= {"from_weights": told, "trunk": slim.trunk, "heard": len(heard)}
    (arguments.run / "data.json").write_text(json.dumps(facts, indent=1) + "\n")
    options = ImitationOptions(
        n_steps=arguments.steps,
        learning_rate=arguments.rate,
        batch_size=arguments.batch,
        label_share=arguments.labels,
        seed=arguments.seed,
    )
    slim = imitate(slim, heard, options, arguments.run)
    LOGGER.info("imitated: %s", agreement(slim, wide, draw_views(4 * BATCH)))


if __name__ == "__main__":
    main()
