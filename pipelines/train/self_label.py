"""Let the shipped map label frames of clips, for training on what nobody boxed.

    python pipelines/train/self_label.py --clips ../shared/data/clips --to runs/self
    python pipelines/train/train_truckmap.py --data DATA --run RUN --label-set runs/self

Only clips of role `train` are read, never those of role `score`. Where a person's
passages of the gate say otherwise than the teacher, a frame is left out.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from truckcount.errors import LabelError, TruckcountError
from truckcount.labelling.label_set import LabelSet
from truckcount.presence.weights import find_weights
from truckcount.training.clip_frames import gate_polygons, read_clip_frames
from truckcount.training.self_labels import (
    SelfLabeller,
    SelfLabelOptions,
    UnlabelledFrame,
    label_frames,
)

ROLE = "train"
EDGE_S = 0.4  # passages begin and end to about 0.3 s: nearer than that nobody can say


def has_truck(passages: pd.DataFrame, t_s: float) -> bool | None:
    """Say whether a truck is in the gate; None near a passage's ends, or unsure."""
    near = passages[
        (passages.onset_s - EDGE_S <= t_s) & (passages.offset_s + EDGE_S >= t_s)
    ]
    if near.empty:
        return False
    trucks = near[near.verdict == "truck"]
    is_inside = (trucks.onset_s + EDGE_S <= t_s) & (trucks.offset_s - EDGE_S >= t_s)
    return True if is_inside.any() else None


def read_frames(folder: Path, every_s: float) -> Iterator[UnlabelledFrame]:
    """Yield frames of the clips that may be trained on."""
    clips = pd.read_csv(folder / "clips.csv")
    clips = clips[clips.role == ROLE]
    if clips.empty:
        msg = f"{folder} has no clip of role {ROLE!r}; others are never learned from"
        raise LabelError(msg)
    truth = pd.read_csv(folder / "passages.csv")
    gates = gate_polygons(folder / "cameras.toml")
    for clip in clips.itertuples():
        mine = truth[truth["clip"] == clip.clip]
        until_s = float(clip.annotated_until_s)
        # between the frames that read_train_clips takes, so that both teach
        times = np.arange(every_s / 2, until_s, every_s)
        for t_s, image in read_clip_frames(folder / clip.file, times):
            yield UnlabelledFrame(
                image=image,
                camera=clip.camera,
                group=clip.group,
                source=clip.file,
                t_s=t_s,
                gate=tuple((x, y) for x, y in gates[clip.camera]),
                has_truck=has_truck(mine, t_s) if t_s <= until_s else None,
            )


def main() -> int:
    """Write the label set and print what is in it."""
    usual = SelfLabelOptions()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--teacher", default="truckmap", help="name or path")
    parser.add_argument("--every-s", type=float, default=0.5)
    parser.add_argument("--sure", type=float, default=usual.sure)
    parser.add_argument("--empty-every", type=int, default=usual.empty_every)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    try:
        weights = find_weights(arguments.teacher)
        teacher = SelfLabeller(weights)
        options = SelfLabelOptions(
            sure=arguments.sure, empty_every=arguments.empty_every
        )
        frames = read_frames(arguments.clips, arguments.every_s)
        label_set = LabelSet.create(arguments.to)
        done = label_frames(label_set, frames, teacher.find, weights.model_id, options)
    except TruckcountError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(asdict(done)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
