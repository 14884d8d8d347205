"""Truck probabilities and labels of frames to figures with bootstrap intervals.

A soft label q counts as a truck of weight q and as none of weight 1 - q, so every
figure is the usual weighted one on frames written out twice. Frames of one unit (a
camera, a day, an event) are near-copies of one another: whole units are drawn.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from truckcount.errors import LabelError

N_BOOTSTRAP = 1000
INTERVAL = (2.5, 97.5)  # percent
N_BINS = 15  # of the calibration error, as in Guo et al. (arXiv:1706.04599)
MAX_CELLS = 1_000_000  # of a block of thresholds x replicates: 8 MB an array
NAMES = (
    "accuracy",
    "balanced_accuracy",
    "precision",
    "recall",
    "specificity",
    "f1",
    "roc_auc",
    "average_precision",
    "ece",
    "brier",
)

FloatArray = npt.NDArray[np.float64]
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameOutcomes:
    """What was said of frames and what is true of them."""

    p: FloatArray
    """Shape (N,), truck probability in [0, 1]."""
    label: FloatArray
    """Shape (N,), 1 truck, 0 none, or a soft label between."""
    weight: FloatArray
    """Shape (N,), 0 or more."""
    unit: npt.NDArray[np.int64]
    """Shape (N,), number of the unit that a frame is drawn with."""

    def __post_init__(self) -> None:
        shapes = {a.shape for a in (self.p, self.label, self.weight, self.unit)}
        if len(shapes) != 1 or self.p.ndim != 1:
            msg = f"want four arrays of one shape (N,), got shapes {sorted(shapes)}"
            raise LabelError(msg)
        for name, values in (("p", self.p), ("label", self.label)):
            if values.size and not (values.min() >= 0 and values.max() <= 1):
                msg = (
                    f"{name} must lie in [0, 1] without gaps, got "
                    f"{values.min()} to {values.max()}"
                )
                raise LabelError(msg)
        if self.weight.size and not (
            self.weight.min() >= 0 and np.isfinite(self.weight.max())
        ):
            msg = (
                f"weight must be 0 or more without gaps, got {self.weight.min()} to "
                f"{self.weight.max()}"
            )
            raise LabelError(msg)

    def __repr__(self) -> str:
        return f"FrameOutcomes(n={len(self.p)}, units={self.n_units})"

    @property
    def n_units(self) -> int:
        """Number of units among these frames."""
        return len(np.unique(self.unit))

    def take(self, chosen: npt.NDArray[np.bool_]) -> "FrameOutcomes":
        """Return some of the frames."""
        return FrameOutcomes(
            p=self.p[chosen],
            label=self.label[chosen],
            weight=self.weight[chosen],
            unit=self.unit[chosen],
        )


def measure_frames(
    outcomes: FrameOutcomes, threshold: float = 0.5
) -> dict[str, float | None]:
    """Compute every figure; None where nothing defines one."""
    units = np.unique(outcomes.unit)
    found = _replicate(outcomes, np.ones((1, len(units))), threshold)
    return {name: _plain(float(values[0])) for name, values in found.items()}


def frame_intervals(
    outcomes: FrameOutcomes,
    threshold: float = 0.5,
    *,
    seed: int = 0,
    n_bootstrap: int = N_BOOTSTRAP,
) -> dict[str, Interval | None]:
    """Bootstrap 95 % percentile intervals over units.

    Returns
    -------
    dict of (low, high)
        None where no replicate defines the figure, or with fewer than two units:
        nothing is then known of another one.
    """
    n_units = outcomes.n_units
    if n_units < 2:
        return dict.fromkeys(NAMES)
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(n_units, np.full(n_units, 1 / n_units), n_bootstrap)
    found = _replicate(outcomes, draws.astype(float), threshold)
    return {name: _interval(values) for name, values in found.items()}


class ScoreTable:
    """Truck and other weight of every unit at every distinct score.

    Parameters
    ----------
    outcomes : FrameOutcomes
    """

    def __init__(self, outcomes: FrameOutcomes) -> None:
        rising, where = np.unique(outcomes.p, return_inverse=True)
        units, unit = np.unique(outcomes.unit, return_inverse=True)
        column = len(rising) - 1 - where
        self.thresholds: FloatArray = rising[::-1]
        """Shape (K,), falling."""
        self.n_units = len(units)
        self._shares = [
            sparse.csr_matrix(
                (outcomes.weight * share, (column, unit)),
                shape=(len(rising), len(units)),
            )
            for share in (outcomes.label, 1 - outcomes.label)
        ]

    def cumulate(self, draws: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Sum truck and other weight at or above each distinct score.

        Parameters
        ----------
        draws : float array, shape (B, U)
            How often each unit stands in each replicate.

        Returns
        -------
        true_positive, false_positive : float arrays, shape (K, B)
        """
        turned = np.ascontiguousarray(draws.T)
        true, false = (np.cumsum(s @ turned, axis=0) for s in self._shares)
        return true, false


