"""A label set to what is wrong with it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from truckcount.errors import LabelError
from truckcount.labelling.frame_files import decode_picture
from truckcount.labelling.label_set import LABEL_KEY, LabelSet
from truckcount.labelling.schema import RANK, TABLES
from truckcount.labelling.splits import check_leaks
from truckcount.labelling.units import NEAR_BITS

if TYPE_CHECKING:
    import pandas as pd

FOUND_SHOWN = 3


@dataclass(frozen=True, slots=True)
class SetFault:
    """One thing that is wrong, or worth knowing, in a label set."""

    what: str
    n: int
    is_broken: bool = True
    """False: allowed, but worth a look."""

    def __str__(self) -> str:
        return f"{'broken' if self.is_broken else 'note'}: {self.what} ({self.n})"


def check_set(label_set: LabelSet, *, is_thorough: bool = False) -> list[SetFault]:
    """Check schema, files, labels, boxes and splits.

    Parameters
    ----------
    is_thorough : bool
        Decode every picture and compare its size, too.
    """
    tables: dict[str, pd.DataFrame] = {}
    faults: list[SetFault] = []
    for name in TABLES:
        try:
            tables[name] = label_set.read(name)
        except LabelError as error:
            faults.append(SetFault(str(error), 1))
    if len(tables) < len(TABLES):
        return faults
    frames = tables["frames"]
    faults += _check_files(label_set, frames)
    if is_thorough:
        faults += _check_pictures(label_set, frames)
    faults += _check_rows(tables)
    faults += _check_labels(tables["labels"])
    faults += _check_boxes(tables["boxes"], frames)
    faults += _check_splits(label_set, frames, tables["splits"])
    return faults


def _check_files(label_set: LabelSet, frames: "pd.DataFrame") -> Iterator[SetFault]:
    files = {
        f"frames/{p.relative_to(label_set.root / 'frames').as_posix()}"
        for p in (label_set.root / "frames").rglob("*")
        if p.is_file() and not p.name.startswith(".")
    }
    named = set(frames["image"])
    yield from _some("no such file", sorted(named - files))
    yield from _some(
        "file without a row in frames", sorted(files - named), is_broken=False
    )
    strange = [i for i in named if not i.startswith("frames/") or ".." in i.split("/")]
    yield from _some("image outside of frames/", sorted(strange))


def _check_pictures(label_set: LabelSet, frames: "pd.DataFrame") -> Iterator[SetFault]:
    damaged, resized = [], []
    for row in frames.itertuples():
        path = label_set.root / str(row.image)
        if not path.is_file():
            continue
        try:
            image = decode_picture(path.read_bytes(), str(path))
        except LabelError:
            damaged.append(str(row.image))
            continue
        if image.shape[:2] != (row.height, row.width):
            resized.append(str(row.image))
    yield from _some("picture that cannot be decoded", damaged)
    yield from _some("picture of another size than its row says", resized)


def _check_rows(tables: dict[str, "pd.DataFrame"]) -> Iterator[SetFault]:
    known = set(tables["frames"]["image"])
    for name in ("labels", "boxes", "splits"):
        images = tables[name]["image"]
        lost = images[~images.isin(known)].drop_duplicates().tolist()
        yield from _some(f"image of {name} that is no frame", lost)
    for name, key in (
        ("frames", ["image"]),
        ("labels", LABEL_KEY),
        ("splits", ["image"]),
    ):
        rows = tables[name]
        twice = rows["image"][rows.duplicated(key)].drop_duplicates().tolist()
        yield from _some(f"row of {name} that stands twice", twice)


def _check_labels(labels: "pd.DataFrame") -> Iterator[SetFault]:
    p, is_skip = labels["p_truck"], labels["label"] == "skip"
    is_wrong = ~is_skip & ~(
        p.between(0, 1) & ((p >= 0.5) == (labels["label"] == "truck"))
    )
    images = labels["image"][is_wrong].drop_duplicates().tolist()
    yield from _some("label that its p_truck contradicts", images)
    bad = labels["image"][~(labels["weight"] >= 0)].tolist()
    yield from _some("negative weight", bad)
    rank = labels["source"].map(RANK)
    best = labels[~is_skip & (rank == rank.groupby(labels["image"]).transform("min"))]
    n_said = best.groupby("image")["label"].nunique()
    yield from _some(
        "image whose best labellers disagree",
        n_said[n_said > 1].index.tolist(),
        is_broken=False,
    )


def _check_boxes(boxes: "pd.DataFrame", frames: "pd.DataFrame") -> Iterator[SetFault]:
    sized = boxes.merge(frames[["image", "width", "height"]], on="image", how="inner")
    x1, y1, x2, y2 = (sized[c].to_numpy() for c in ("x1", "y1", "x2", "y2"))
    is_in = (x1 >= -0.5) & (y1 >= -0.5) & (x1 < x2) & (y1 < y2)
    is_in &= x2 <= sized["width"].to_numpy() + 0.5
    is_in &= y2 <= sized["height"].to_numpy() + 0.5
    images = np.unique(sized["image"].to_numpy()[~is_in].astype(str)).tolist()
    yield from _some("image with a box outside of it", images)


def _check_splits(
    label_set: LabelSet, frames: "pd.DataFrame", splits: "pd.DataFrame"
) -> Iterator[SetFault]:
    if splits.empty:
        return
    missing = frames["image"][~frames["image"].isin(splits["image"])].tolist()
    yield from _some("frame in no part of the split", missing, is_broken=False)
    made = [e for e in label_set.header["provenance"] if e["what"] == "label split"]
    args = made[-1]["args"] if made else {}
    try:
        check_leaks(
            frames,
            splits.drop_duplicates("image"),
            by=str(args.get("by", "group")),
            near_bits=int(args.get("near_bits", NEAR_BITS)),
        )
    except LabelError as error:
        yield SetFault(str(error), 1)


def _some(what: str, images: list[str], *, is_broken: bool = True) -> list[SetFault]:
    if not images:
        return []
    shown = ", ".join(images[:FOUND_SHOWN])
    more = ", ..." if len(images) > FOUND_SHOWN else ""
    return [SetFault(f"{what}: {shown}{more}", len(images), is_broken)]
