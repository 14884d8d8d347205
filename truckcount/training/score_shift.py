"""Scores of a fine-tuned map to scores that its old thresholds fit again.

Fine-tuning moves scores: frames are told apart better, at another place than before.
Counting has more than one threshold (`on_score`, `off_score`, `track_score`, the
floor of peaks), and a camera's few validation frames cannot choose them all. So the
thresholds stay, and truck logits are shifted to them by one number.

Which number is asked of counts, not of frames. A truck must be over `on_score` once in
a while to be counted, not in every frame; a road without one must stay under
`off_score`, or its cars become passages. The border that makes most single frames right
(Platt's scaling was here before) counted 16 cars as trucks on a camera of 14 trucks
(docs/model_log.md, 2026-11-30).
"""

import math

import numpy as np
import numpy.typing as npt
import torch

from truckcount.errors import LabelError
from truckcount.presence.truckmap import TruckMap

SEEN_SHARE = 0.5  # of the frames with a truck that must reach `on_score`
WANTED_SHARE = 0.9  # that should, where empty roads stay under `off_score`
QUIET_SHARE = 0.95  # of the frames without: a few are labelled wrongly
DOUBT_FRAMES = 1.0  # pulls a shift found on few frames towards none
TRUCK_CHANNEL = 0

Floats = npt.NDArray[np.float64]


def fit_shift(
    logits: npt.ArrayLike,
    labels: npt.ArrayLike,
    on_score: float,
    off_score: float,
    weights: npt.ArrayLike | None = None,
) -> float:
    """Find what must be added to logits so that frames fit the thresholds.

    Scores are lifted until nine of ten frames with a truck reach `on_score`, as long
    as frames without stay under `off_score`; until half of them do, as long as the
    others stay under `on_score`; lowered where frames without a truck are over it,
    as long as half of the trucks stay.

    Parameters
    ----------
    logits : array_like, shape (N,)
        Of frames that were not trained on: the largest of the gate's cells.
    labels : array_like, shape (N,), 0, 1 or soft
    on_score, off_score : float in (0, 1)
    weights : array_like, shape (N,), optional

    Returns
    -------
    float
        0 where only one of the two labels is there: nothing then says where the
        border is.

    Raises
    ------
    LabelError
        When the arrays do not fit one another, or the thresholds are none.

    Examples
    --------
    >>> lift = fit_shift([-1, -1.2, -0.8, -6, -5, -7], [1, 1, 1, 0, 0, 0], 0.5, 0.3)
    >>> round(lift, 2)
    0.9
    """
    z, y = np.asarray(logits, float), np.asarray(labels, float)
    w = np.ones_like(z) if weights is None else np.asarray(weights, float)
    is_fit = z.ndim == 1 and z.shape == y.shape == w.shape
    if not is_fit or not 0 < off_score <= on_score < 1:
        msg = (
            "want logits, labels and weights of one shape (N,) and thresholds "
            f"0 < off_score <= on_score < 1, got {z.shape}, {y.shape}, {w.shape}, "
            f"{off_score} and {on_score}"
        )
        raise LabelError(msg)
    with_truck, without = w * y, w * (1 - y)
    n_least = min(np.count_nonzero(w * (y >= 0.5)), np.count_nonzero(w * (y < 0.5)))
    if not n_least:
        return 0.0
    on, off = (math.log(p / (1 - p)) for p in (on_score, off_score))
    half = _quantile(z, with_truck, 1 - SEEN_SHARE)
    most = _quantile(z, with_truck, 1 - WANTED_SHARE)
    empty = _quantile(z, without, QUIET_SHARE)
    shift = max(min(on - half, on - empty), min(on - most, off - empty), 0.0)
    if empty > on:
        shift = -min(empty - on, max(half - on, 0.0))
    return float(shift * n_least / (n_least + DOUBT_FRAMES))


def _quantile(values: Floats, weights: Floats, share: float) -> float:
    """Value below which a share of the weight lies, between two where it falls so."""
    order = np.argsort(values, kind="stable")
    order = order[weights[order] > 0]
    w = weights[order]
    return float(np.interp(share, (np.cumsum(w) - w / 2) / w.sum(), values[order]))


@torch.no_grad()
def apply_shift(network: TruckMap, shift: float) -> None:
    """Add a shift to a network's truck logits, in place.

    The graph, every runtime and every threshold then see the shifted scores; what
    the map says of buses and box sizes stays.
    """
    bias = network.out.bias
    if bias is None:
        msg = "the network's last layer has no bias to shift"
        raise LabelError(msg)
    bias[TRUCK_CHANNEL] += shift
