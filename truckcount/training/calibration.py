"""Logits and labels to the temperature that makes probabilities mean what they say."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

from truckcount.errors import LabelError
from truckcount.evaluation.frame_metrics import N_BINS, bin_scores

FloatArray = npt.NDArray[np.float64]
TEMPERATURES = (0.05, 20.0)
P_LIMIT = 1e-6  # of a probability that is turned back into a logit


def fit_temperature(
    logits: npt.ArrayLike, labels: npt.ArrayLike, weights: npt.ArrayLike | None = None
) -> float:
    """Find the temperature T for which sigmoid(logit / T) fits labels best.

    The negative log-likelihood is convex in 1/T, so its minimum is where its slope
    changes sign. The likelihood is never worse than without scaling, and T stays 1
    where the logits tell the labels apart without error.

    Parameters
    ----------
    logits : array_like, shape (N,)
    labels : array_like, shape (N,), 0, 1 or soft
    weights : array_like, shape (N,), optional

    References
    ----------
    Guo et al., On Calibration of Modern Neural Networks:
    https://arxiv.org/abs/1706.04599

    Examples
    --------
    >>> round(fit_temperature([4, 4, 4, -4], [1, 1, 0, 0]), 2)
    3.64
    """
    z, y, w = _check(logits, labels, weights)

    def slope(sharpness: float) -> float:
        return float(np.sum(w * z * (_sigmoid(sharpness * z) - y)))

    low, high = 1 / TEMPERATURES[1], 1 / TEMPERATURES[0]
    if slope(low) >= 0:
        return TEMPERATURES[1]
    if slope(high) <= 0:
        # told apart without error, labels want infinite sharpness: they say nothing
        # of how sure to be on frames that are harder
        return 1.0
    return float(1 / brentq(slope, low, high, xtol=1e-10))


def log_loss(
    logits: npt.ArrayLike,
    labels: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    temperature: float = 1.0,
) -> float:
    """Mean negative log-likelihood of labels, nats a frame."""
    z, y, w = _check(logits, labels, weights)
    z = z / temperature
    return float(np.sum(w * (np.logaddexp(0, z) - y * z)) / np.sum(w))


def to_logit(p: npt.ArrayLike) -> FloatArray:
    """Turn probabilities into logits; 0 and 1 become the nearest finite ones."""
    clipped = np.clip(np.asarray(p, float), P_LIMIT, 1 - P_LIMIT)
    return np.asarray(np.log(clipped) - np.log1p(-clipped))


def scale_probability(p: npt.ArrayLike, temperature: float) -> FloatArray:
    """Return probabilities as a temperature makes them."""
    return _sigmoid(to_logit(p) / temperature)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReliabilityCurve:
    """How often bins of said probabilities are trucks; empty bins are left out."""

    said: FloatArray
    """Shape (K,), mean probability of each bin."""
    true: FloatArray
    """Shape (K,), share of trucks in it."""
    weight: FloatArray
    """Shape (K,), weight of its frames."""


def reliability(
    p: npt.ArrayLike,
    labels: npt.ArrayLike,
    weights: npt.ArrayLike | None = None,
    n_bins: int = N_BINS,
) -> ReliabilityCurve:
    """Bin probabilities against labels."""
    said, y, w = _check(p, labels, weights)
    sums = bin_scores(said, y, w, n_bins)
    sums = sums[:, sums[0] > 0]
    return ReliabilityCurve(
        said=sums[1] / sums[0], true=sums[2] / sums[0], weight=sums[0]
    )


def _check(
    values: npt.ArrayLike, labels: npt.ArrayLike, weights: npt.ArrayLike | None
) -> tuple[FloatArray, FloatArray, FloatArray]:
    z, y = np.asarray(values, float), np.asarray(labels, float)
    w = np.ones_like(z) if weights is None else np.asarray(weights, float)
    if not z.shape == y.shape == w.shape or z.ndim != 1 or not w.sum() > 0:
        msg = (
            "want scores, labels and weights of one shape (N,) and some weight, got "
            f"{z.shape}, {y.shape}, {w.shape}"
        )
        raise LabelError(msg)
    if not np.isfinite(z).all() or not (y.min() >= 0 and y.max() <= 1):
        msg = "scores must be finite and labels in [0, 1]"
        raise LabelError(msg)
    return z, y, w


def _sigmoid(z: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1 + np.tanh(z / 2)))
