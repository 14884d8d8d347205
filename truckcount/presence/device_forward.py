"""Views to maps on one device: batches of few sizes, recorded once, played back.

A network this small is bound by launches: on CUDA its kernels are recorded as a
graph for each size of batch [1]_ and played back by one call. A batch of another
size is padded to the next of these sizes. Views go up through pinned memory on a
stream of their own and maps come down on another, while the batch before is scored.
On a CPU the same code runs without streams and graphs: the reference of the tests.

References
----------
.. [1] https://pytorch.org/blog/accelerating-pytorch-with-cuda-graphs/
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from truckcount.presence.runtime import Maps

logger = logging.getLogger(__name__)

BATCH_SIZES = (8, 16, 32, 64, 128, 256, 512, 1024)
"""Sizes that are recorded: padding at most doubles a batch, and only a small one."""
MAX_IN_FLIGHT = 2  # chunks: one is scored while the next goes up
WARM_UPS = 3  # forward passes before recording, for what is allocated or tuned once

Forward = Callable[[Tensor], tuple[Tensor, Tensor]]
"""uint8 (N, H, W, 3) to heat (N, h, w) and box (N, 4, h, w), float32, on one device."""


def plan_chunks(n: int, sizes: tuple[int, ...] = BATCH_SIZES) -> list[tuple[int, int]]:
    """Cut a batch into chunks: (number of views, size that it is padded to)."""
    most = sizes[-1]
    chunks = [(most, most)] * (n // most)
    rest = n % most
    if rest:
        chunks.append((rest, min(size for size in sizes if size >= rest)))
    return chunks


@dataclass(slots=True)
class _Recorded:
    """The forward pass of one size of batch and one shape of view."""

    views: Tensor
    """Where its input must lie."""
    play: Callable[[], tuple[Tensor, Tensor]]


@dataclass(slots=True)
class Pending:
    """Maps that are on their way; ``result`` waits for them."""

    parts: list[tuple[Tensor, Tensor]] = field(default_factory=list)
    arrived: Any = None
    """A CUDA event; None where nothing needs to be waited for."""

    def result(self) -> Maps:
        """Wait for the device and return the maps of the whole batch."""
        if self.arrived is not None:
            self.arrived.synchronize()
        heat, box = (
            parts[0].numpy() if len(parts) == 1 else torch.cat(parts).numpy()
            for parts in zip(*self.parts, strict=True)
        )
        return Maps(heat, box)


class DeviceForward:
    """Runs a network's forward pass over batches of any size.

    Parameters
    ----------
    forward : Forward
        Must do the same work whatever the pixels are.
    device : str
        ``cuda``, ``cuda:1`` or ``cpu``.
    sizes : tuple of int
        Sizes of batch, rising.
    """

    def __init__(
        self, forward: Forward, device: str, sizes: tuple[int, ...] = BATCH_SIZES
    ) -> None:
        self._forward = forward
        self._device = torch.device(device)
        self._sizes = sizes
        self._is_cuda = self._device.type == "cuda"
        self._recorded: dict[tuple[int, ...], _Recorded] = {}
        self._inputs: Tensor | None = None
        self._pool: Any = None
        self._in_flight: deque[Any] = deque()
        self._lock = threading.Lock()
        if self._is_cuda:
            self._up, self._run, self._down = (
                torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
                for _ in range(3)
            )

    @torch.inference_mode()
    def submit(self, parts: Sequence[npt.NDArray[np.uint8] | Tensor]) -> Pending:
        """Begin to score a batch; at most ``MAX_IN_FLIGHT`` chunks are under way.

        Parameters
        ----------
        parts : sequence of uint8 arrays or tensors, shape (N, H, W, 3), RGB
            Of one shape but for N. Tensors that lie on the device already are not
            copied through the host.
        """
        left = deque(
            torch.from_numpy(part) if isinstance(part, np.ndarray) else part
            for part in parts
        )
        pending = Pending()
        with self._lock:
            for n, size in plan_chunks(sum(map(len, left)), self._sizes):
                pending.parts.append(self._send(_take(left, n), n, size))
            if self._is_cuda and self._in_flight:
                pending.arrived = self._in_flight[-1]
        return pending

    def _send(self, parts: list[Tensor], n: int, size: int) -> tuple[Tensor, Tensor]:
        """Upload, score and download one chunk; on CUDA only queue all that."""
        recorded = self._recorded_for(size, parts[0].shape[1:])
        while len(self._in_flight) >= MAX_IN_FLIGHT:
            self._in_flight.popleft().synchronize()
        staged = self._upload(parts, n)
        with self._on_run_stream():
            recorded.views[:n].copy_(staged)
            heat, box = recorded.play()
            # the next batch overwrites what was played: its rows leave at once
            heat, box = heat[:n].clone(), box[:n].clone()
        return self._download(heat, box)

    def _upload(self, parts: list[Tensor], n: int) -> Tensor:
        if not self._is_cuda:
            return torch.cat(parts)
        if parts[0].is_cuda:  # made on the default stream, by decoders
            chunk = torch.cat(parts)
            self._run.wait_stream(torch.cuda.default_stream(self._device))
            chunk.record_stream(self._run)
            return chunk
        # both allocators give memory again only after the streams are done with it
        shape = (n, *parts[0].shape[1:])
        pinned = torch.empty(shape, dtype=torch.uint8, pin_memory=True)
        begin = 0
        for part in parts:  # by several threads where a part is large
            pinned[begin : begin + len(part)].copy_(part)
            begin += len(part)
        with torch.cuda.stream(self._up):
            staged = pinned.to(self._device, non_blocking=True)
        self._run.wait_stream(self._up)
        staged.record_stream(self._run)
        return staged

    def _download(self, heat: Tensor, box: Tensor) -> tuple[Tensor, Tensor]:
        if not self._is_cuda:
            return heat, box
        self._down.wait_stream(self._run)
        with torch.cuda.stream(self._down):
            found = []
            for part in (heat, box):
                part.record_stream(self._down)
                host = torch.empty(part.shape, dtype=part.dtype, pin_memory=True)
                host.copy_(part, non_blocking=True)
                found.append(host)
            arrived = torch.cuda.Event()  # type: ignore[no-untyped-call]
            arrived.record(self._down)
        self._in_flight.append(arrived)
        return found[0], found[1]

    def _on_run_stream(self) -> AbstractContextManager[Any]:
        return torch.cuda.stream(self._run) if self._is_cuda else nullcontext()

    def _recorded_for(self, size: int, shape: torch.Size) -> _Recorded:
        key = (size, *shape)
        if key not in self._recorded:
            self._recorded[key] = self._record(size, shape)
        return self._recorded[key]

    def _record(self, size: int, shape: torch.Size) -> _Recorded:
        views = self._input_of((size, *shape))
        if not self._is_cuda:
            return _Recorded(views, lambda: self._forward(views))
        tuned = torch.backends.cudnn.flags(enabled=True, benchmark=True)
        with torch.cuda.stream(self._run), tuned:
            for _ in range(WARM_UPS):
                self._forward(views)
            self._run.synchronize()
            graph = torch.cuda.CUDAGraph()
            self._pool = self._pool or torch.cuda.graph_pool_handle()
            try:
                # other threads decode meanwhile: their calls are no fault of ours
                with torch.cuda.graph(
                    graph,
                    pool=self._pool,
                    stream=self._run,
                    capture_error_mode="thread_local",
                ):
                    out = self._forward(views)
            except RuntimeError as error:
                logger.warning("no CUDA graph for a batch of %s: %s", size, error)
                return _Recorded(views, lambda: self._forward(views))

        def play() -> tuple[Tensor, Tensor]:
            graph.replay()
            return out

        return _Recorded(views, play)

    def _input_of(self, shape: tuple[int, ...]) -> Tensor:
        """Return where batches of a shape must lie: all share one stretch of memory.

        They may, because batches are scored one after the other; a graph keeps the
        stretch that it was recorded with.
        """
        n = int(np.prod(shape))
        if self._inputs is None or self._inputs.numel() < n:
            most = int(np.prod((self._sizes[-1], *shape[1:])))
            self._inputs = torch.zeros(most, dtype=torch.uint8, device=self._device)
        return self._inputs[:n].view(shape)


def _take(left: deque[Tensor], n: int) -> list[Tensor]:
    """Take the first n views off a line of parts."""
    taken = []
    while n:
        part = left.popleft()
        if len(part) > n:
            left.appendleft(part[n:])
            part = part[:n]
        taken.append(part)
        n -= len(part)
    return taken
