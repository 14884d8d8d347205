"""Frames of one camera marked truck / no truck to weights that know the camera.

Nobody drew a box. A frame's score is the largest cell of its truck map inside the
gate, as when counting, and that one number is taught: multiple-instance learning,
whose bag is the frame [1]_. Three things keep a few hundred labels from spoiling the
map: the trunk's first blocks and all statistics stay, every gate cell of a
truck-free frame is a negative on its own, and elsewhere the map must stay near what
the network said before [2]_.

References
----------
.. [1] Pinheiro and Collobert, https://arxiv.org/abs/1411.6228
.. [2] Li and Hoiem, Learning without Forgetting, https://arxiv.org/abs/1606.09282
"""

import copy
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from truckcount.domain.camera import Gate
from truckcount.errors import LabelError
from truckcount.presence.peaks import inside_mask
from truckcount.presence.truckmap import STRIDE_PX, TruckMap, TruckMapOutput
from truckcount.presence.views import plan_views
from truckcount.training.photometric import disturb
from truckcount.training.run_state import DrawState, Facts, load_parts, save_parts
from truckcount.video.cut import cut_view

logger = logging.getLogger(__name__)

UInt8Array = npt.NDArray[np.uint8]
MAX_SHIFT = 0.06  # of a view's side: a camera sways, a gate's crop is rounded
MAX_ZOOM = 0.12


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnCameraOptions:
    """How far a few labels may move the shipped weights."""

    n_steps: int = 160
    batch_size: int = 8
    learning_rate: float = 3e-4
    n_frozen_blocks: int | None = None
    """First trunk blocks that stay, most of the cost of a step; the stem always
    does. None: all to where stride 8 leaves the trunk."""
    keep_share: float = 1.0
    """Weight of staying near the former map where labels say nothing."""
    disturbed_share: float = 0.5
    """Share of views that are changed as light and lens would."""
    seed: int = 0
    checkpoint_every: int = 20

    def __post_init__(self) -> None:
        if self.n_steps < 1 or self.batch_size < 2 or self.learning_rate <= 0:
            msg = (
                "want n_steps >= 1, batch_size >= 2 and learning_rate > 0, got "
                f"{self.n_steps}, {self.batch_size}, {self.learning_rate}"
            )
            raise LabelError(msg)

    def count_frozen(self, network: TruckMap) -> int:
        """Return how many blocks of a network stay.

        Raises
        ------
        LabelError
            When its trunk has left stride 8 before.
        """
        most = network.stride8_block + 1
        if self.n_frozen_blocks is None:
            return most
        if not 0 <= self.n_frozen_blocks <= most:
            msg = (
                f"n_frozen_blocks must be 0 to {most}, where stride 8 leaves the "
                f"trunk, got {self.n_frozen_blocks}"
            )
            raise LabelError(msg)
        return self.n_frozen_blocks


@dataclass(frozen=True, slots=True, kw_only=True)
class GateFrame:
    """One frame as the network sees it: its views and which cells are the gate's."""

    views: tuple[UInt8Array, ...]
    """Shape (H, W, 3) each, RGB."""
    masks: tuple[npt.NDArray[np.bool_], ...]
    """Shape (H/8, W/8) each."""

    def __repr__(self) -> str:
        return f"GateFrame(views={[v.shape for v in self.views]})"


