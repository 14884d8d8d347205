"""Write down what weights say of disturbed views of the label sets, to learn from.

    python pipelines/train/hear_views.py --teacher truckmap-l --teacher truckmap-m \
        --data ../shared/data --rendered /path/to/train_frames \
        --to runs/heard --views 20000

The first teacher's levels are kept, the truck maps are the mean of all of them. Frames
of clips of role `score` are never read. Interrupted, it goes on where it stopped; a
view takes 0.33 MB and 0.05 seconds of one core.
"""

import argparse
import json
import logging
from pathlib import Path
from typing import Any

import cv2
from train_truckmap import read_data, read_shares, weights_id

from truckcount.presence.weights import find_weights
from truckcount.training.canvas import PictureDraw
from truckcount.training.ensemble import Ensemble
from truckcount.training.heard import hear
from truckcount.training.label_set import fingerprint
from truckcount.training.pools import SHARES, count_licences

DATA = "data.json"


def keep_facts(folder: Path, facts: dict[str, Any]) -> None:
    """Write what a folder is made of; refuse one that is of something else."""
    folder.mkdir(parents=True, exist_ok=True)
    told = json.dumps(facts, indent=1) + "\n"
    path = folder / DATA
    if path.exists() and path.read_text() != told:
        raise SystemExit(
            f"{folder} was begun with other weights or pictures (see {DATA}): "
            "give another folder"
        )
    path.write_text(told)


def main() -> None:
    """Fill the folder and say in ``data.json`` what was heard of what."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--teacher", action="append", required=True)
    parser.add_argument("--data", type=Path, required=True, help="folder or pack")
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--rendered", type=Path, action="append", default=[])
    parser.add_argument("--share", action="append", default=[], metavar="SET=SHARE")
    parser.add_argument("--views", type=int, default=20_000)
    parser.add_argument("--view", type=int, nargs=2, default=(320, 192))
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    cv2.setNumThreads(1)
    weights = [find_weights(name) for name in arguments.teacher]
    pools = read_data(arguments.data, arguments.rendered, "all")
    shares = SHARES | read_shares(arguments.share, set(SHARES))
    facts = {
        "fingerprint": fingerprint(p for pool in pools.values() for p in pool),
        "pictures": {name: len(pool) for name, pool in pools.items()},
        "teachers": [weights_id(one.path) for one in weights],
        "licences": count_licences(pools),
        "shares": shares,
    }
    keep_facts(arguments.to, facts)
    hear(
        arguments.to,
        PictureDraw(pools, shares),
        Ensemble(weights),
        arguments.views,
        size=(arguments.view[0], arguments.view[1]),
        seed=arguments.seed,
    )


if __name__ == "__main__":
    main()
