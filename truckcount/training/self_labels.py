"""Unlabelled frames to labels of a teacher: where it is sure, and nothing where not.

What the teacher is unsure of is boxed as `ambiguous`, which training masks; a frame
that shows nothing at all is a negative. Where people said whether a truck is in the
gate and the teacher says otherwise, the frame is left out: it would teach a mistake.

References
----------
Xie et al., Self-training with Noisy Student: https://arxiv.org/abs/1911.04252 (the
teacher sees clean views, the student disturbed ones: ``photometric.py``).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from truckcount.domain.camera import WHOLE_PICTURE, Gate, Point
from truckcount.domain.polygon import contains
from truckcount.errors import LabelError
from truckcount.labelling.frame_files import store_image
from truckcount.labelling.label_set import LabelSet
from truckcount.presence.peaks import PEAK_FLOOR, find_peaks, suppress_doubles
from truckcount.presence.runtime import Maps
from truckcount.presence.runtime_onnx import OnnxRuntime
from truckcount.presence.views import plan_views
from truckcount.presence.weights import Weights
from truckcount.video.cut import cut_view

UInt8Image = npt.NDArray[np.uint8]
FloatArray = npt.NDArray[np.float32]
TILE_SPAN = 0.6  # of the picture, of each of four overlapping quarters


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfLabelOptions:
    """How sure a teacher must be, and of how much emptiness is kept."""

    sure: float = 0.7
    """Peaks from here on are trucks; lower ones, down to what is stored at all, are
    neither truck nor background."""
    empty_every: int = 3
    """Of the frames without any peak, every so-manieth is kept."""

    def __post_init__(self) -> None:
        if not PEAK_FLOOR < self.sure <= 1 or self.empty_every < 1:
            msg = (
                f"want {PEAK_FLOOR} < sure <= 1 and empty_every >= 1, got "
                f"{self.sure} and {self.empty_every}"
            )
            raise LabelError(msg)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlabelledFrame:
    """One frame, and what is known of it beside its pixels."""

    image: UInt8Image
    """Shape (H, W, 3), RGB."""
    camera: str
    group: str
    source: str
    t_s: float
    gate: tuple[Point, ...] | None = None
    """The gate that somebody watched, fractions; None: nobody."""
    has_truck: bool | None = None
    """Whether a truck is in that gate; None where nobody can say."""


@dataclass(slots=True, kw_only=True)
class SelfLabels:
    """What a pass of the teacher left."""

    n_frames: int = 0
    n_truck: int = 0
    n_empty: int = 0
    n_boxes: int = 0
    n_unsure: int = 0
    """Boxes that are masked."""
    n_refuted: int = 0
    """Frames left out because people had said otherwise."""


class SelfLabeller:
    """A map network that looks at whole pictures and their quarters, and in a mirror.

    Parameters
    ----------
    weights : Weights
        Of a map; a classifier has no boxes to teach.
    """

    def __init__(self, weights: Weights) -> None:
        if not weights.has_peaks:
            msg = (
                f"{weights.model_id} says where no truck is; the teacher must be a map"
            )
            raise LabelError(msg)
        self._weights = weights
        self._runtime = OnnxRuntime(weights)
        self._gates = [WHOLE_PICTURE, *_quarters()]

    def find(self, image: UInt8Image) -> FloatArray:
        """Return peaks of an RGB picture, shape (K, 5): x, y, w, h (shares), p."""
        height, width = image.shape[:2]
        bgr = np.ascontiguousarray(image[:, :, ::-1])
        peaks: list[FloatArray] = []
        for rect in plan_views(
            self._gates, (width, height), self._weights.header.view_size
        ):
            view = cut_view(bgr, rect)
            both = self._runtime.score_views(np.stack([view, view[:, ::-1]]))
            mean = (both.heat[:1] + both.heat[1:, :, ::-1]) / 2
            heat = np.asarray(mean, np.float32)
            peaks += find_peaks(Maps(heat, both.box[:1]), rect)
        return suppress_doubles(np.concatenate(peaks))


def label_frames(
    label_set: LabelSet,
    frames: Iterable[UnlabelledFrame],
    teacher: Callable[[UInt8Image], FloatArray],
    model_id: str,
    options: SelfLabelOptions | None = None,
) -> SelfLabels:
    """Write the frames that a teacher is sure of into a set, with its boxes.

    Parameters
    ----------
    teacher : callable
        Picture to peaks, as :meth:`SelfLabeller.find`.
    """
    import pandas as pd

    options = SelfLabelOptions() if options is None else options
    done = SelfLabels()
    rows: list[dict[str, Any]] = []
    labels: list[dict[str, Any]] = []
    boxes: list[dict[str, Any]] = []
    who = {"source": "model", "labeller": model_id}
    n_quiet = 0
    for frame in frames:
        peaks = teacher(frame.image)
        is_sure = peaks[:, 4] >= options.sure
        if _is_refuted(frame, peaks, is_sure):
            done.n_refuted += 1
            continue
        if not len(peaks):
            n_quiet += 1
            if (n_quiet - 1) % options.empty_every:
                continue
        elif not is_sure.any():
            continue  # nothing to learn, and nothing to trust
        stem = f"{frame.source.rsplit('.', 1)[0]}_{frame.t_s:08.3f}"
        stored = store_image(label_set.root, stem, frame.image)
        rows.append(
            {
                "image": stored.image,
                "camera": frame.camera,
                "group": frame.group,
                "day": "",
                "t_utc": pd.NaT,
                "source": frame.source,
                "source_t_s": frame.t_s,
                "width": stored.width,
                "height": stored.height,
                "phash": stored.phash,
                "light": "unknown",
                "drawn_by": "spread",
            }
        )
        p_truck = float(peaks[:, 4].max()) if len(peaks) else 0.0
        labels.append(
            {
                "image": stored.image,
                "label": "truck" if is_sure.any() else "no_truck",
                "p_truck": min(p_truck, 1.0),
                **who,
            }
        )
        boxes += _box_rows(stored.image, frame.image, peaks, is_sure, who)
        done.n_truck += bool(is_sure.any())
        done.n_empty += not len(peaks)
        done.n_boxes += int(is_sure.sum())
        done.n_unsure += int((~is_sure).sum())
    done.n_frames = len(rows)
    if rows:
        label_set.add_frames(pd.DataFrame(rows), if_exists="replace")
        label_set.add_labels(pd.DataFrame(labels))
    if boxes:
        label_set.add_boxes(pd.DataFrame(boxes))
    args = {"model": model_id, "sure": options.sure, "n_refuted": done.n_refuted}
    label_set.note("self-label", args, len(rows))
    return done


def _is_refuted(
    frame: UnlabelledFrame, peaks: FloatArray, is_sure: npt.NDArray[np.bool_]
) -> bool:
    """Whether people said of the gate what the teacher does not."""
    if frame.gate is None or frame.has_truck is None:
        return False
    x, y = peaks[:, 0].astype(float), peaks[:, 1].astype(float)
    is_inside = contains(frame.gate, x, y)
    if frame.has_truck:
        return not (is_inside & is_sure).any()
    return bool((is_inside & is_sure).any())


def _box_rows(
    name: str,
    image: UInt8Image,
    peaks: FloatArray,
    is_sure: npt.NDArray[np.bool_],
    who: dict[str, str],
) -> list[dict[str, Any]]:
    height, width = image.shape[:2]
    limit = np.array([width, height, width, height], np.float32)
    half = peaks[:, 2:4] / 2
    corners = np.concatenate([peaks[:, :2] - half, peaks[:, :2] + half], axis=1)
    corners = np.clip(corners * limit, 0, limit)
    return [
        {
            "image": name,
            "class": "truck" if sure else "ambiguous",
            **dict(zip(("x1", "y1", "x2", "y2"), map(float, box), strict=True)),
            "score": float(p),
            **who,
        }
        for box, p, sure in zip(corners, peaks[:, 4], is_sure, strict=True)
        if box[2] - box[0] >= 1 and box[3] - box[1] >= 1
    ]


def _quarters() -> Sequence[Gate]:
    rest = 1 - TILE_SPAN
    return [
        Gate(
            name=f"quarter{row}{col}",
            polygon=((x, y), (x + TILE_SPAN, y), (x + TILE_SPAN, y + TILE_SPAN),
                     (x, y + TILE_SPAN)),
        )
        for row, y in enumerate((0.0, rest))
        for col, x in enumerate((0.0, rest))
    ]  # fmt: skip
