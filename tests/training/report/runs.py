"""A run folder as `truckcount train` leaves it, small enough to be read in a second."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

from tests.evaluation.label_folder import write_label_set


def write_run(
    folder: Path, n: int = 12, *, wrong: int = 2, curves: bool = True
) -> Path:
    """Write predictions on a drawn label set; the first ``wrong`` test frames are
    told wrongly."""
    labels = write_label_set(folder / "set", n)
    run = folder / "run"
    run.mkdir()
    splits = pd.read_parquet(labels / "splits.parquet")
    frames = pd.read_parquet(labels / "frames.parquet")
    truth = pd.read_parquet(labels / "labels.parquet")["label"] == "truck"
    rng = np.random.default_rng(0)
    p = np.where(truth, 0.8, 0.2) + rng.uniform(-0.15, 0.15, n)
    test = np.flatnonzero(splits["split"] == "test")[:wrong]
    p[test] = 1 - p[test]
    pd.DataFrame(
        {
            "image": [str((labels / image).resolve()) for image in frames["image"]],
            "split": splits["split"],
            "camera": frames["camera"],
            "light": frames["light"],
            "label": truth.astype(np.float32),
            "p": p.astype(np.float32),
        }
    ).to_parquet(run / "predictions.parquet")
    facts = {"set": str(labels), "options": {"network": "seed", "note": "a<b"}}
    (run / "config.json").write_text(json.dumps(facts))
    (run / "metrics.json").write_text(
        json.dumps({"network": "seed", "temperature": 2.0})
    )
    if curves:
        rows = ["epoch,train_loss,val_loss,val_balanced_accuracy"]
        rows += [f"{e},{0.7 * 0.8**e},{0.7 * 0.9**e},{1 - 0.5**e}" for e in range(4)]
        (run / "curves.csv").write_text("\n".join(rows) + "\n")
    return run