def bin_scores(
    p: FloatArray, label: FloatArray, weight: FloatArray, n_bins: int = N_BINS
) -> FloatArray:
    """Sum weight, weighted p and weighted label in bins of equal width.

    Returns
    -------
    float array, shape (3, n_bins)
    """
    bins = _bin_of(p, n_bins)
    rows = (weight, weight * p, weight * label)
    return np.stack([np.bincount(bins, row, n_bins) for row in rows])


def _replicate(
    outcomes: FrameOutcomes, draws: FloatArray, threshold: float
) -> dict[str, FloatArray]:
    """Compute every figure of every replicate, shape (B,), NaN where undefined."""
    p, q, w = outcomes.p, outcomes.label, outcomes.weight
    units, unit = np.unique(outcomes.unit, return_inverse=True)

    def total(values: FloatArray) -> FloatArray:
        return draws @ np.bincount(unit, values, len(units))

    said = (p >= threshold).astype(float)
    tp, fp = total(w * q * said), total(w * (1 - q) * said)
    fn, tn = total(w * q * (1 - said)), total(w * (1 - q) * (1 - said))
    weight = tp + fp + fn + tn
    squared = q * (1 - p) ** 2 + (1 - q) * p**2
    with np.errstate(divide="ignore", invalid="ignore"):
        recall, specificity = tp / (tp + fn), tn / (tn + fp)
        found = {
            "accuracy": (tp + tn) / weight,
            "balanced_accuracy": (recall + specificity) / 2,
            "precision": tp / (tp + fp),
            "recall": recall,
            "specificity": specificity,
            "f1": 2 * tp / (2 * tp + fp + fn),
            "brier": total(w * squared) / weight,
            "ece": _calibration_errors(outcomes, unit, draws) / weight,
        }
        found["roc_auc"], found["average_precision"] = _rank(outcomes, draws)
    return {name: found[name] for name in NAMES}


def _calibration_errors(
    outcomes: FrameOutcomes, unit: npt.NDArray[np.int64], draws: FloatArray
) -> FloatArray:
    """Sum |said - true| over the bins of each replicate, shape (B,)."""
    cell = unit * N_BINS + _bin_of(outcomes.p, N_BINS)
    n = draws.shape[1] * N_BINS
    gap = outcomes.weight * (outcomes.p - outcomes.label)
    by_bin = draws @ np.bincount(cell, gap, n).reshape(-1, N_BINS)
    errors: FloatArray = np.abs(by_bin).sum(axis=1)
    return errors


def _rank(outcomes: FrameOutcomes, draws: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Compute ROC-AUC and average precision of every replicate, blockwise."""
    auc, precision = np.full(len(draws), np.nan), np.full(len(draws), np.nan)
    if not len(outcomes.p):
        return auc, precision
    table = ScoreTable(outcomes)
    step = max(1, MAX_CELLS // len(table.thresholds))
    for start in range(0, len(draws), step):
        rows = slice(start, start + step)
        tp, fp = table.cumulate(draws[rows])
        gain = np.diff(tp, axis=0, prepend=0.0)
        others = np.diff(fp, axis=0, prepend=0.0)
        n_truck, n_other = tp[-1], fp[-1]
        # a truck wins against others of lower scores, and half of the ties
        wins = (gain * (n_other - fp + 0.5 * others)).sum(axis=0)
        auc[rows] = wins / (n_truck * n_other)
        share = np.divide(tp, tp + fp, out=np.zeros_like(tp), where=tp + fp > 0)
        precision[rows] = (gain * share).sum(axis=0) / n_truck
    return auc, precision


def _bin_of(p: FloatArray, n_bins: int) -> npt.NDArray[np.int64]:
    return np.minimum((p * n_bins).astype(np.int64), n_bins - 1)


def _interval(values: FloatArray) -> Interval | None:
    defined = values[np.isfinite(values)]
    if not len(defined):
        return None
    low, high = np.percentile(defined, INTERVAL)
    return float(low), float(high)


def _plain(value: float) -> float | None:
    return value if np.isfinite(value) else None
