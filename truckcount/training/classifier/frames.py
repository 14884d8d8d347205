"""A label set on disk to the frames that a classifier learns from."""

import hashlib
import logging
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from truckcount.domain.camera import Gate
from truckcount.errors import LabelError
from truckcount.evaluation.frame_set import read_labelled_frames
from truckcount.labelling.merge import trust_boxes
from truckcount.presence.views import plan_views
from truckcount.training.classifier.several_views import (
    SeveralViewsError,
    tell_several_views,
)
from truckcount.video.cut import crop_of

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger(__name__)

Gates = dict[str, tuple[Gate, ...]]
"""Gates by camera; a camera that is not in it is looked at as a whole."""
SPLITS = ("train", "val", "test")
CARRIED = ("camera", "light", "group", "day")
"""What predictions say of each frame, so that reports can slice by it."""
_SPELLED = {"validation": "val"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frames:
    """Labelled frames in the order of their names; N of them."""

    folder: Path
    images: tuple[str, ...]
    """Paths within the set."""
    split: npt.NDArray[np.str_]
    """Shape (N,), ``train``, ``val`` or ``test``."""
    p_truck: npt.NDArray[np.float64]
    """Shape (N,), 0 to 1: soft where labellers disagree."""
    weight: npt.NDArray[np.float64]
    camera: npt.NDArray[np.str_]
    light: npt.NDArray[np.str_]
    group: npt.NDArray[np.str_]
    """Event or recording: what reports draw by."""
    day: npt.NDArray[np.str_]
    boxes: dict[str, npt.NDArray[np.float32]]
    """Truck boxes by image, shape (K, 4), x1 y1 x2 y2 in pixels."""
    has_boxes: bool
    """Whether somebody drew boxes in this set: crops may then be bold."""
    gates: Gates = field(default_factory=dict)
    """Of cameras whose labels are of their gates: frames are cut to what a run sees."""
    view_px: int = 320
    """Side of the square that a run fits a gate's view into."""

    def __len__(self) -> int:
        return len(self.images)

    def rows_of(self, split: str) -> npt.NDArray[np.int64]:
        """Rows of one split."""
        return np.flatnonzero(self.split == split)

    def read(self, row: int) -> npt.NDArray[np.uint8]:
        """Decode one frame, or what its camera's gates show of it, RGB."""
        return self.read_placed(row)[0]

    def read_placed(self, row: int) -> tuple[npt.NDArray[np.uint8], tuple[int, int]]:
        """Decode one frame, and say where in the whole one (x, y, pixels) it begins."""
        path = self.folder / self.images[row]
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is None:
            msg = f"{path} cannot be read as a picture; remove it from the label set"
            raise LabelError(msg)
        x0, y0, x1, y1 = self._crop_of(row, image.shape[1], image.shape[0])
        rgb = np.ascontiguousarray(image[y0:y1, x0:x1, ::-1])
        return rgb.astype(np.uint8, copy=False), (x0, y0)

    def _crop_of(self, row: int, width: int, height: int) -> tuple[int, int, int, int]:
        """Return the part of a frame that the views of its camera's gates show."""
        gates = self.gates.get(str(self.camera[row]))
        if not gates:
            return 0, 0, width, height
        rects = plan_views(gates, (width, height), (self.view_px, self.view_px))
        if len(rects) > 1:
            raise SeveralViewsError(tell_several_views(str(self.camera[row]), rects))
        (rect,) = rects
        return crop_of(rect, (width, height))


def place_boxes(
    boxes: npt.NDArray[np.float32], origin: tuple[int, int], size: tuple[int, int]
) -> npt.NDArray[np.float32]:
    """Return the boxes that a crop shows, in its pixels.

    Parameters
    ----------
    boxes : float32 array, shape (K, 4)
    origin, size : (x, y) and (width, height) of the crop in pixels of the frame
    """
    shifted = boxes - np.tile(np.array(origin, np.float32), 2)
    limit = np.tile(np.array(size, np.float32), 2)
    middle = (shifted[:, :2] + shifted[:, 2:]) / 2
    is_seen = ((middle >= 0) & (middle < limit[:2])).all(1)
    return np.asarray(np.clip(shifted[is_seen], 0, limit), np.float32)


def read_frames(folder: Path, *, needs_both: bool = True) -> Frames:
    """Read a label set: its labelled frames, splits and truck boxes.

    Parameters
    ----------
    needs_both : bool
        Refuse a training or validation split that lacks one of the two labels. A
        camera's map can be taught by its empty frames alone, a classifier cannot.

    Raises
    ------
    LabelError
        When a table is missing, frames have no split, or a split lacks what it needs.
    """
    table = read_labelled_frames(folder).sort_values("image", ignore_index=True)
    if "split" not in table or table["split"].isna().any():
        n = int(table["split"].isna().sum()) if "split" in table else len(table)
        msg = (
            f"{folder}: {n} labelled frames have no split; run `truckcount label split`"
        )
        raise LabelError(msg)
    split = table["split"].replace(_SPELLED).to_numpy().astype(np.str_)
    unknown = sorted(set(split.tolist()) - set(SPLITS))
    if unknown:
        msg = f"{folder}/splits.parquet: {unknown} are no splits; want {SPLITS}"
        raise LabelError(msg)
    p_truck = table["label"].to_numpy(np.float64)
    if needs_both:
        _check_parts(folder, split, p_truck)
    elif not (split == "train").any():
        msg = f"{folder}: no frame is of split 'train'; run `truckcount label split`"
        raise LabelError(msg)
    boxes = _truck_boxes(folder)
    known = set(table["image"])

    def column(name: str) -> npt.NDArray[np.str_]:
        if name not in table:
            return np.full(len(table), "unknown")
        return np.asarray(table[name].fillna("unknown").to_numpy(), np.str_)

    return Frames(
        folder=folder,
        images=tuple(table["image"]),
        split=split,
        p_truck=p_truck,
        weight=table["weight"].to_numpy(np.float64),
        camera=column("camera"),
        light=column("light"),
        group=column("group"),
        day=column("day"),
        boxes={k: v for k, v in boxes.items() if k in known},
        has_boxes=bool(boxes),
    )


def fingerprint(frames: Frames) -> str:
    """Hash all that is learned from: 12 hex that name a data set.

    Names, labels, weights, splits, trucks' boxes and files' bytes.

    Raises
    ------
    LabelError
        When a picture is gone.
    """
    digest = hashlib.sha256()
    if frames.gates:
        digest.update(repr(sorted(frames.gates.items())).encode())
    for row, image in enumerate(frames.images):
        digest.update(
            f"{image}\0{frames.split[row]}\0{frames.p_truck[row]:.4f}".encode()
        )
        if frames.weight[row] != 1:
            digest.update(f"\0{frames.weight[row]:.4f}".encode())
        if image in frames.boxes:
            digest.update(frames.boxes[image].tobytes())
        path = frames.folder / image
        try:
            digest.update(path.read_bytes())
        except OSError as error:
            msg = (
                f"{path} cannot be read ({error.strerror}); bring it back, or see "
                f"`truckcount label check {frames.folder}`"
            )
            raise LabelError(msg) from error
    return digest.hexdigest()[:12]


def frame_table(
    frames: Frames, rows: npt.NDArray[np.int64] | None = None
) -> "pd.DataFrame":
    """Return what predictions say of each frame beside p."""
    import pandas as pd

    chosen = np.arange(len(frames)) if rows is None else rows
    return pd.DataFrame(
        {
            "image": [
                str((frames.folder / frames.images[r]).resolve()) for r in chosen
            ],
            "split": frames.split[chosen],
            **{name: getattr(frames, name)[chosen] for name in CARRIED},
            "label": frames.p_truck[chosen].astype(np.float32),
            "weight": frames.weight[chosen].astype(np.float32),
        }
    )


def leave_out_several_views(frames: Frames) -> Frames:
    """Return the frames that a run scores by one view; the others teach nothing sure.

    Raises
    ------
    LabelError
        When what is left does not hold both labels to train and to validate on.
    """
    reasons = {}
    for camera in sorted(set(frames.camera.tolist()) & frames.gates.keys()):
        try:
            frames.read(int(np.flatnonzero(frames.camera == camera)[0]))
        except SeveralViewsError as error:
            reasons[camera] = str(error)
    if not reasons:
        return frames
    rows = np.flatnonzero(~np.isin(frames.camera, list(reasons)))
    try:
        _check_parts(frames.folder, frames.split[rows], frames.p_truck[rows])
    except LabelError as error:
        msg = f"{'; '.join(reasons.values())}; without them: {error}"
        raise LabelError(msg) from error
    for camera, reason in reasons.items():
        n = int((frames.camera == camera).sum())
        logger.warning("%s; its %d frames are left out", reason, n)
    columns = ("split", "p_truck", "weight", "camera", "light", "group", "day")
    return replace(
        frames,
        images=tuple(frames.images[r] for r in rows),
        **{name: getattr(frames, name)[rows] for name in columns},
    )


def _check_parts(
    folder: Path, split: npt.NDArray[np.str_], p_truck: npt.NDArray[np.float64]
) -> None:
    for name in ("train", "val"):
        p = p_truck[split == name]
        if not (p >= 0.5).any() or not (p < 0.5).any():
            msg = (
                f"{folder}: split {name!r} has {int((p >= 0.5).sum())} frames with and "
                f"{int((p < 0.5).sum())} without a truck; it needs both: label more, "
                "or split anew with `truckcount label split`"
            )
            raise LabelError(msg)


def _truck_boxes(folder: Path) -> dict[str, npt.NDArray[np.float32]]:
    import pandas as pd

    path = folder / "boxes.parquet"
    if not path.is_file():
        return {}
    table = trust_boxes(pd.read_parquet(path))
    table = table[table["class"] == "truck"]
    return {
        str(image): rows[["x1", "y1", "x2", "y2"]].to_numpy(np.float32)
        for image, rows in table.groupby("image")
    }
