"""How many training views a second the loader makes on this machine."""

import time

import numpy as np

from truckcount.training.classifier.dataset import BatchLoader, training_set
from truckcount.training.classifier.frames import Frames
from truckcount.training.classifier.options import ClassifierOptions
from truckcount.training.classifier.order import batch_keys
from truckcount.training.classifier.packed import PackedFrames

N_BATCHES = 6


def measure_loader(
    frames: Frames,
    packed: PackedFrames | None,
    side_px: int,
    options: ClassifierOptions,
    n_batches: int = N_BATCHES,
) -> float:
    """Return views per second of the loader alone, its start not counted.

    With workers the first batches wait for them: they are left out.
    """
    rows = np.resize(frames.rows_of("train"), options.batch_size * (n_batches + 2))
    keys = batch_keys(rows.astype(np.int64), 0, options.batch_size)
    loader = BatchLoader(
        training_set(frames, packed, side_px, options), options.n_workers
    )
    times = []
    n_views = 0
    for batch in loader.load(keys):
        times.append(time.perf_counter())
        n_views = len(batch[0])
    return n_views * (len(times) - 2) / max(times[-1] - times[1], 1e-9)
