"""Label sets on disk to pictures with boxes in memory."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from truckcount.errors import LabelError

TRUCK, BUS, LIGHT, IGNORE = 0, 1, 2, -1
CLASS_OF = {
    "truck": TRUCK,
    "bus": BUS,
    "car": LIGHT,
    "van": LIGHT,
    "pickup": LIGHT,
    "other": LIGHT,  # auto rickshaws: never a truck
    "ambiguous": IGNORE,
    "unchecked_truck": IGNORE,
    "train": IGNORE,
}
OWN_LICENCE = "Apache-2.0 (rendered by this project)"
TOO_SMALL_PX = 7.0  # boxes lower than this in the source are neither truth nor error


@dataclass(slots=True)
class LabelledPicture:
    """One picture with its boxes and where its background may be trusted."""

    image: npt.NDArray[np.uint8]
    """Shape (H, W, 3), RGB."""
    boxes: npt.NDArray[np.float32]
    """Shape (K, 4), x1 y1 x2 y2 in pixels."""
    classes: npt.NDArray[np.int64]
    """Shape (K,), ``TRUCK``, ``BUS``, ``LIGHT`` or ``IGNORE``."""
    group: str
    trusted: npt.NDArray[np.float32] | None = None
    """Polygon, shape (P, 2) in pixels, outside of which nothing is labelled;
    None trusts the whole picture; an empty polygon trusts the boxes alone."""
    weight: float = 1.0
    name: str = field(default="")
    licence: str = ""
    """As its source states it; empty where nobody said."""
    source: str = ""
    """Repository, commit and path that it came from."""


def read_images(root: Path, sets: Iterable[str]) -> list[LabelledPicture]:
    """Read ``images.parquet`` / ``boxes.parquet`` sets (data.md)."""
    import pandas as pd

    wanted = list(sets)
    images = pd.read_parquet(root / "images.parquet")
    images = images[images["set"].isin(wanted)]
    grouped = dict(tuple(pd.read_parquet(root / "boxes.parquet").groupby("image")))
    pictures = []
    for row in images.itertuples():
        boxes = grouped.get(row.image)
        has_all = not str(row.boxes_complete).startswith("main")
        pictures.append(
            LabelledPicture(
                image=_read_rgb(root / row.image),
                boxes=_box_array(boxes),
                classes=_class_array(boxes),
                group=row.group if row.set != "rf100_toll_id" else row.event,
                trusted=None if has_all else np.zeros((0, 2), np.float32),
                name=row.image,
                licence=str(getattr(row, "licence", "")),
                source=_source(row, "source_path"),
            )
        )
    return pictures


def read_rendered(root: Path) -> list[LabelledPicture]:
    """Read what ``sample_videos/render/train_frames.py`` wrote, as far as it got."""
    import pandas as pd

    images = pd.read_csv(root / "images.csv")
    grouped = dict(tuple(pd.read_csv(root / "boxes.csv").groupby("image")))
    return [
        LabelledPicture(
            image=_read_rgb(root / row.image),
            boxes=_box_array(grouped.get(row.image)),
            classes=_class_array(grouped.get(row.image)),
            group=f"render/{row.scene_id}",
            name=f"render/{row.image}",
            licence=OWN_LICENCE,
            source="sample_videos/render",
        )
        for row in images.itertuples()
        if (root / row.image).exists()
    ]


def read_train_clips(
    root: Path, *, every_s: float = 1.0, only: str = "train"
) -> list[LabelledPicture]:
    """Read frames of the role-``train`` clips with their checked tracks.

    A person decided every passage of the gate, so inside the gate the truth is
    whole; outside it is not. Frames where a truck is known to be in the gate but
    has no checked box are left out: they would teach the network to miss it.
    """
    import pandas as pd

    from truckcount.training.clip_frames import gate_polygons, read_clip_frames

    clips = pd.read_csv(root / "clips.csv")
    clips = clips[clips.role == only]
    truth = pd.read_csv(root / "passages.csv")
    tracks = pd.read_parquet(root / "train_boxes.parquet")
    gates = gate_polygons(root / "cameras.toml")
    pictures = []
    for clip in clips.itertuples():
        mine = tracks[tracks["clip"] == clip.clip]
        passages = truth[truth["clip"] == clip.clip]
        times = np.arange(0.2, float(clip.annotated_until_s), every_s)
        for t_s, image in read_clip_frames(root / clip.file, times):
            height, width = image.shape[:2]
            polygon = np.array(gates[clip.camera], np.float32)
            polygon *= np.array([width, height], np.float32)
            near = mine[(mine.t_s - t_s).abs() < 0.11]
            scale = np.array([width, height, width, height], np.float32)
            boxes = _box_array(near) * scale
            classes = _class_array(near)
            inside = passages[
                (passages.onset_s <= t_s + 0.3) & (passages.offset_s >= t_s - 0.3)
            ]
            n_true = int((inside.verdict == "truck").sum())
            n_boxed = sum(
                cv2.pointPolygonTest(
                    polygon,
                    (float(b[0] + b[2]) / 2, float(b[1] + b[3]) / 2),
                    measureDist=False,
                )
                >= 0
                for b in boxes[classes == TRUCK]
            )
            if n_boxed < n_true:
                continue
            if (inside.verdict == "ambiguous").any() and not (
                near["class"].isin(["ambiguous", "unchecked_truck"]).any()
            ):
                continue
            pictures.append(
                LabelledPicture(
                    image=image,
                    boxes=boxes,
                    classes=classes,
                    group=f"clip/{clip.group}",
                    trusted=polygon,
                    name=f"clip/{clip.clip}@{t_s:.1f}",
                    licence=str(getattr(clip, "licence", "")),
                    source=_source(clip, "path"),
                )
            )
    return pictures


def fingerprint(pictures: Iterable[LabelledPicture]) -> str:
    """Hash names, pixels and labels of pictures: 12 hex that name a data set."""
    digest = hashlib.sha256()
    for picture in sorted(pictures, key=lambda p: p.name):
        digest.update(picture.name.encode())
        for part in (picture.image, picture.boxes, picture.classes):
            digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()[:12]


def _source(row: object, path: str) -> str:
    """Name the repository, commit and path of a row, where the table has them."""
    parts = [str(getattr(row, name, "")) for name in ("repo", "commit", path)]
    return f"{parts[0]}@{parts[1]}:{parts[2]}" if all(parts) else ""


def _read_rgb(path: Path) -> npt.NDArray[np.uint8]:
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        msg = f"{path} cannot be read as a picture; remove it from the label set"
        raise LabelError(msg)
    return np.ascontiguousarray(image[:, :, ::-1]).astype(np.uint8, copy=False)


def _box_array(rows: object) -> npt.NDArray[np.float32]:
    if rows is None:
        return np.zeros((0, 4), np.float32)
    values = rows[["x1", "y1", "x2", "y2"]].to_numpy()  # type: ignore[index]
    return np.asarray(values, np.float32)


def _class_array(rows: object) -> npt.NDArray[np.int64]:
    if rows is None:
        return np.zeros(0, np.int64)
    names = rows["class"]  # type: ignore[index]
    # motorcycles, bicycles and persons are background
    return np.array([CLASS_OF.get(name, IGNORE - 1) for name in names], np.int64)
