"""A run folder to what its report tells: predictions, curves, weights, facts."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from truckcount.counting import CountingOptions
from truckcount.errors import LabelError
from truckcount.evaluation.frames import FrameScores, score_predictions
from truckcount.presence.weights import Weights, find_weights

if TYPE_CHECKING:
    import pandas as pd

REPORTED_SPLITS = ("test", "val", "train")  # the first that has frames
P_STEP = 1e-4  # of p where it has so many values that ranking them costs seconds
JOINED = ("group", "day")  # columns of the label set that predictions may lack


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFiles:
    """What a run folder holds."""

    folder: Path
    config: dict[str, Any]
    metrics: dict[str, Any]
    curves: list[dict[str, float]]
    """One row an epoch; empty where the run kept none."""
    predictions: "pd.DataFrame"
    """Of the reported split: image, camera, light, label, p."""
    split: str
    weights: Weights | None

    @property
    def name(self) -> str:
        """What the page is titled by."""
        network = self.metrics.get("network") or self.config.get("network")
        return str(network or self.folder.name)

    @property
    def threshold(self) -> float:
        """Probability from which on a frame is said to show a truck."""
        if self.weights is None:
            return 0.5
        thresholds = self.weights.header.thresholds
        return CountingOptions().with_overrides(thresholds).on_score

    @property
    def temperature(self) -> float | None:
        """What logits were divided by before they became the predictions' p.

        None for a truck map: its scores are placed by its thresholds instead.
        """
        found = self.metrics.get("temperature")
        return None if found is None else float(found)

    def scores(self) -> FrameScores:
        """Return the scores of the reported split."""
        table, on = self.predictions.copy(), self.threshold
        p = table["p"].astype(float)
        if p.nunique() * P_STEP > 1:
            rounded = (p / P_STEP).round() * P_STEP
            # a score just below the threshold stays below it
            table["p"] = rounded.where((rounded >= on) == (p >= on), p)
        return score_predictions(table, on)


def read_run(folder: Path) -> RunFiles:
    """Read a run folder.

    Raises
    ------
    LabelError
        When it has no predictions, or they lack a column.
    """
    import pandas as pd

    path = folder / "predictions.parquet"
    if not path.is_file():
        msg = f"{folder} has no predictions.parquet; give the folder of a finished run"
        raise LabelError(msg)
    table = pd.read_parquet(path)
    missing = sorted({"image", "label", "p"} - set(table.columns))
    if missing or table.empty:
        msg = f"{path} is empty or lacks the columns {missing}"
        raise LabelError(msg)
    config = _read_json(folder / "config.json")
    split = "all"
    if "split" in table.columns:
        there = set(table["split"].dropna())
        split = next((s for s in REPORTED_SPLITS if s in there), str(min(there)))
        table = table[table["split"] == split]
    set_folder = Path(str(config.get("set", folder)))
    return RunFiles(
        folder=folder,
        config=config,
        metrics=_read_json(folder / "metrics.json"),
        curves=_read_curves(folder / "curves.csv"),
        predictions=_with_paths(_join(table, set_folder), folder, set_folder),
        split=split,
        weights=_find(folder),
    )


def _join(table: "pd.DataFrame", set_folder: Path) -> "pd.DataFrame":
    """Add what frames are drawn by from the label set, where it is still there."""
    import pandas as pd

    path = set_folder / "frames.parquet"
    table = table.reset_index(drop=True)
    if not path.is_file():
        return table
    frames = pd.read_parquet(path)
    wanted = [c for c in JOINED if c in frames.columns and c not in table.columns]
    root = set_folder.resolve()
    keys = frames["image"].map(lambda image: str(root / image))
    known = frames.set_index(keys)[wanted]
    known = known[~known.index.duplicated()]
    images = table["image"].map(lambda image: str(root / image))
    for column in wanted:
        table[column] = images.map(known[column])
    return table


def _with_paths(table: "pd.DataFrame", *roots: Path) -> "pd.DataFrame":
    """Add where each picture lies; an empty path where it is gone."""

    def find(image: str) -> str:
        places = [Path(image), *(root / image for root in roots)]
        return next((str(place) for place in places if place.is_file()), "")

    return table.assign(path=[find(str(image)) for image in table["image"]])


def _find(folder: Path) -> Weights | None:
    found = sorted(folder.glob("*.safetensors"))
    return find_weights(str(found[0])) if found else None


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    value: dict[str, Any] = json.loads(path.read_text())
    return value


def _read_curves(path: Path) -> list[dict[str, float]]:
    if not path.is_file():
        return []
    with path.open(newline="") as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]
