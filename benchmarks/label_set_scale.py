"""Measure label sets of 100,000 frames: writes, merging, near-duplicates, splits.

::

    python -m benchmarks.label_set_scale --frames 100000

Prints one line a step with wall and CPU seconds. Pictures are not written: hashes are
random, groups are of three frames, a fifth of the labels are trucks.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from truckcount.labelling.label_set import LabelSet
from truckcount.labelling.picture_hash import link_near, unpack_hashes
from truckcount.labelling.read import read_examples
from truckcount.labelling.splits import SplitOptions, split_set


def make_frames(n, rng):
    data = rng.bytes(32 * n)
    event = np.arange(n) // 3
    return pd.DataFrame(
        {
            "image": [f"frames/{i:06d}.jpg" for i in range(n)],
            "camera": [f"c{e % 50}" for e in event],
            "group": [f"g{e}" for e in event],
            "day": [f"2026-{1 + e % 12:02d}-{1 + e % 28:02d}" for e in event],
            "t_utc": pd.Timestamp("2026-01-01", tz="UTC")
            + pd.to_timedelta(event * 60 + np.arange(n) % 3, unit="s"),
            "source": "clip.mp4",
            "source_t_s": np.nan,
            "width": 640,
            "height": 360,
            "phash": [data[32 * i : 32 * i + 32].hex() for i in range(n)],
            "light": "unknown",
            "drawn_by": "random",
        }
    )


def measure(name: str, step: Callable[[], object]) -> None:
    wall_s, cpu_s = time.perf_counter(), time.process_time()
    step()
    wall_s, cpu_s = time.perf_counter() - wall_s, time.process_time() - cpu_s
    print(f"{name:32s} {wall_s:7.2f} s wall {cpu_s:7.2f} s CPU", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--frames", type=int, default=100_000)
    n = parser.parse_args().frames
    rng = np.random.default_rng(1)
    frames = make_frames(n, rng)
    said = {"source": "model", "labeller": "m"}
    label = np.where(rng.random(n) < 0.2, "truck", "no_truck")
    labels = pd.DataFrame({"image": frames["image"], "label": label, **said})
    one = labels.iloc[:1].assign(source="person")
    words = unpack_hashes(frames["phash"].tolist())
    with tempfile.TemporaryDirectory() as folder:
        made = LabelSet.create(Path(folder) / "set")
        measure("add frames", lambda: made.add_frames(frames))
        measure("add labels", lambda: made.add_labels(labels))
        measure("add one label", lambda: made.add_labels(one))
        measure("merge labels", made.merged_labels)
        measure("link near-duplicates", lambda: link_near(words, 8))
        for by in ("day", "camera", "group"):
            options = SplitOptions(by=by)
            measure(f"split by {by}, and check", lambda o=options: split_set(made, o))
        measure(
            "read the examples of train", lambda: list(read_examples(made, "train"))
        )


if __name__ == "__main__":
    main()