def cut_gate_frame(
    image: UInt8Array, gates: Sequence[Gate], view_size: tuple[int, int]
) -> GateFrame:
    """Cut the views of a camera's gates from a frame.

    Parameters
    ----------
    image : uint8 array, shape (H, W, 3), RGB
    """
    rects = plan_views(gates, (image.shape[1], image.shape[0]), view_size)
    polygons = {gate.name: gate.polygon for gate in gates}
    bgr = np.ascontiguousarray(image[:, :, ::-1])
    return GateFrame(
        views=tuple(cut_view(bgr, rect) for rect in rects),
        masks=tuple(
            inside_mask(
                rect,
                polygons[rect.gate],
                (rect.height_px // STRIDE_PX, rect.width_px // STRIDE_PX),
            )
            for rect in rects
        ),
    )


def finetune_on_labels(
    network: TruckMap,
    frames: Sequence[GateFrame],
    labels: npt.ArrayLike,
    options: OwnCameraOptions | None = None,
    folder: Path | None = None,
    facts: Facts | None = None,
    weights: npt.ArrayLike | None = None,
) -> TruckMap:
    """Return a copy of the network that fits the labels of whole frames.

    Parameters
    ----------
    labels : array_like, shape (N,)
        1 where a truck's centre is in the gate, 0 where none is, soft between.
    folder : Path, optional
        Where the run is kept: killed, it goes on there to the same weights.
    facts : dict, optional
        What a run to go on with must have in common with this one.
    weights : array_like, shape (N,), optional
        How often each frame is drawn, beside those of its kind.

    Raises
    ------
    LabelError
        When there are no frames, or fewer or more labels than frames.
    ConfigError
        When the folder holds a run with other facts.
    """
    options = OwnCameraOptions() if options is None else options
    truth = np.asarray(labels, np.float32)
    if truth.shape != (len(frames),) or not len(frames):
        msg = f"want one label a frame, got {len(frames)} frames, labels {truth.shape}"
        raise LabelError(msg)
    if not (truth.min() >= 0 and truth.max() <= 1):
        msg = f"labels must lie in [0, 1], got {truth.min()} to {truth.max()}"
        raise LabelError(msg)
    teacher = copy.deepcopy(network).eval().requires_grad_(requires_grad=False)
    # statistics of one camera's few frames are worse than those of all others:
    # batch norm and dropout stay as in use
    student = copy.deepcopy(network).eval().requires_grad_(requires_grad=True)
    n_frozen = options.count_frozen(network)
    for module in [student.stem, *student.blocks][: n_frozen + 1]:
        module.requires_grad_(requires_grad=False)
    parameters = [p for p in student.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, options.learning_rate, weight_decay=0.0)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, options.learning_rate, options.n_steps, pct_start=0.2
    )
    rng = np.random.default_rng(options.seed)
    draw = BalancedDraw(truth, np.asarray(1.0 if weights is None else weights, float))
    parts = {
        "network": student,
        "optimizer": optimizer,
        "scheduler": scheduler,
        "draw": DrawState(rng),
    }
    first = 0 if folder is None else load_parts(folder, parts, facts)
    running = 0.0
    for step in range(first, options.n_steps):
        chosen = draw(rng, options.batch_size)
        batch = [_vary(rng, frames[i], options.disturbed_share) for i in chosen]
        target = torch.from_numpy(truth[chosen])
        loss = _loss(student, teacher, batch, target, options)
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(parameters, 5.0)
        optimizer.step()
        scheduler.step()
        running = 0.95 * running + 0.05 * float(loss.detach())
        if (step + 1) % 40 == 0:
            logger.info("step %d loss %.4f", step + 1, running)
        is_last = step + 1 == options.n_steps
        if folder and (is_last or (step + 1) % options.checkpoint_every == 0):
            save_parts(folder, parts, step + 1, facts)
    return student.requires_grad_(requires_grad=True)


class BalancedDraw:
    """Draw frames so that trucks and empty roads teach equally, where both are."""

    def __init__(
        self, truth: npt.NDArray[np.float32], weights: npt.NDArray[np.float64]
    ) -> None:
        parts = [np.flatnonzero(truth >= 0.5), np.flatnonzero(truth < 0.5)]
        self._parts = [part for part in parts if len(part)]
        every = np.broadcast_to(weights, truth.shape)
        is_even = every.min() == every.max()
        self._shares = [
            None if is_even else every[part] / every[part].sum() for part in self._parts
        ]

    def __call__(self, rng: np.random.Generator, n: int) -> npt.NDArray[np.int64]:
        """Draw n frames, one kind after the other."""
        kinds = [k % len(self._parts) for k in range(n)]
        return np.array(
            [rng.choice(self._parts[k], p=self._shares[k]) for k in kinds], np.int64
        )


