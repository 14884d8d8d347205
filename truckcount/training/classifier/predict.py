"""A network and rows of a set to logits, and logits to a few figures."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from truckcount.presence.zoo.classifier import ViewClassifier
from truckcount.training.classifier.dataset import BatchLoader
from truckcount.training.classifier.order import batch_keys

FloatArray = npt.NDArray[np.float64]
BATCH_SIZE = 64


@torch.inference_mode()
def predict_logits(
    network: ViewClassifier,
    loader: BatchLoader,
    rows: npt.NDArray[np.int64],
    device: str = "cpu",
) -> FloatArray:
    """Return the logit of every row, in float32 arithmetic, shape (N,)."""
    if not len(rows):
        return np.zeros(0)
    network.eval()
    keys = batch_keys(rows, 0, BATCH_SIZE)
    n_kept = sum(len(batch) for batch in keys)
    if n_kept < len(rows):  # a last batch of one, which only training leaves out
        keys.append([(0, n_kept, int(rows[-1]))])
    parts = [
        network(views.to(device)).cpu().numpy() for views, _, _ in loader.load(keys)
    ]
    return np.concatenate(parts).astype(np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitFigures:
    """How right logits are on one split."""

    n: int
    n_truck: int
    loss: float
    """Mean binary cross entropy against the (soft) labels."""
    accuracy: float
    balanced_accuracy: float | None
    """Mean of the shares of right frames with and without a truck."""
    true_truck_rate: float | None
    true_empty_rate: float | None


def measure_logits(
    logits: FloatArray, p_truck: FloatArray, border: float = 0.0
) -> SplitFigures:
    """Score logits; a side without frames has no rate, and so there is no balance.

    Parameters
    ----------
    border : float
        Logit from which on a frame is said to show a truck.

    Examples
    --------
    >>> import numpy as np
    >>> measure_logits(np.array([2., -1., -1.]), np.array([1., 1., 0.])).accuracy
    0.6666666666666666
    """
    is_truck = p_truck >= 0.5
    is_right = (logits >= border) == is_truck
    rates = [
        float(is_right[side].mean()) if side.any() else None
        for side in (is_truck, ~is_truck)
    ]
    known = [rate for rate in rates if rate is not None]
    losses = np.logaddexp(0, logits) - p_truck * logits
    return SplitFigures(
        n=len(logits),
        n_truck=int(is_truck.sum()),
        loss=float(losses.mean()),
        accuracy=float(is_right.mean()),
        balanced_accuracy=sum(known) / 2 if len(known) == 2 else None,
        true_truck_rate=rates[0],
        true_empty_rate=rates[1],
    )
