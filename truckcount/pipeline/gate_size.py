"""A file's scores to the gates that are smaller than the trucks in them."""

from collections.abc import Mapping, Sequence

import numpy as np

from truckcount.domain.camera import Camera
from truckcount.domain.sample import ViewRect
from truckcount.domain.scores import PEAK_UNIT, Scores
from truckcount.pipeline.config import counting_options
from truckcount.presence.weights import Weights

FILLED = 0.9  # of the view's side; trucks of well drawn gates stay under 0.85
FILLED_SHARE = 0.1  # of the boxes of a file
LEAST_BOXES = 5  # a second of them
WHOLE_PICTURE = 0.999  # a view that cannot grow


def size_warnings(
    scores: Mapping[str, Scores],
    camera: Camera,
    rects: Sequence[ViewRect],
    weights: Weights,
) -> tuple[str, ...]:
    """Warn of gates whose views are filled by trucks: they show pieces of them.

    Parameters
    ----------
    scores : mapping of Scores
        Of one file, by gate.
    rects : sequence of ViewRect
        The views that they were seen in. Of several a gate, none is looked at: flat
        gates are told by ``find_flat_gates``.
    """
    small = []
    for gate in camera.gates:
        views = [rect for rect in rects if rect.gate == gate.name]
        options = counting_options(gate, weights.header.thresholds)
        if len(views) == 1 and _is_filled(
            scores[gate.name], views[0], options.on_score
        ):
            small.append(gate.name)
    if not small:
        return ()
    warning = (
        f"camera {camera.name!r} has trucks that fill the view of "
        f"gate{'s' * (len(small) > 1)} {', '.join(small)}: they are seen in pieces, "
        "and missed or counted twice; draw a gate larger than a truck, or give it "
        "view_span = 0.65 (its view then shows two thirds of the picture)"
    )
    return (warning,)


def _is_filled(scores: Scores, view: ViewRect, on_score: float) -> bool:
    boxes = scores.peaks[scores.peaks["p"] >= on_score * 255]
    if len(boxes) < LEAST_BOXES:
        return False
    is_filled = np.zeros(len(boxes), np.bool_)
    for name, side in (("w", view.x1 - view.x0), ("h", view.y1 - view.y0)):
        if side < WHOLE_PICTURE:
            is_filled |= boxes[name] >= FILLED * side * PEAK_UNIT
    return bool(is_filled.mean() >= FILLED_SHARE)