def _loss(
    student: TruckMap,
    teacher: TruckMap,
    batch: Sequence[GateFrame],
    target: Tensor,
    options: OwnCameraOptions,
) -> Tensor:
    """Loss of the frames' scores, of empty gates' cells and of what should stay."""
    best: list[list[Tensor]] = [[] for _ in batch]
    empty, kept = [], []
    n_frozen = options.count_frozen(student)
    for rows, views, masks in _by_shape(batch):
        with torch.no_grad():  # both share the frozen blocks, most of the cost
            shared = teacher.forward_to(views, n_frozen)
            old = teacher.forward_from(shared, n_frozen)
        new = student.forward_from(shared, n_frozen)
        logits = new.heat[:, 0]
        inside = logits.masked_fill(~masks, -torch.inf)
        is_empty = (target[rows] < 0.5)[:, None, None] & masks
        for k, row in enumerate(rows):
            if masks[k].any():
                best[row].append(inside[k].max())
        # focal, so that a cell already low has no say; the sum is of few cells
        p = torch.sigmoid(logits)
        empty.append((p**2 * F.softplus(logits) * is_empty).sum())
        kept.append(_drift(new, old, is_empty))
    scored = [i for i, found in enumerate(best) if found]
    if not scored:
        msg = "no gate covers the middle of a map cell; draw the gate larger"
        raise LabelError(msg)
    score = torch.stack([torch.stack(best[i]).max() for i in scored])
    bag = F.binary_cross_entropy_with_logits(score, target[scored])
    n = len(batch)
    return (
        bag
        + 0.5 * torch.stack(empty).sum() / n
        + (options.keep_share * torch.stack(kept).sum() / n)
    )


def _drift(new: TruckMapOutput, old: TruckMapOutput, is_free: Tensor) -> Tensor:
    """How far a map has gone from the former one where it should not.

    Parameters
    ----------
    is_free : bool tensor, shape (N, h, w)
        Cells that labels teach; the others must stay.
    """
    before = torch.sigmoid(old.heat)
    apart = (torch.sigmoid(new.heat) - before) ** 2
    stays = apart.clone()
    stays[:, 0] = apart[:, 0].masked_fill(is_free, 0.0)
    # boxes matter where there was a truck
    box = (new.size - old.size).abs().sum(1) + (new.offset - old.offset).abs().sum(1)
    return stays.sum() + 0.2 * (box * before[:, 0]).sum()


def _by_shape(
    batch: Sequence[GateFrame],
) -> list[tuple[list[int], Tensor, Tensor]]:
    """Gather the views of a batch by shape: rows, views (M, 3, H, W), masks."""
    groups: dict[tuple[int, ...], list[tuple[int, UInt8Array, npt.NDArray[np.bool_]]]]
    groups = {}
    for row, frame in enumerate(batch):
        for view, mask in zip(frame.views, frame.masks, strict=True):
            groups.setdefault(view.shape, []).append((row, view, mask))
    out = []
    for shape in sorted(groups):
        rows = [row for row, *_ in groups[shape]]
        views = torch.from_numpy(np.stack([v for _, v, _ in groups[shape]]))
        masks = torch.from_numpy(np.stack([m for *_, m in groups[shape]]))
        out.append((rows, views.permute(0, 3, 1, 2), masks))
    return out


def _vary(rng: np.random.Generator, frame: GateFrame, share: float) -> GateFrame:
    """Shift, zoom, mirror and disturb a frame; its gate goes with it."""
    is_mirrored, zoom = rng.random() < 0.5, np.exp(rng.uniform(-MAX_ZOOM, MAX_ZOOM))
    shift = rng.uniform(-MAX_SHIFT, MAX_SHIFT, 2)
    is_disturbed = rng.random() < share
    views, masks = [], []
    for view, mask in zip(frame.views, frame.masks, strict=True):
        height, width = view.shape[:2]
        moved = cv2.warpAffine(
            view,
            _way(width, height, zoom, shift),
            (width, height),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REFLECT_101,
        )
        gate = cv2.warpAffine(
            mask.astype(np.uint8),
            _way(mask.shape[1], mask.shape[0], zoom, shift),
            (mask.shape[1], mask.shape[0]),
            flags=cv2.INTER_NEAREST,
        )
        if is_mirrored:
            moved, gate = moved[:, ::-1], gate[:, ::-1]
        moved = np.ascontiguousarray(moved).astype(np.uint8, copy=False)
        views.append(disturb(rng, moved) if is_disturbed else moved)
        masks.append(np.ascontiguousarray(gate).astype(np.bool_))
    return GateFrame(views=tuple(views), masks=tuple(masks))


def _way(
    width: int, height: int, zoom: float, shift: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Affine matrix that zooms about the middle, then shifts by shares of a side."""
    return np.array(
        [
            [zoom, 0, (1 - zoom) * width / 2 + shift[0] * width],
            [0, zoom, (1 - zoom) * height / 2 + shift[1] * height],
        ]
    )
