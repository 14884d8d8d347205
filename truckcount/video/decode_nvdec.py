"""A source to samples on a GPU: NVDEC decodes and the pictures stay where they are.

The packets alone tell which frames are samples, by the code that the CPU's decoder
chooses with; only these are asked of torchcodec [1]_, by their place in order of
presentation, and what it gives must bear the time that was asked for. Whatever
NVDEC cannot do is decoded on the CPU, with the reason in the log and the report.

References
----------
.. [1] https://docs.pytorch.org/torchcodec/stable/generated/torchcodec.decoders.VideoDecoder.html
"""

import heapq
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import islice
from typing import Any

from truckcount.domain.sample import Sample, ViewRect
from truckcount.domain.segment import SegmentReport
from truckcount.errors import DecodeError
from truckcount.video.access import MAX_PIXELS
from truckcount.video.decode_av import AvDecoder, Reading
from truckcount.video.decoder import not_finished
from truckcount.video.probe import first_rotation, open_container
from truckcount.video.sources import Source

logger = logging.getLogger(__name__)

CHUNK_FRAMES = 32
CHUNK_BYTES = 64 << 20  # of decoded RGB on the GPU, a stream: 10 pictures of 1080p
REORDER_PACKETS = 64  # twice what H.264 and HEVC may reorder, in fields
MAX_PTS_ERROR_S = 1e-3

Cut = Callable[[Any], Sequence[Any]]
"""Frames, uint8 (N, 3, H, W), to the N views of every rectangle, (N, h, w, 3)."""


def open_torchcodec(path: str) -> Any:
    """Open a file with NVDEC; raises what torchcodec raises."""
    from torchcodec.decoders import VideoDecoder

    return VideoDecoder(path, device="cuda")


class _NotOnGpuError(DecodeError):
    """NVDEC cannot read this file, or not as the CPU would."""


class NvdecDecoder:
    """Decodes one source on the GPU; see ``open_decoder``.

    Parameters
    ----------
    cut : Cut
        Cuts the views of a batch of frames where it lies.
    open_frames : callable
        Path to an object with ``get_frames_at`` and ``cpu_fallback`` as torchcodec's.
    """

    def __init__(
        self,
        source: Source,
        views: Sequence[ViewRect],
        *,
        start_us: int,
        sample_fps: float,
        cut: Cut,
        max_pixels: int = MAX_PIXELS,
        open_frames: Callable[[str], Any] = open_torchcodec,
    ) -> None:
        self._source = source
        self._on_cpu = AvDecoder(
            source,
            views,
            start_us=start_us,
            sample_fps=sample_fps,
            max_pixels=max_pixels,
        )
        self._max_pixels = max_pixels
        self._cut = cut
        self._open_frames = open_frames
        self._report: SegmentReport | None = None

    @property
    def report(self) -> SegmentReport:
        """What was read; known when the samples are exhausted."""
        if self._report is None:
            raise not_finished(self._source)
        return self._report

    def __iter__(self) -> Iterator[Sample]:
        """Yield the samples; their views are tensors on the GPU."""
        last_tick: int | None = None
        try:
            for sample in self._decode():
                last_tick = sample.tick
                yield sample
        except _NotOnGpuError as error:
            reason = f"decoded on the CPU: {error}"
        else:
            return
        logger.warning("%s: %s", self._source.name, reason)
        for sample in self._on_cpu:
            if last_tick is None or sample.tick > last_tick:
                yield sample
        report = self._on_cpu.report
        self._report = replace(report, warnings=(*report.warnings, reason))

    def _decode(self) -> Iterator[Sample]:
        clock = time.thread_time  # other threads decode other files meanwhile
        began, outside = clock(), 0.0
        if self._source.kind != "file":
            msg = f"a {self._source.kind} is not read by NVDEC"
            raise _NotOnGpuError(msg)
        if first_rotation(self._source, self._max_pixels):
            msg = "the picture is turned"
            raise _NotOnGpuError(msg)
        with open_container(self._source, self._max_pixels) as container:
            reading = _ListReading(container, self._on_cpu)
            for sample in reading.gpu_samples(self._open(), self._cut):
                paused = clock()
                yield sample
                outside += clock() - paused
            self._report = reading.report(clock() - began - outside)

    def _open(self) -> Any:
        try:
            frames = self._open_frames(self._source.path)
        except (RuntimeError, ValueError, OSError, ImportError) as error:
            raise _NotOnGpuError(_first_line(error)) from error
        if getattr(frames, "cpu_fallback", False):  # torchcodec tells since 0.9
            msg = f"codec not supported by NVDEC ({frames.cpu_fallback})"
            raise _NotOnGpuError(msg)
        return frames


