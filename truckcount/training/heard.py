"""Views with what teachers say of them, on disk: heard once, learned from often.

A teacher costs more than a pupil's step. Heard ahead, each view teaches as many
epochs, and as many pupils, as there is time for: the patience that [1]_ asks of a
good teacher costs nothing more.

References
----------
.. [1] Beyer et al., Knowledge distillation: a good teacher is patient and consistent,
   https://arxiv.org/abs/2106.05237
"""

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from truckcount.errors import LabelError
from truckcount.training.canvas import Draw, compose_view
from truckcount.training.photometric import disturb
from truckcount.training.targets import draw_target

logger = logging.getLogger(__name__)

LOG_EVERY = 500
FACTS = "heard.json"
Array = npt.NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class Said:
    """All that is imitated of one view; h = H/8, w = W/8 cells."""

    maps: npt.NDArray[np.float32]
    """Shape (7, h, w): logits, box sizes, offsets; what size gains is not in them."""
    stride8: npt.NDArray[np.float32]
    """Shape (C, h, w)."""
    stride16: npt.NDArray[np.float32]
    """Shape (C, h/2, w/2)."""


Teach = Callable[[npt.NDArray[np.uint8]], Said]
"""A disturbed view, shape (H, W, 3), to what is said of it."""


@dataclass(frozen=True, slots=True)
class HeardBatch:
    """N views of one size."""

    views: Tensor
    """uint8, shape (N, 3, H, W), channels last."""
    maps: Tensor
    """float32, shape (N, 7, h, w)."""
    stride8: Tensor
    stride16: Tensor
    truth: Tensor
    """float32, shape (N, 3, h, w): bumps around labelled centres."""
    trust: Tensor
    """float32, shape (N, h, w): 1 where missing labels mean an empty road."""


def hear(
    folder: Path,
    draw: Draw,
    teach: Teach,
    n_views: int,
    *,
    size: tuple[int, int] = (320, 192),
    seed: int = 0,
) -> None:
    """Compose views and write down what is said of them; go on where it stopped.

    Every view is a matter of the seed and its number alone, so that a run that was
    interrupted ends with the same bytes.

    Parameters
    ----------
    n_views : int
        A view of 320 x 192 takes 0.33 MB.
    size : (width, height)

    Raises
    ------
    LabelError
        When the folder was begun with other options.
    """
    folder.mkdir(parents=True, exist_ok=True)
    options = {"n_views": n_views, "size": list(size), "seed": seed}
    path = folder / FACTS
    first = 0
    if path.exists():
        known = json.loads(path.read_text())
        first = int(known.pop("done"))
        if known != options:
            msg = f"{folder} holds views of {known}, not of {options}: give another"
            raise LabelError(msg)
    arrays: dict[str, Array] = {}
    began = time.monotonic()
    for i in range(first, n_views):
        row = _hear_one(np.random.default_rng([seed, i]), draw, teach, size)
        if not arrays:
            arrays = {k: _open(folder / f"{k}.npy", n_views, v) for k, v in row.items()}
        for name, value in row.items():
            arrays[name][i] = value
        if (i + 1) % LOG_EVERY == 0 or i + 1 == n_views:
            for array in arrays.values():
                array.flush()  # type: ignore[attr-defined]
            path.write_text(json.dumps(options | {"done": i + 1}) + "\n")
            rate = (i + 1 - first) / (time.monotonic() - began)
            logger.info("%d views heard, %.1f a second", i + 1, rate)


def _hear_one(
    rng: np.random.Generator, draw: Draw, teach: Teach, size: tuple[int, int]
) -> dict[str, Array]:
    canvas = compose_view(rng, draw, *size)
    view = np.ascontiguousarray(disturb(rng, canvas.image))
    said, target = teach(view), draw_target(canvas)
    return {
        "views": view,
        "maps": said.maps.astype(np.float16),
        "stride8": said.stride8.astype(np.float16),
        "stride16": said.stride16.astype(np.float16),
        "truth": np.round(target.heat * 255).astype(np.uint8),
        "trust": target.trust.astype(np.uint8),
    }


def _open(path: Path, n: int, like: Array) -> Array:
    """Open an array on disk, made where it is not there yet."""
    shape = (n, *like.shape)
    if path.exists():
        return np.load(path, mmap_mode="r+")  # type: ignore[no-any-return]
    return np.lib.format.open_memmap(path, "w+", like.dtype, shape)


class HeardViews:
    """The views of folders that ``hear`` has filled, or is filling, one after another.

    Several folders let several processes hear at once, each with a seed of its own.

    Raises
    ------
    LabelError
        When nothing was heard yet, or views of two sizes.
    """

    NAMES = ("views", "maps", "stride8", "stride16", "truth", "trust")

    def __init__(self, *folders: Path) -> None:
        counts = [_count(folder) for folder in folders]
        self._starts = np.cumsum([0, *counts[:-1]])
        self._n = sum(counts)
        self._arrays = {
            k: [np.load(folder / f"{k}.npy", mmap_mode="r") for folder in folders]
            for k in self.NAMES
        }
        if len({views.shape[1:] for views in self._arrays["views"]}) > 1:
            shown = ", ".join(map(str, folders))
            raise LabelError(f"{shown} hold views of different sizes: hear them anew")

    def __len__(self) -> int:
        """Count the views."""
        return self._n

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        height, width = self._arrays["views"][0].shape[1:3]
        return width, height

    def rows(self, numbers: Sequence[int] | npt.NDArray[np.int64]) -> HeardBatch:
        """Read views by number."""
        order = np.sort(np.asarray(numbers))  # a disk reads forward best
        by_folder = np.split(order, np.searchsorted(order, self._starts[1:]))
        shares = [s - n for s, n in zip(by_folder, self._starts, strict=True)]
        parts = {
            k: torch.from_numpy(
                np.concatenate([a[s] for a, s in zip(arrays, shares, strict=True)])
            )
            for k, arrays in self._arrays.items()
        }
        views = parts["views"].permute(0, 3, 1, 2)
        return HeardBatch(
            views=views.contiguous(memory_format=torch.channels_last),
            maps=parts["maps"].float(),
            stride8=parts["stride8"].float(),
            stride16=parts["stride16"].float(),
            truth=parts["truth"].float() / 255,
            trust=parts["trust"].float(),
        )

    def draw(self, rng: np.random.Generator, n: int) -> HeardBatch:
        """Draw n views."""
        return self.rows(rng.integers(len(self), size=n))


def _count(folder: Path) -> int:
    path = folder / FACTS
    n = json.loads(path.read_text())["done"] if path.exists() else 0
    if not n:
        raise LabelError(f"{folder} holds no heard views: fill it with hear_views.py")
    return int(n)
