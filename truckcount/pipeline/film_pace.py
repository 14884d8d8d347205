"""A film's scores to what a person must know of its pace."""

from collections.abc import Mapping

import numpy as np

from truckcount.domain.camera import Camera
from truckcount.domain.scores import Scores
from truckcount.pipeline.config import counting_options
from truckcount.presence.weights import Weights


def pace_warnings(
    scores: Mapping[str, Scores], camera: Camera, weights: Weights
) -> tuple[str, ...]:
    """Warn of frames so far apart that no truck is followed from one to the next.

    Parameters
    ----------
    scores : mapping of Scores
        Of one file, by gate.
    """
    steps_us = np.diff(next(iter(scores.values())).t_us)
    if camera.source_kind == "stills" or not len(steps_us):
        return ()
    pace_s = float(np.median(steps_us)) / 1e6
    held_s = min(
        counting_options(gate, weights.header.thresholds).held_s(
            has_peaks=weights.has_peaks
        )
        for gate in camera.gates
    )
    if pace_s <= held_s:
        return ()
    warning = (
        f"its frames are {pace_s:.3g} s apart, and a truck that is not seen for "
        f"{held_s:g} s is lost: these seconds do not count as watched; let the camera "
        'record more frames, or write source_kind = "stills" into cameras.toml'
    )
    return (warning,)