@dataclass(frozen=True, slots=True)
class _Listed:
    """A frame that is known by its packet alone."""

    pts: int
    time_base: Fraction
    index: int
    """Place in order of presentation."""
    dts: int | None = None
    is_corrupt: bool = False
    interlaced_frame: bool = False


class _ListReading(Reading):
    """One pass over the packets; frames come from elsewhere."""

    def gpu_samples(self, frames: Any, cut: Cut) -> Iterator[Sample]:
        """Choose samples by the packets and fetch them chunk by chunk."""
        context = self._stream.codec_context
        self._size = self._displayed(context)
        picture_bytes = max(1, 3 * context.width * context.height)
        n_chunk = max(1, min(CHUNK_FRAMES, CHUNK_BYTES // picture_bytes))
        chosen = self.chosen()
        while chunk := list(islice(chosen, n_chunk)):
            views = cut(_fetch(frames, [listed for *_, listed in chunk]))
            # the picture's health is judged on the host, by the first view
            first = views[0].cpu().numpy()
            for k, (tick, t_us, elapsed, _) in enumerate(chunk):
                self._n_samples += 1
                yield Sample(
                    tick=tick,
                    t_us=t_us,
                    pts_us=elapsed,
                    views=tuple(view[k] for view in views),
                    quality_flags=self._health.process(t_us, first[k]),
                )

    def _frames(self) -> Iterator[_Listed]:
        """List the frames that the CPU's decoder would show, as it would show them."""
        waiting: list[tuple[int, int, bool]] = []
        n_read = index = 0
        last_pts: int | None = None
        packets = self._packets()
        while True:
            packet, may_skip = next(packets, (None, False))
            if packet is not None:
                if packet.is_discard:
                    continue
                if packet.is_corrupt or packet.pts is None:
                    msg = "damaged, or frames without a time of their own"
                    raise _NotOnGpuError(msg)
                heapq.heappush(waiting, (packet.pts, n_read, not may_skip))
                n_read += 1
                if len(waiting) <= REORDER_PACKETS:
                    continue
            if not waiting:
                break
            pts, _, is_shown = heapq.heappop(waiting)
            if last_pts is not None and pts <= last_pts:
                msg = "its clock jumps back or stands still"
                raise _NotOnGpuError(msg)
            last_pts = pts
            if is_shown:
                yield _Listed(pts, self._stream.time_base, index)
            index += 1
        if self._is_truncated:
            msg = "the file breaks off"
            raise _NotOnGpuError(msg)


def _fetch(frames: Any, wanted: list[_Listed]) -> Any:
    try:
        batch = frames.get_frames_at([listed.index for listed in wanted])
    except (RuntimeError, ValueError, IndexError) as error:
        raise _NotOnGpuError(_first_line(error)) from error
    times_s = [float(listed.pts * listed.time_base) for listed in wanted]
    for want, got in zip(times_s, batch.pts_seconds.tolist(), strict=True):
        if abs(want - got) > MAX_PTS_ERROR_S:
            msg = f"torchcodec gave the frame of {got:.3f} s for that of {want:.3f} s"
            raise _NotOnGpuError(msg)
    return batch.data


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
