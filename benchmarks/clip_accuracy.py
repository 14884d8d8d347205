"""Count annotated clips and keep the figures that the README shows.

    python -m benchmarks.clip_accuracy                # sample videos, real clips
    python -m benchmarks.clip_accuracy --only samples

The real clips are read where they lie and never copied; without them only the
sample videos are measured.
"""

import argparse
import json
from pathlib import Path

from benchmarks.machine import ROOT, describe
from truckcount.evaluation.clips import ClipScores
from truckcount.evaluation.count_clips import evaluate_clips
from truckcount.presence.weights import find_weights

RESULTS = ROOT / "benchmarks" / "results"
SETS: dict[str, tuple[Path, str | None]] = {
    "samples": (ROOT / "sample_videos", None),
    "real": (ROOT.parent / "shared" / "data" / "clips", "score"),
}
# data.md: YOLOv8-n with its COCO weights, 5 samples/s, on the same real clips
BASELINES = {
    "YOLOv8-n at 640": {"clip_mean_f1": 0.39, "false_in_truck_free": 10},
    "YOLOv8-n at 1280": {"clip_mean_f1": 0.61, "false_in_truck_free": 23},
}


def measure_set(name: str, model: str) -> dict[str, object] | None:
    """Measure one set of clips; None where it is not on this machine."""
    folder, role = SETS[name]
    if not (folder / "clips.csv").exists():
        return None
    scores = evaluate_clips(folder, role=role, model=model)
    return {
        **describe(),
        "model_id": find_weights(model).model_id,
        "set": name,
        **_figures(scores),
    }


def _figures(scores: ClipScores) -> dict[str, object]:
    found = scores.to_json()
    return {
        "figures": found["figures"],
        "intervals_95": found["intervals_95"],
        "clips": found["clips"],
    }


def main() -> None:
    """Measure and write ``results/clip_accuracy_<set>.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=sorted(SETS))
    parser.add_argument("--model", default="truckmap")
    arguments = parser.parse_args()
    for name in SETS if arguments.only is None else [arguments.only]:
        result = measure_set(name, arguments.model)
        if result is None:
            print(f"{name}: {SETS[name][0]} is not here: not measured")
            continue
        ending = (
            "" if arguments.model == "truckmap" else f"_{Path(arguments.model).stem}"
        )
        path = RESULTS / f"clip_accuracy_{name}{ending}.json"
        path.write_text(json.dumps(result, indent=1) + "\n")
        print(f"{name}: {json.dumps(result['figures'])}")


if __name__ == "__main__":
    main()
