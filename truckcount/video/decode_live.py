"""One connection to a live camera to samples, as they arrive."""

import logging
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import av

from truckcount.domain.sample import Sample, ViewRect
from truckcount.domain.ticks import TickSampler
from truckcount.errors import DecodeError
from truckcount.video.access import MAX_PIXELS, check_pixels
from truckcount.video.arrival_clock import ArrivalClock
from truckcount.video.crop import ViewCropper
from truckcount.video.health import PictureHealth
from truckcount.video.picture_shape import displayed_size, read_pixel_aspect
from truckcount.video.probe import open_container
from truckcount.video.slow_link import Arrival, find_first_delay_us
from truckcount.video.sources import Source

logger = logging.getLogger(__name__)

OPEN_TIMEOUT_S = 10.0  # some recorders take seconds to wake a camera
READ_TIMEOUT_S = 5.0  # without a packet; then the connection is begun anew
# RTSP says in its SDP what comes: what is looked at first is lost time. FFmpeg's
# smallest values; a codec that the SDP leaves open is found in the stream itself
SHORT_LOOK = {"analyzeduration": "1", "probesize": "32", "fpsprobesize": "0"}
# to packets before the first is placed, where the stream is behind from its start;
# with READ_TIMEOUT_S shorter than a stop waits (pipeline/unattended/live.py)
MAX_LISTEN_US = 8_000_000
MAX_WAITING_BYTES = 64_000_000
DEFAULT_FRAME_US = 40_000
PRODUCER_TIME = struct.Struct("=q")  # AVProducerReferenceTime.wallclock, us of 1970
PlanViews = Callable[[tuple[int, int]], Sequence[ViewRect]]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveFrame:
    """A frame of a live camera: every one is coverage, some are samples."""

    t_us: int
    frame_us: int
    """How long it stands for."""
    size: tuple[int, int]
    codec: str
    n_bad: int
    """Damaged packets since the last frame."""
    is_sender_time: bool
    """Whether the camera itself told when (RTCP), else it is dated by arrival."""
    sample: Sample | None


def read_live(
    source: Source,
    plan_views: PlanViews,
    *,
    sample_fps: float,
    max_pixels: int = MAX_PIXELS,
    now_us: Callable[[], int] = lambda: time.time_ns() // 1000,
) -> Iterator[LiveFrame]:
    """Yield the frames of one connection until it breaks.

    Raises
    ------
    DecodeError
        When no connection can be had, or it breaks, falls silent or falls behind:
        the caller begins anew, and what lies between is no coverage.
    """
    timeouts_s = (OPEN_TIMEOUT_S, READ_TIMEOUT_S)
    began_us = now_us()
    look = SHORT_LOOK if source.path.lower().startswith("rtsp") else {}
    with open_container(source, max_pixels, timeouts_s, **look) as container:
        if not container.streams.video:
            msg = f"{source.name}: no video stream; nothing to count"
            raise DecodeError(msg)
        stream = container.streams.video[0]
        yield from _Connection(source, stream, plan_views, sample_fps, began_us).frames(
            container, max_pixels, now_us
        )


