"""Frames to batches of training views, by several processes."""

import multiprocessing
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from truckcount.training.allocator import keep_freed_memory
from truckcount.training.classifier.augment import make_view
from truckcount.training.classifier.frames import Frames, place_boxes
from truckcount.training.classifier.options import ClassifierOptions
from truckcount.training.classifier.order import Key, item_rng
from truckcount.training.classifier.packed import PackedFrames

Batch = tuple[Tensor, Tensor, Tensor]
"""Views uint8 (N, 3, S, S); truck probability (N,); weight (N,)."""


class ViewDataset(Dataset[Batch]):
    """Training or evaluation views by :data:`Key`; an item depends on its key alone."""

    def __init__(
        self,
        frames: Frames,
        packed: PackedFrames | None,
        side_px: int,
        *,
        seed: int,
        augmentation: str,
        is_balanced: bool,
    ) -> None:
        self._frames = frames
        self._packed = packed
        self._side_px = side_px
        self._seed = seed
        self._augmentation = augmentation
        self._is_balanced = is_balanced

    def __getitem__(self, key: Key) -> Batch:
        """Make the view of a key."""
        row = key[2]
        frames = self._frames
        boxes = frames.boxes.get(frames.images[row])
        if self._packed is None:
            image, origin = frames.read_placed(row)
            if boxes is not None:
                boxes = place_boxes(boxes, origin, (image.shape[1], image.shape[0]))
        else:
            image = self._packed.read(row)
            if boxes is not None:
                boxes = self._packed.scale_boxes(row, boxes)
        view = make_view(
            item_rng(self._seed, key),
            image,
            boxes,
            self._side_px,
            self._augmentation,
            is_bold=frames.has_boxes,
        )
        # drawn by their weight already, where draws are balanced
        weight = 1.0 if self._is_balanced else float(frames.weight[row])
        return (
            torch.from_numpy(np.ascontiguousarray(view.transpose(2, 0, 1))),
            torch.tensor(frames.p_truck[row], dtype=torch.float32),
            torch.tensor(weight, dtype=torch.float32),
        )


class BatchLoader:
    """Makes batches of keys in order, by worker processes that live as long as it.

    Workers are forked from a clean server, not from this process: OpenCV's and
    torch's threads, forked while they hold a lock, wait for it for ever.

    Parameters
    ----------
    n_workers : int
        0 makes batches in this process.
    is_pinned : bool
        In page-locked memory, from which a GPU copies while it computes.
    """

    def __init__(
        self, dataset: ViewDataset, n_workers: int, *, is_pinned: bool = False
    ) -> None:
        self._keys = _Keys()
        options: dict[str, Any] = {}
        if n_workers:
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(["torch", "cv2", __name__])
            options = {
                "multiprocessing_context": context,
                "persistent_workers": True,
                "prefetch_factor": 4,
                "worker_init_fn": _start_worker,
            }
        self._loader: DataLoader[Batch] = DataLoader(
            dataset,
            batch_sampler=self._keys,
            num_workers=n_workers,
            pin_memory=is_pinned,
            # a loader draws a seed when it starts: not from the generator that dropout
            # draws from, or a resumed epoch would drop other units
            generator=torch.Generator(),
            **options,
        )

    def load(self, keys: list[list[Key]]) -> Iterator[Batch]:
        """Yield the batches of keys."""
        self._keys.batches = keys
        yield from self._loader


class _Keys:
    """The batches of the next pass."""

    def __init__(self) -> None:
        self.batches: list[list[Key]] = []

    def __iter__(self) -> Iterator[list[Key]]:
        return iter(self.batches)

    def __len__(self) -> int:
        return len(self.batches)


def training_set(
    frames: Frames,
    packed: PackedFrames | None,
    side_px: int,
    options: ClassifierOptions,
) -> ViewDataset:
    """Make the set of views to learn from."""
    return ViewDataset(
        frames,
        packed,
        side_px,
        seed=options.seed,
        augmentation=options.augmentation,
        is_balanced=options.balance == "sample",
    )


def plain_set(frames: Frames, packed: PackedFrames | None, side_px: int) -> ViewDataset:
    """Make the set of views as they are at run time."""
    return ViewDataset(
        frames, packed, side_px, seed=0, augmentation="none", is_balanced=False
    )


def _start_worker(_worker: int) -> None:
    import cv2

    keep_freed_memory()
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
