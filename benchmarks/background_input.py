"""Does the network count better when it is shown what differs from the background?

    python -m benchmarks.background_input --work FOLDER --data ../shared/data \
        --rendered /path/to/train_frames

A fixed camera has a background, which detectors for any picture cannot use. Two
pupils begin as the same weights and learn the same views for as many steps; one of
them has a fourth input channel, how far each pixel differs from the background
(``truckcount/presence/background.py``). Then both count the clips as `run` does.
Interrupted, it goes on.
"""

import argparse
import json
import logging
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import torch

from benchmarks.clip_accuracy import RESULTS, SETS
from benchmarks.machine import ROOT, describe
from truckcount.evaluation.clips import ClipScores
from truckcount.evaluation.count_clips import evaluate_clips
from truckcount.presence.runtime_torch import load_truckmap
from truckcount.presence.truckmap import TruckMap, widen_input
from truckcount.presence.weights import Weights, find_weights
from truckcount.store import Store
from truckcount.training.backgrounds import add_pool_backgrounds
from truckcount.training.canvas import PictureDraw
from truckcount.training.classifier.truckmap_files import TruckMapFacts, export_truckmap
from truckcount.training.ensemble import Ensemble
from truckcount.training.heard import HeardViews, hear
from truckcount.training.imitation import ImitationOptions, imitate
from truckcount.training.pools import SHARES, read_pools
from truckcount.training.thresholds import Thresholds, read_scored

TEACHERS = ("truckmap-l", "truckmap")
ARMS = ("background", "colours")
THRESHOLDS = [
    Thresholds(on, track, 0.28)
    for on in (0.5, 0.56, 0.6, 0.64)
    for track in (0.38, 0.42, 0.45)
]


def teach_arm(arm: str, options: argparse.Namespace) -> Weights:
    """Teach one pupil; both see the same views in the same order."""
    base = find_weights(options.start)
    network: TruckMap = load_truckmap(base)
    gain, network.size_gain = network.size_gain, 0.0
    has_background = arm == "background"
    average = imitate(
        widen_input(network) if has_background else network,
        HeardViews(options.work / "heard", has_background=has_background),
        ImitationOptions(
            n_steps=options.steps, learning_rate=options.rate, label_share=0.5
        ),
        options.work / arm,
    )
    facts = TruckMapFacts(
        data_fingerprint="",
        training=f"{options.steps} steps from {base.model_id}",
        thresholds=dict(base.header.thresholds),
        thresholds_by="those of its start",
        size_gain=gain,
    )
    path = options.work / f"{arm}.safetensors"
    return export_truckmap(average.state_dict(), base, path, facts)


def count(weights: Weights, folder: Path) -> dict[str, Any]:
    """Count both sets of clips and say what comes out at each pair of thresholds."""
    found: dict[str, Any] = {}
    for name, (clips, role) in SETS.items():
        store = folder / f"store_{weights.path.stem}_{name}"
        if not store.exists():
            evaluate_clips(clips, role=role, model=str(weights.path), store=store)
        rows = read_scored(clips, role, Store.open(store))
        found[name] = [
            asdict(t) | ClipScores(clips=tuple(r.score(t) for r in rows)).figures()
            for t in THRESHOLDS
        ]
    return found


def main() -> None:
    """Write ``results/background_input.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--data", type=Path, default=ROOT.parent / "shared" / "data")
    parser.add_argument("--rendered", type=Path, action="append", default=[])
    parser.add_argument("--views", type=int, default=8000)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--rate", type=float, default=6e-4)
    parser.add_argument("--start", default="truckmap-s")
    parser.add_argument("--only", choices=ARMS, help="teach and count this pupil alone")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    options.work.mkdir(parents=True, exist_ok=True)
    facts_path = options.work / "facts.json"
    pools = read_pools(options.data, options.rendered)
    facts = {
        "start": find_weights(options.start).model_id,
        "pictures_with_background": add_pool_backgrounds(pools),
    }
    if facts_path.exists() and json.loads(facts_path.read_text()) != facts:
        raise SystemExit(f"{options.work} was begun from others: see {facts_path}")
    facts_path.write_text(json.dumps(facts))
    hear(
        options.work / "heard",
        PictureDraw(pools, SHARES),
        Ensemble([find_weights(name) for name in TEACHERS]),
        options.views,
        seed=7,
        has_background=True,
    )
    arms = {
        arm: count(teach_arm(arm, options), options.work)
        for arm in (ARMS if options.only is None else (options.only,))
    }
    result = {
        **describe(),
        **facts,
        "views": options.views,
        "steps": options.steps,
        "arms": arms,
    }
    if options.only is None:
        path = RESULTS / "background_input.json"
        path.write_text(json.dumps(result, indent=1) + "\n")
    json.dump(arms, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
