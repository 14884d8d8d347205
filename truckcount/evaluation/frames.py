"""Predictions on frames to the figures they are judged by, whole and in slices."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from truckcount.errors import LabelError
from truckcount.evaluation.frame_metrics import (
    FrameOutcomes,
    Interval,
    frame_intervals,
    measure_frames,
)

if TYPE_CHECKING:
    import pandas as pd

SLICES = ("camera", "light")
NEEDED = ("image", "label", "p")
# what a frame is drawn with, the first that a table has; else every frame alone
UNIT_COLUMNS = ("unit", "group", "day", "camera")


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameScores:
    """How a set of frames was told apart."""

    outcomes: FrameOutcomes
    threshold: float
    keys: dict[str, npt.NDArray[np.str_]]
    """Shape (N,) each: the slice every frame is of, as its camera or light."""
    unit_column: str
    """Column whose values were drawn as units."""

    def figures(self) -> dict[str, float | None]:
        """Return every figure over all frames."""
        return measure_frames(self.outcomes, self.threshold)

    def intervals(self, seed: int = 0) -> dict[str, Interval | None]:
        """Bootstrap 95 % intervals over units."""
        return frame_intervals(self.outcomes, self.threshold, seed=seed)

    def slices(self, key: str) -> dict[str, "FrameScores"]:
        """Return the scores of each value of a key, as ``camera`` or ``light``."""
        values = self.keys[key]
        return {str(v): self._take(values == v) for v in np.unique(values)}

    def to_json(self, seed: int = 0) -> dict[str, Any]:
        """Return everything as plain values."""
        return self._plain(seed) | {
            "threshold": self.threshold,
            "drawn_by": self.unit_column,
            **{
                f"by_{key}": {v: s._plain(seed) for v, s in self.slices(key).items()}
                for key in self.keys
            },
        }

    def _take(self, chosen: npt.NDArray[np.bool_]) -> "FrameScores":
        return FrameScores(
            outcomes=self.outcomes.take(chosen),
            threshold=self.threshold,
            keys={key: values[chosen] for key, values in self.keys.items()},
            unit_column=self.unit_column,
        )

    def _plain(self, seed: int) -> dict[str, Any]:
        return {
            "n_frames": len(self.outcomes.p),
            "n_truck": round(float(self.outcomes.label.sum()), 3),
            "n_units": self.outcomes.n_units,
            "figures": self.figures(),
            "intervals_95": self.intervals(seed),
        }


def score_predictions(
    table: "pd.DataFrame", threshold: float = 0.5, unit_column: str | None = None
) -> FrameScores:
    """Score a table of predictions.

    Parameters
    ----------
    table : DataFrame
        Columns image, label (0, 1 or between) and p; weight, camera, light and one
        of ``UNIT_COLUMNS`` where they are known. One row a frame.
    unit_column : str, optional
        Column to draw by; by default the first of ``UNIT_COLUMNS`` there is, days
        of one camera apart from those of another.

    Raises
    ------
    LabelError
        When a column is missing, a frame stands twice or a value is no probability.
    """
    if not 0 <= threshold <= 1:
        msg = f"--threshold {threshold:g} is no probability; give one of 0 to 1"
        raise LabelError(msg)
    missing = [c for c in (*NEEDED, unit_column) if c and c not in table.columns]
    if missing:
        msg = f"predictions lack the columns {missing}; they have {list(table.columns)}"
        raise LabelError(msg)
    if table.empty:
        msg = "there are no predictions to score; check the split's name"
        raise LabelError(msg)
    if table["image"].duplicated().any():
        image = table["image"][table["image"].duplicated()].iloc[0]
        msg = f"predictions hold image {image!r} twice; want one row a frame"
        raise LabelError(msg)
    column, unit = _units(table, unit_column)
    weight = table["weight"] if "weight" in table.columns else None
    return FrameScores(
        outcomes=FrameOutcomes(
            p=_numbers(table["p"]),
            label=_numbers(table["label"]),
            weight=np.ones(len(table)) if weight is None else _numbers(weight),
            unit=unit,
        ),
        threshold=threshold,
        keys={
            key: table[key].fillna("unknown").astype(str).to_numpy(str)
            for key in SLICES
            if key in table.columns
        },
        unit_column=column,
    )


def read_predictions(path: Path, split: str | None = None) -> "pd.DataFrame":
    """Read ``predictions.parquet`` of a run, or one split of it.

    Raises
    ------
    LabelError
        When there is no such table or it has no such split.
    """
    import pandas as pd

    if not path.is_file():
        msg = f"{path} does not exist; give the predictions.parquet of a run folder"
        raise LabelError(msg)
    try:
        table = pd.read_parquet(path)
    except (ValueError, OSError) as error:
        msg = f"{path} is no parquet table ({error}); give that of a run folder"
        raise LabelError(msg) from error
    if split is None or "split" not in table.columns:
        return table
    chosen = table[table["split"] == split]
    if chosen.empty:
        known = sorted(table["split"].dropna().unique())
        msg = f"{path} has no row of split {split!r}; it has {known}"
        raise LabelError(msg)
    return chosen


def _numbers(column: "pd.Series[Any]") -> npt.NDArray[np.float64]:
    try:
        return np.asarray(column.to_numpy(float), np.float64)
    except (TypeError, ValueError) as error:
        msg = (
            f"column {column.name} must hold numbers of 0 to 1, got "
            f"{column.iloc[0]!r} ({error}); a label is 1 with a truck, 0 without"
        )
        raise LabelError(msg) from error


def _units(
    table: "pd.DataFrame", wanted: str | None
) -> tuple[str, npt.NDArray[np.int64]]:
    candidates: Sequence[str] = UNIT_COLUMNS if wanted is None else (wanted,)
    for column in candidates:
        if column not in table.columns or table[column].isna().any():
            continue
        names = table[column].astype(str)
        if column == "day" and "camera" in table.columns:
            names = table["camera"].astype(str) + "/" + names
        _, unit = np.unique(names.to_numpy(str), return_inverse=True)
        return column, unit.astype(np.int64)
    return "image", np.arange(len(table), dtype=np.int64)
