"""Scores of a fine-tuned map to scores that its old thresholds fit again.

Fine-tuning moves scores: frames are told apart better, at another place than before.
Counting has more than one threshold (`on_score`, `off_score`, `track_score`, the
floor of peaks), and a camera's few validation frames cannot choose them all. So the
thresholds stay, and the scores are brought back to them: Platt's scaling [1]_ of the
truck logit about `on_score`, with a prior that keeps few frames from moving it far.

References
----------
.. [1] Platt, Probabilistic Outputs for Support Vector Machines (1999), section 2;
   regularised, because frames that are told apart without error would ask for an
   infinite slope.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize

from truckcount.errors import LabelError
from truckcount.presence.truckmap import TruckMap

# Arbitrary, of the size of what fine-tuning does: e^0.5 in slope, 2 in logits.
SLOPE_SPREAD = 0.5
SHIFT_SPREAD = 2.0
TRUCK_CHANNEL = 0

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rescaling:
    """A logit z becomes ``slope * z + shift``."""

    slope: float = 1.0
    shift: float = 0.0

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return self.slope == 1.0 and self.shift == 0.0


def cap_share(labels: npt.ArrayLike, weights: npt.ArrayLike) -> Floats:
    """Weigh frames with a truck together at most as much as those without.

    On a busy road nearly every frame shows a truck and is best called one whatever is
    in it. But cars are in these frames, too, and each of them is a track that scores
    moved so far would count.

    Parameters
    ----------
    labels, weights : array_like, shape (N,)

    Returns
    -------
    float64 array, shape (N,)
    """
    p_truck, weight = np.asarray(labels, float), np.asarray(weights, float)
    with_truck = float((weight * p_truck).sum())
    without = float((weight * (1 - p_truck)).sum())
    if with_truck <= without or without <= 0:
        return weight
    return np.asarray(weight * (p_truck * without / with_truck + 1 - p_truck))


def fit_rescaling(
    logits: npt.ArrayLike,
    labels: npt.ArrayLike,
    on_score: float,
    weights: npt.ArrayLike | None = None,
) -> Rescaling:
    """Place `on_score` where a frame is as likely with a truck as without.

    Parameters
    ----------
    logits : array_like, shape (N,)
        Of frames that were not trained on: the largest of the gate's cells.
    labels : array_like, shape (N,), 0, 1 or soft
    on_score : float in (0, 1)
    weights : array_like, shape (N,), optional

    Returns
    -------
    Rescaling
        The identity where only one of the two labels is there: nothing then says
        where the border is.

    Raises
    ------
    LabelError
        When the arrays do not fit one another.

    Examples
    --------
    >>> lowered = fit_rescaling([-1, -1.2, -0.8, -6, -5, -7], [1, 1, 1, 0, 0, 0], 0.5)
    >>> lowered.slope * -1.2 + lowered.shift > 0 > lowered.slope * -5 + lowered.shift
    True
    """
    z, y = np.asarray(logits, float), np.asarray(labels, float)
    w = np.ones_like(z) if weights is None else np.asarray(weights, float)
    if z.ndim != 1 or not z.shape == y.shape == w.shape or not 0 < on_score < 1:
        msg = (
            f"want logits, labels and weights of one shape (N,) and on_score in (0, 1),"
            f" got {z.shape}, {y.shape}, {w.shape} and {on_score}"
        )
        raise LabelError(msg)
    if not len(z) or not ((y >= 0.5).any() and (y < 0.5).any()):
        return Rescaling()
    middle = math.log(on_score / (1 - on_score))
    u = z - middle

    def cost(x: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        slope = math.exp(x[0])
        v = slope * u + x[1]
        p = 0.5 * (1 + np.tanh(v / 2))
        apart = w * (p - y)
        nll = float(np.sum(w * (np.logaddexp(0, v) - y * v)))
        prior = 0.5 * ((x[0] / SLOPE_SPREAD) ** 2 + (x[1] / SHIFT_SPREAD) ** 2)
        gradient = np.array(
            [
                np.sum(apart * slope * u) + x[0] / SLOPE_SPREAD**2,
                np.sum(apart) + x[1] / SHIFT_SPREAD**2,
            ]
        )
        return nll + prior, gradient

    found = minimize(cost, np.zeros(2), jac=True, method="BFGS").x
    slope = math.exp(float(found[0]))
    return Rescaling(slope, float(found[1]) + middle * (1 - slope))


@torch.no_grad()
def apply_rescaling(network: TruckMap, rescaling: Rescaling) -> None:
    """Fold a rescaling into the truck channel of a network's last layer, in place.

    The graph, every runtime and every threshold then see the rescaled scores; what
    the map says of buses and box sizes stays. The gain by size is a part of the
    truck logit, so that it grows by the same slope.
    """
    bias = network.out.bias
    if bias is None:
        msg = "the network's last layer has no bias to shift"
        raise LabelError(msg)
    network.out.weight[TRUCK_CHANNEL] *= rescaling.slope
    network.size_gain *= rescaling.slope
    bias[TRUCK_CHANNEL] = bias[TRUCK_CHANNEL] * rescaling.slope + rescaling.shift
