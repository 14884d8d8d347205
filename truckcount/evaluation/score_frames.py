"""A label set, seen by a model: every frame's truck probability."""

import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from truckcount.counting import CountingOptions
from truckcount.domain.camera import WHOLE_PICTURE, Gate
from truckcount.domain.sample import ViewRect
from truckcount.errors import LabelError
from truckcount.evaluation.frame_set import holds_views, read_labelled_frames
from truckcount.evaluation.frames import FrameScores, score_predictions
from truckcount.evaluation.learned import HELD_OUT, warn_of_gates, warn_of_learned
from truckcount.pipeline.cameras import load_cameras
from truckcount.presence.devices import open_runtime
from truckcount.presence.peaks import inside_mask
from truckcount.presence.runtime import Runtime
from truckcount.presence.views import plan_model_views
from truckcount.presence.weights import WeightsHeader, find_weights
from truckcount.video.cut import cut_view

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

BLOCK_FRAMES = 32  # decoded and scored together: bounds memory, fills batches
Progress = Callable[[int, int], None]


def evaluate_frames(
    folder: Path,
    *,
    model: str = "truckmap",
    split: str | None = "test",
    threshold: float | None = None,
    cameras: Path | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> FrameScores:
    """Score the labelled frames of a set by a model.

    Parameters
    ----------
    threshold : float, optional
        Probability from which on a frame shows a truck; by default the model's
        ``on_score``.
    cameras : Path, optional
        A ``cameras.toml``: of a camera that stands there only the gates are looked
        at, as when counting. Else the whole picture is.
    progress : callable
        Told the number of frames done and of all.
    """
    weights = find_weights(model)
    if cameras is None:
        warn_of_gates(weights)
    frames = read_labelled_frames(folder, split)
    if split in HELD_OUT:
        warn_of_learned(weights, frames["path"], f"of {len(frames)} {split} frames")
    labelled = frames["camera"] if "camera" in frames.columns else ()
    frames["p"] = predict_frames(
        frames,
        open_runtime(weights, device),
        weights.header,
        gates_of(cameras, labelled, folder),
        progress,
    )
    if threshold is None:
        counting = CountingOptions().with_overrides(weights.header.thresholds)
        threshold = counting.on_score
    return score_predictions(frames, threshold)


def predict_frames(
    frames: "pd.DataFrame",
    runtime: Runtime,
    header: WeightsHeader,
    gates: dict[str, tuple[Gate, ...]],
    progress: Progress | None = None,
) -> npt.NDArray[np.float64]:
    """Return the largest truck probability in the views of every frame.

    Parameters
    ----------
    frames : DataFrame
        Columns path and, where gates are known by it, camera.

    Returns
    -------
    float array, shape (N,), in steps of 1/255 as scores are stored
    """
    p = np.zeros(len(frames))
    cameras = frames["camera"] if "camera" in frames.columns else [None] * len(frames)
    rows = list(zip(frames["path"], cameras, strict=True))
    for start in range(0, len(rows), BLOCK_FRAMES):
        block = rows[start : start + BLOCK_FRAMES]
        views = [
            (start + k, gate, rect, view)
            for k, (path, camera) in enumerate(block)
            for gate, rect, view in _views_of(
                Path(path), gates.get(str(camera), (WHOLE_PICTURE,)), header
            )
        ]
        for shape in sorted({view.shape for *_, view in views}):
            same = [v for v in views if v[3].shape == shape]
            maps = runtime.score_views(np.stack([v[3] for v in same]))
            for heat, (row, gate, rect, _) in zip(maps.heat, same, strict=True):
                p[row] = max(p[row], _largest(heat, gate, rect))
        if progress is not None:
            progress(start + len(block), len(rows))
    return np.asarray(np.rint(np.clip(p, 0, 1) * 255) / 255)


def _views_of(
    path: Path, gates: tuple[Gate, ...], header: WeightsHeader
) -> Iterator[tuple[Gate, ViewRect, npt.NDArray[np.uint8]]]:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        msg = f"{path} cannot be read as a picture; remove it from the label set"
        raise LabelError(msg)
    size = (image.shape[1], image.shape[0])
    by_name = {gate.name: gate for gate in gates}
    frame = np.asarray(image, np.uint8)
    for rect in plan_model_views(header, gates, size):
        yield by_name[rect.gate], rect, cut_view(frame, rect)


def _largest(heat: npt.NDArray[np.float32], gate: Gate, rect: ViewRect) -> float:
    mask = inside_mask(rect, gate.polygon, heat.shape)
    if heat.size == 1:  # a classifier says one thing of its whole view
        mask[:] = True
    return float(heat[mask].max()) if mask.any() else 0.0


def gates_of(
    cameras: Path | None, labelled: Iterable[str], folder: Path | None = None
) -> dict[str, tuple[Gate, ...]]:
    """Read the gates of every camera of a ``cameras.toml``.

    Parameters
    ----------
    labelled : iterable of str
        Cameras of the frames. Those that the file does not have are looked at as
        whole pictures.
    folder : Path, optional
        The label set of the frames.

    Raises
    ------
    LabelError
        When it has none of them: gates were asked for and none would be used. Or
        when frames are views of gates already, of which another view would be cut.
    """
    if cameras is None:
        return {}
    if folder is not None and holds_views(folder):
        msg = (
            f"{folder} holds views of gates (`label sample --views`), not whole "
            f"pictures, so that the gates of {cameras} lie elsewhere in them; leave "
            "--cameras away, or sample whole pictures into another set"
        )
        raise LabelError(msg)
    gates = {c.name: c.gates for c in load_cameras(cameras).cameras}
    wanted = sorted(set(labelled))
    strange = [name for name in wanted if name not in gates]
    if wanted and len(strange) == len(wanted):
        msg = (
            f"{cameras} has the cameras {', '.join(sorted(gates))}, but the frames "
            f"are of {', '.join(strange)}; name them alike, as with "
            "`label import --camera`, or leave --cameras away"
        )
        raise LabelError(msg)
    if strange:
        logger.warning(
            "%s does not have %s: whole pictures are looked at",
            cameras,
            ", ".join(strange),
        )
    return gates
