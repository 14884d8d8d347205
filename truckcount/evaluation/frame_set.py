"""A label set on disk to one table of frames with their labels.

The one place that knows how a label set is laid out: a folder with
``frames.parquet`` (image, camera, group, day, light), ``labels.parquet`` (image,
label, p_truck, source, labeller, weight) and ``splits.parquet`` (image, split).
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from truckcount.errors import LabelError
from truckcount.labelling.merge import trust_labels
from truckcount.labelling.schema import P_TRUCK

if TYPE_CHECKING:
    import pandas as pd

FRAME_COLUMNS = ("image",)
LABEL_COLUMNS = ("image", "label")


def read_labelled_frames(folder: Path, split: str | None = None) -> "pd.DataFrame":
    """Read the labelled frames of a set, or of one split of it.

    Returns
    -------
    DataFrame
        Columns of ``frames.parquet``, then path, label (0, 1 or between), weight
        and split. Frames that are skipped or unlabelled are left out.

    Raises
    ------
    LabelError
        When a table or a column is missing, or the split is empty.
    """
    frames = _read(folder / "frames.parquet", FRAME_COLUMNS)
    merged = _merge(_read(folder / "labels.parquet", LABEL_COLUMNS))
    table = frames.merge(merged, on="image", how="inner", validate="one_to_one")
    table["path"] = [str(folder / image) for image in table["image"]]
    if (folder / "splits.parquet").is_file():
        splits = _read(folder / "splits.parquet", ("image", "split"))
        table = table.drop(columns="split", errors="ignore").merge(
            splits[["image", "split"]], on="image", how="left", validate="one_to_one"
        )
    elif split is not None:
        msg = f"{folder} has no splits.parquet; split it with `truckcount label split`"
        raise LabelError(msg)
    if split is not None:
        known = sorted(table["split"].dropna().unique())
        table = table[table["split"] == split]
        if table.empty:
            msg = f"{folder} has no labelled frame of split {split!r}; it has {known}"
            raise LabelError(msg)
    if table.empty:
        msg = f"{folder} has no labelled frame; label some with `truckcount label`"
        raise LabelError(msg)
    return table.reset_index(drop=True)


def holds_views(folder: Path) -> bool:
    """Tell whether a set's frames, or some, are views of gates, not whole pictures."""
    path = folder / "label_set.json"
    if not path.is_file():
        return False
    made = json.loads(path.read_text()).get("provenance", [])
    return any(entry["n"] and entry["args"].get("views") for entry in made)


def _merge(labels: "pd.DataFrame") -> "pd.DataFrame":
    """Merge each image's most trusted labels to one soft label, by their weights."""
    import pandas as pd

    # a person's skip leaves a picture out, whatever a model says of it
    labels = trust_labels(labels)
    used = labels[labels["label"].isin(P_TRUCK)].copy()
    truth = used["label"].map(P_TRUCK)
    if "p_truck" in used.columns:
        truth = used["p_truck"].fillna(truth)
    weight = used["weight"].fillna(1.0) if "weight" in used.columns else 1.0
    used["_weight"] = np.asarray(weight, float)
    used["_truck"] = truth.astype(float) * used["_weight"]
    used = used[used["_weight"] > 0]
    images = used.groupby("image", sort=True)
    sums = images[["_weight", "_truck"]].sum()
    return pd.DataFrame(
        {
            "image": sums.index,
            "label": (sums["_truck"] / sums["_weight"]).to_numpy(),
            # several labels make one frame surer, not several frames
            "weight": images["_weight"].mean().to_numpy(),
        }
    )


def _read(path: Path, columns: tuple[str, ...]) -> "pd.DataFrame":
    import pandas as pd

    if not path.is_file():
        msg = f"{path} does not exist; a label set holds frames.parquet, labels.parquet"
        raise LabelError(msg)
    table = pd.read_parquet(path)
    missing = sorted(set(columns) - set(table.columns))
    if missing:
        msg = f"{path}: columns {missing} are missing; it has {list(table.columns)}"
        raise LabelError(msg)
    return table