class _Connection:
    """What is known of one connection while it lasts."""

    def __init__(
        self,
        source: Source,
        stream: Any,
        plan_views: PlanViews,
        sample_fps: float,
        began_us: int,
    ) -> None:
        self._source = source
        self._stream = stream
        self._plan_views = plan_views
        self._began_us = began_us
        self._clock = ArrivalClock()
        self._sampler = TickSampler(sample_fps)
        self._health = PictureHealth()
        self._size = (0, 0)
        self._first_pts_us = 0
        rate = stream.average_rate  # what is guessed of a short look is often wrong
        self._frame_us = round(1e6 / rate) if rate else DEFAULT_FRAME_US
        self._last_us: int | None = None

    def frames(
        self, container: Any, max_pixels: int, now_us: Callable[[], int]
    ) -> Iterator[LiveFrame]:
        """Decode until the connection breaks."""
        n_bad = 0
        try:
            for packet in self._heard(container, now_us):
                try:
                    decoded = self._stream.codec_context.decode(packet)
                except av.error.FFmpegError:
                    # before the first key frame nothing can be decoded, as it must be
                    n_bad += self._last_us is not None
                    continue
                for frame in decoded:
                    if frame.pts is None or frame.is_corrupt:
                        n_bad += frame.is_corrupt
                        continue
                    check_pixels(self._source, frame.width, frame.height, max_pixels)
                    yield self._take(frame, n_bad)
                    n_bad = 0
        except av.error.FFmpegError as error:
            reason = str(error.strerror or error).strip()
            if isinstance(error, av.error.ExitError):  # how a timeout is told
                reason = f"nothing came for {READ_TIMEOUT_S:.0f} s"
            msg = f"{self._source.name}: the stream broke off ({reason})"
            raise DecodeError(msg) from error
        msg = f"{self._source.name}: the stream ended"
        raise DecodeError(msg)

    def _heard(self, container: Any, now_us: Callable[[], int]) -> Iterator[Any]:
        """Yield packets once the clock knows when they were taken.

        What a connection begins with was often waiting somewhere, or comes over a
        link that is too slow, and would seem taken late: so packets wait until the
        clock has settled. They are small; decoded frames would not be.
        """
        waiting: list[tuple[Any, int]] = []
        n_bytes = 0
        is_placing = False
        began_us = now_us()
        try:
            for packet, arrival_us in self._arrivals(container, now_us):
                if is_placing:
                    yield packet
                    continue
                waiting.append((packet, arrival_us))
                n_bytes += packet.size
                is_placing = (
                    self._clock.is_settled
                    or arrival_us - began_us >= MAX_LISTEN_US
                    or n_bytes >= MAX_WAITING_BYTES
                )
                if is_placing:
                    self._say_sender()
                    yield from self._waited(waiting)
                    waiting.clear()
        except (DecodeError, av.error.FFmpegError):
            yield from self._waited(waiting)  # what came before it broke was seen
            raise
        yield from self._waited(waiting)

    def _waited(self, waiting: Sequence[tuple[Any, int]]) -> Iterator[Any]:
        """Yield packets that waited; a link that never caught up tells by its rate."""
        if waiting and not self._clock.is_settled:
            delay_us = find_first_delay_us(
                [
                    Arrival(
                        None if packet.pts is None else self._us(packet.pts),
                        arrival_us,
                        packet.size,
                    )
                    for packet, arrival_us in waiting
                    if packet.size  # the one that ends a stream is empty
                ],
                self._began_us,
            )
            if delay_us is not None:
                self._clock.learn_delay(delay_us)
        for packet, _ in waiting:
            yield packet

    def _arrivals(
        self, container: Any, now_us: Callable[[], int]
    ) -> Iterator[tuple[Any, int]]:
        """Yield packets and when they came, until one does not fit the others."""
        for packet in container.demux(self._stream):
            arrival_us = now_us()
            if packet.pts is not None and not self._clock.hear(
                self._us(packet.pts), arrival_us, self._sent_us(packet)
            ):
                msg = (
                    f"{self._source.name}: the stream fell behind, or its clock jumped"
                )
                raise DecodeError(msg)
            yield packet, arrival_us

    def _sent_us(self, packet: Any) -> int | None:
        """Return when the camera says that a packet was taken, by RTCP."""
        # PyAV before 15 shows no such thing
        if not hasattr(packet, "has_sidedata") or not packet.has_sidedata("prft"):
            return None
        (wallclock_us,) = PRODUCER_TIME.unpack_from(bytes(packet.get_sidedata("prft")))
        return int(wallclock_us)

    def _say_sender(self) -> None:
        error_us = self._clock.sender_error_us
        if error_us is not None:
            logger.warning(
                "%s: the camera's own clock is %+.0f s off; frames are dated by when "
                "they arrive",
                self._source.name,
                error_us / 1e6,
            )

    def _us(self, pts: int) -> int:
        return int(pts * self._stream.time_base * 1_000_000)

    def _take(self, frame: Any, n_bad: int) -> LiveFrame:
        pts_us = self._us(frame.pts)
        t_us = self._clock.place(pts_us)
        if self._last_us is None:
            self._first_pts_us = pts_us
        elif 0 < t_us - self._last_us < 1_000_000:
            self._frame_us = t_us - self._last_us
        self._last_us = t_us
        rotation = round(frame.rotation) % 360
        aspect = read_pixel_aspect(self._stream)
        size = displayed_size(frame.width, frame.height, rotation, aspect)
        if size != self._size:  # a stream may change it: other views show the gates
            self._size = size
            self._cropper = ViewCropper(self._plan_views(size), rotation)
            self._health = PictureHealth()
        sample = None
        if self._sampler.take(t_us) is not None:
            views = self._cropper.cut(frame)
            sample = Sample(
                tick=self._sampler.tick_of(t_us),
                t_us=t_us,
                pts_us=pts_us - self._first_pts_us,
                views=views,
                quality_flags=self._health.process(t_us, views[0]),
            )
        return LiveFrame(
            t_us=t_us,
            frame_us=self._frame_us,
            size=size,
            codec=self._stream.codec_context.name,
            n_bad=n_bad,
            is_sender_time=self._clock.is_sender_time,
            sample=sample,
        )
