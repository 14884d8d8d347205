"""A trained map and its validation frames to scores that fit the thresholds again."""

from dataclasses import dataclass

import numpy as np

from truckcount.counting import CountingOptions
from truckcount.presence.truckmap import TruckMap
from truckcount.presence.weights import Weights
from truckcount.training.classifier.frames import Frames, Gates
from truckcount.training.classifier.gate_frames import GateFrames, score_gate_frames
from truckcount.training.score_shift import apply_shift, fit_shift


@dataclass(frozen=True, slots=True, kw_only=True)
class Border:
    """Where a network's frames with and without a truck part."""

    shift: float
    """What its truck logits were raised by."""
    n_frames: int
    n_truck: int
    on_score: float
    off_score: float
    base_id: str

    @property
    def told(self) -> str:
        """Say what the thresholds were chosen by, for the weights' header."""
        if self.n_truck in (0, self.n_frames):
            return (
                f"as in {self.base_id}: the validation part lacks frames with, or "
                "without, a truck, so nothing says where its border is"
            )
        return (
            f"truck logits plus {self.shift:.3f}, so that of {self.n_frames} "
            f"validation frames those with a truck ({self.n_truck}) reach on_score "
            f"{self.on_score:g}, as far as those without stay under off_score "
            f"{self.off_score:g}; single frames allow no count error; thresholds as in "
            f"{self.base_id}"
        )

    def to_json(self) -> dict[str, object]:
        """Return what a run's metrics keep."""
        return {
            "shift": self.shift,
            "n_validation_frames": self.n_frames,
            "n_with_truck": self.n_truck,
            "on_score": self.on_score,
            "off_score": self.off_score,
        }


def settle_border(
    network: TruckMap, frames: Frames, gates: Gates, base: Weights
) -> Border:
    """Shift a network's scores, in place, to its base's thresholds.

    Only the validation split is looked at: it was not trained on, and the test split
    is what a run reports.
    """
    rows = frames.rows_of("val")
    logits = score_gate_frames(
        network, GateFrames(frames, rows, gates, base.header.view_size)
    )
    # scores are stored after a division by the temperature
    temperature = base.header.temperature
    labels = frames.p_truck[rows]
    options = CountingOptions().with_overrides(base.header.thresholds)
    # in the network's own logits, before that division
    shift = temperature * fit_shift(
        logits / temperature,
        labels,
        options.on_score,
        options.off_score,
        frames.weight[rows],
    )
    apply_shift(network, shift)
    return Border(
        shift=shift,
        n_frames=len(rows),
        n_truck=int(np.count_nonzero(labels >= 0.5)),
        on_score=options.on_score,
        off_score=options.off_score,
        base_id=base.model_id,
    )
