"""A trained map and its validation frames to scores that fit the thresholds again."""

from dataclasses import dataclass

import numpy as np

from truckcount.presence.truckmap import TruckMap
from truckcount.presence.weights import Weights
from truckcount.training.classifier.frames import Frames, Gates
from truckcount.training.classifier.gate_frames import GateFrames, score_gate_frames
from truckcount.training.classifier.truckmap_files import on_score_of
from truckcount.training.rescale import (
    Rescaling,
    apply_rescaling,
    cap_share,
    fit_rescaling,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Border:
    """Where a network's frames with and without a truck part."""

    rescaling: Rescaling
    n_frames: int
    n_truck: int
    on_score: float
    base_id: str

    @property
    def told(self) -> str:
        """Say what the thresholds were chosen by, for the weights' header."""
        if self.rescaling.is_identity:
            return (
                f"as in {self.base_id}: the validation part lacks frames with, or "
                "without, a truck, so nothing says where its border is"
            )
        return (
            f"truck logits times {self.rescaling.slope:.3f} plus "
            f"{self.rescaling.shift:.3f}, so that on {self.n_frames} validation frames "
            f"({self.n_truck} with a truck, weighed as at most half) on_score "
            f"{self.on_score:g} is where a frame is as likely with as without one; "
            "single frames allow no count "
            f"error; thresholds as in {self.base_id}"
        )

    def to_json(self) -> dict[str, object]:
        """Return what a run's metrics keep."""
        return {
            "slope": self.rescaling.slope,
            "shift": self.rescaling.shift,
            "n_validation_frames": self.n_frames,
            "n_with_truck": self.n_truck,
            "on_score": self.on_score,
        }


def settle_border(
    network: TruckMap, frames: Frames, gates: Gates, base: Weights
) -> Border:
    """Rescale a network's scores, in place, to its base's thresholds.

    Only the validation split is looked at: it was not trained on, and the test split
    is what a run reports.
    """
    rows = frames.rows_of("val")
    logits = score_gate_frames(
        network, GateFrames(frames, rows, gates, base.header.view_size)
    )
    # scores are stored after a division by the temperature
    logits = logits / base.header.temperature
    labels, on_score = frames.p_truck[rows], on_score_of(base)
    weights = cap_share(labels, frames.weight[rows])
    found = fit_rescaling(logits, labels, on_score, weights)
    # in the network's own logits, before that division
    own = Rescaling(found.slope, found.shift * base.header.temperature)
    apply_rescaling(network, own)
    return Border(
        rescaling=own,
        n_frames=len(rows),
        n_truck=int(np.count_nonzero(labels >= 0.5)),
        on_score=on_score,
        base_id=base.model_id,
    )
