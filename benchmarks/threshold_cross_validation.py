"""What the real clips score when thresholds are chosen on other cameras.

    python -m benchmarks.threshold_cross_validation

For each group of clips, `on_score` and `track_score` are chosen on all other groups
(most clip-mean F1 less false passages per truck-free clip), then that group is
counted with them. The scores are taken once; only counting is repeated.
"""

import json
import tempfile
from pathlib import Path

from benchmarks.clip_accuracy import RESULTS, SETS
from benchmarks.machine import describe
from truckcount.evaluation.count_clips import evaluate_clips
from truckcount.presence.weights import find_weights
from truckcount.store import Store
from truckcount.training.thresholds import (
    cross_validate,
    f1_less_false,
    grid,
    read_scored,
)

ON_SCORES = (0.45, 0.5, 0.53, 0.55, 0.6)
TRACK_SCORES = (0.35, 0.38, 0.4, 0.42, 0.45)


def main() -> None:
    """Measure and write ``results/threshold_cross_validation.json``."""
    folder, role = SETS["real"]
    with tempfile.TemporaryDirectory() as place:
        evaluate_clips(folder, role=role, store=Path(place))
        scored = read_scored(folder, role, Store.open(place))
    found = cross_validate(scored, grid(ON_SCORES, TRACK_SCORES), f1_less_false)
    result = {
        **describe(),
        "model_id": find_weights("truckmap").model_id,
        "figures": found.scores.figures(),
        "chosen": {
            group: [t.on_score, t.track_score] for group, t in found.chosen.items()
        },
    }
    path = RESULTS / "threshold_cross_validation.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["figures"]), sorted(set(found.chosen.values())))


if __name__ == "__main__":
    main()
