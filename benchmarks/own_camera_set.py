"""True passages of clips to a label set as a user of one camera would have it."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from truckcount.domain.camera import Camera
from truckcount.evaluation.matching import Stay
from truckcount.evaluation.truth import ClipTruth
from truckcount.labelling.frame_files import store_image
from truckcount.labelling.label_set import LabelSet
from truckcount.training.clip_frames import read_clip_frames

SURE_S = 0.3  # data.md: passages begin and end to about this
CLEAR_S = 0.6  # no truck this near: certainly none
HELD_SHARE = 0.2  # the last frames of each label, for the border


@dataclass(frozen=True)
class Part:
    """A stretch of a clip that is marked or scored."""

    truth: ClipTruth
    camera: Camera
    from_s: float
    passages: tuple[tuple[Stay, str], ...]
    """All true passages with their verdicts."""


def read_verdicts(folder: Path) -> dict[str, list[tuple[Stay, str]]]:
    """Read every passage with its verdict, whether it is scored or not."""
    found: dict[str, list[tuple[Stay, str]]] = {}
    with (folder / "passages.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            stay = Stay(
                onset_s=float(row["onset_s"]),
                offset_s=float(row["offset_s"]),
                direction=row["direction"],
            )
            found.setdefault(row["clip"], []).append((stay, row["verdict"]))
    return found


def mark(t_s: float, passages: tuple[tuple[Stay, str], ...]) -> int | None:
    """Say whether a truck is in the gate; None where nobody could."""
    near = [
        (stay, verdict)
        for stay, verdict in passages
        if stay.onset_s - CLEAR_S <= t_s <= stay.offset_s + CLEAR_S
    ]
    for stay, verdict in near:
        is_inside = stay.onset_s + SURE_S <= t_s <= stay.offset_s - SURE_S
        if verdict == "truck" and is_inside:
            return 1
    return None if near else 0


def held_out(marks: list[int]) -> list[str]:
    """Say ``train`` or ``val`` of frames in time order.

    >>> held_out([0, 0, 1, 0, 0, 1, 0])
    ['train', 'train', 'train', 'train', 'train', 'val', 'val']
    """
    parts = ["train"] * len(marks)
    for label in (0, 1):
        rows = [i for i, m in enumerate(marks) if m == label]
        n_held = round(HELD_SHARE * len(rows)) if len(rows) >= 5 else len(rows) // 2
        for i in rows[len(rows) - n_held :]:
            parts[i] = "val"
    return parts


def write_marked_set(
    root: Path, marked: tuple[tuple[Part, float], ...], n_frames: int
) -> list[int]:
    """Mark frames of parts up to a second each, write them as a set, say the marks."""
    label_set = LabelSet.create(root)
    rows: list[dict[str, object]] = []
    marks: list[int] = []
    share = -(-n_frames // len(marked))
    for part, until_s in marked:
        times = np.linspace(0.0, max(until_s - 0.05, 0.05), 3 * share)
        sure = [t for t in times if mark(float(t), part.passages) is not None]
        if len(sure) > share:
            sure = [sure[i * len(sure) // share] for i in range(share)]
        seen = -1.0
        for t_s, image in read_clip_frames(part.truth.file, np.array(sure)):
            label = mark(t_s, part.passages)
            if label is None or t_s <= seen:  # a slow clip has fewer than asked
                continue
            seen = t_s
            clip = part.truth.clip
            stored = store_image(root, f"{clip}_{t_s:08.3f}", image, has_own_name=True)
            rows.append(
                {
                    "image": stored.image,
                    "camera": part.camera.name,
                    "group": clip,
                    "day": "",
                    "t_utc": pd.NaT,
                    "source": part.truth.file.name,
                    "source_t_s": t_s,
                    "width": stored.width,
                    "height": stored.height,
                    "phash": stored.phash,
                    "light": "unknown",
                    "drawn_by": "spread",
                }
            )
            marks.append(label)
    if not rows:
        return []
    frames = pd.DataFrame(rows)
    label_set.add_frames(frames)
    words = ["truck" if m else "no_truck" for m in marks]
    said = {"label": words, "source": "person", "labeller": "truth"}
    label_set.add_labels(frames[["image"]].assign(**said))
    splits = {"split": held_out(marks), "unit": frames["group"].to_list()}
    label_set.write_splits(frames[["image"]].assign(**splits))
    return marks
