"""A source to samples by PyAV: only sampled frames leave YUV, and only as views."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from typing import Any

import av

from truckcount.domain.sample import Sample, ViewRect
from truckcount.domain.segment import SegmentReport
from truckcount.domain.ticks import TickSampler
from truckcount.errors import DecodeError
from truckcount.video.access import MAX_PIXELS
from truckcount.video.clock import FrameClock
from truckcount.video.crop import ViewCropper
from truckcount.video.decoder import not_finished
from truckcount.video.health import PictureHealth
from truckcount.video.key_frames import (
    KEY_GAP_TICKS,
    KeyFrameSieve,
    longest_key_gap_us,
)
from truckcount.video.nonref import NonrefSkipper, can_skip_nonref
from truckcount.video.picture_shape import displayed_size, read_pixel_aspect
from truckcount.video.probe import open_container
from truckcount.video.sources import Source
from truckcount.video.unseen import UnseenSieve

SCAN_S = 4.0  # several GOPs of common encoders
SCAN_PACKETS = 240
SCAN_BYTES = 32 << 20
MAX_BAD_IN_A_ROW = 2000  # packets; about a minute of nothing but damage
DEFAULT_FRAME_US = 40_000  # where a stream tells no rate either
# by FFmpeg's AVFieldOrder, where every packet is a picture: HEVC rarely tells
WHOLE_PICTURES = {"h264": {1}, "hevc": {0, 1}}
LEAP_TOLD_US = 60_000_000  # arbitrary: recorders pause, few for so long in one file
MAX_LATE_START_US = 60_000_000  # damage at the start may hide as much, no more


class AvDecoder:
    """Decodes one source; see ``open_decoder`` for the parameters."""

    def __init__(
        self,
        source: Source,
        views: Sequence[ViewRect],
        *,
        start_us: int,
        sample_fps: float,
        threads: int = 1,
        max_pixels: int = MAX_PIXELS,
        key_frames_only: bool = False,
    ) -> None:
        self._source = source
        self._views = list(views)
        self._start_us = start_us
        self._sample_fps = sample_fps
        self._threads = threads
        self._max_pixels = max_pixels
        self._report: SegmentReport | None = None
        self._key_frames_only = key_frames_only
        self.is_skipping_nonref = False
        self.is_keys_only = False
        self.n_left_out = 0
        """Frames that no sample needed, at the ends of GOPs."""

    @property
    def report(self) -> SegmentReport:
        """What was read; known when the samples are exhausted."""
        if self._report is None:
            raise not_finished(self._source)
        return self._report

    def __iter__(self) -> Iterator[Sample]:
        """Yield the samples."""
        # one thread's: others may decode other files meanwhile
        clock = time.thread_time if self._threads == 1 else time.process_time
        began = clock()
        outside = 0.0  # CPU time that consumers spent between samples
        with open_container(self._source, self._max_pixels) as container:
            reading = Reading(container, self)
            for sample in reading.samples():
                paused = clock()
                yield sample
                outside += clock() - paused
            self._report = reading.report(clock() - began - outside)


class Reading:
    """One pass over one open container.

    Parameters
    ----------
    decoder : AvDecoder
        Whose parameters hold.
    """

    def __init__(self, container: Any, decoder: AvDecoder) -> None:
        self._container = container
        self._stream = container.streams.video[0]
        self._source = decoder._source
        self._decoder = decoder
        self._stream.codec_context.thread_count = decoder._threads
        self._sampler = TickSampler(decoder._sample_fps)
        rate = self._stream.guessed_rate or self._stream.average_rate
        self._frame_us = round(1e6 / rate) if rate else DEFAULT_FRAME_US
        self._clock = FrameClock(decoder._start_us, self._frame_us)
        self._health = PictureHealth()
        self._n_frames = self._n_samples = self._n_bad = self._n_untimed = 0
        self._bad_in_a_row = 0
        self._first_us: int | None = None
        self._sieve: KeyFrameSieve | None = None
        self._is_truncated = self._is_vfr = self._is_interlaced = False
        self._is_thinned = False
        self._joints: set[int] = set()
        self._size = (0, 0)

    def samples(self) -> Iterator[Sample]:
        """Decode to the end, or to where the bytes end."""
        cropper: ViewCropper | None = None
        for tick, t_us, elapsed, frame in self.chosen():
            if cropper is None:
                rotation = round(frame.rotation) % 360
                cropper = ViewCropper(self._decoder._views, rotation)
                self._size = self._displayed(frame, rotation)
            views = cropper.cut(frame)
            self._n_samples += 1
            yield Sample(
                tick=tick,
                t_us=t_us,
                pts_us=elapsed,
                views=views,
                quality_flags=self._health.process(t_us, views[0]),
            )

    def chosen(self) -> Iterator[tuple[int, int, int, Any]]:
        """Yield tick, UTC, time from the start (microseconds) and frame of samples."""
        for frame in self._frames():
            self._n_frames += 1
            elapsed_us = self._elapsed(frame)
            is_joint = self._clock.start_us + elapsed_us in self._joints
            self._clock.is_thinned = self._is_thinned or is_joint
            elapsed = self._clock.place(elapsed_us)
            if elapsed is None:
                continue
            t_us = self._clock.start_us + elapsed
            tick = self._sampler.tick_of(t_us)
            if frame.is_corrupt:
                self._n_bad += 1
                continue
            self._is_interlaced |= frame.interlaced_frame
            if self._sampler.take(t_us) is not None:
                yield tick, t_us, elapsed, frame

    def report(self, seconds_decode: float) -> SegmentReport:
        """Sum up."""
        warnings = []
        if self._n_bad:
            warnings.append(f"{self._n_bad} damaged packets or frames were left out")
        if self._is_truncated:
            warnings.append("the file breaks off; it was used up to there")
        if self._clock.n_jumps:
            warnings.append(f"the clock jumped {self._clock.n_jumps} times")
        if self._clock.longest_leap_us > LEAP_TOLD_US:
            warnings.append(
                f"no frame for {self._clock.longest_leap_us / 1e6:.0f} s inside the "
                "file: what follows is dated as much later, which is wrong if pieces "
                "of other times were joined; give each piece as a file of its own"
            )
        if self._n_untimed:
            warnings.append(
                f"{self._n_untimed} frames have no time of their own; "
                f"{1e6 / self._frame_us:.6g} frames per second were assumed"
            )
        rate = self._stream.average_rate
        elapsed_us = self._clock.elapsed_us
        if self._sieve is not None and not self._clock.n_jumps:
            # what follows the last key frame was filmed too, if not decoded
            elapsed_us = max(elapsed_us, self._sieve.end_us - (self._first_us or 0))
        return SegmentReport(
            duration_s=elapsed_us / 1e6,
            n_frames_decoded=self._n_frames,
            n_samples=self._n_samples,
            n_bad_packets=self._n_bad,
            width=self._size[0],
            height=self._size[1],
            codec=self._stream.codec_context.name,
            fps_nominal=None if rate is None else float(rate),
            is_vfr=self._is_vfr,
            is_truncated=self._is_truncated,
            start_us=self._clock.start_us,
            end_us=self._clock.start_us + elapsed_us,
            seconds_decode=seconds_decode,
            warnings=tuple(warnings),
        )

    def _displayed(self, picture: Any, rotation: int = 0) -> tuple[int, int]:
        """Return the size of a picture, told by frame or codec, when it is shown."""
        aspect = read_pixel_aspect(self._stream)
        return displayed_size(picture.width, picture.height, rotation, aspect)

    def _elapsed(self, frame: Any) -> int:
        """Microseconds from the stream's start to a frame, by its PTS."""
        pts = frame.pts if frame.pts is not None else frame.dts
        # frames that the decoder gives when flushed come without a time base
        base = frame.time_base or self._stream.time_base
        if pts is None or base is None:
            self._n_untimed += 1  # raw streams: one frame after the last
            return self._clock.elapsed_us
        pts_us = int(pts * base.numerator * 1_000_000 // base.denominator)
        if self._first_us is None:
            self._first_us = pts_us
            start = self._stream.start_time
            if start is not None and self._stream.time_base is not None:
                start_us = int(start * self._stream.time_base * 1_000_000)
                if 0 < pts_us - start_us <= MAX_LATE_START_US:
                    self._first_us = start_us
        return pts_us - self._first_us

    def _frames(self) -> Iterator[Any]:
        context = self._stream.codec_context
        for packet, may_skip in self._needed():
            skip = "NONREF" if may_skip else "DEFAULT"
            if context.skip_frame != skip:
                context.skip_frame = skip
            try:
                frames = context.decode(packet)
            except av.error.FFmpegError as error:
                self._count_bad(error)
                continue
            if frames:
                self._bad_in_a_row = 0
            yield from frames
        try:
            yield from context.decode(None)
        except av.error.FFmpegError as error:
            self._count_bad(error)

    def _needed(self) -> Iterator[tuple[Any, bool]]:
        """Yield the packets that samples need, and whether each may be skipped."""
        packets = self._packets()
        first = next(packets, None)  # now the first GOPs have been looked at
        if first is None:
            return
        packets = chain([first], packets)
        context = self._stream.codec_context
        if self._sieve or context.field_order not in WHOLE_PICTURES.get(
            context.name, ()
        ):
            yield from packets
            return
        sieve = UnseenSieve(
            context.name,
            context.extradata,
            self._place,
            has_nonref=not self._decoder.is_skipping_nonref,
        )
        self._joints = sieve.joints
        for packet, may_skip in sieve.sift(packets):
            self._is_thinned |= may_skip
            self._decoder.n_left_out = sieve.n_left_out
            yield packet, may_skip

    def _place(self, packet: Any) -> tuple[int, int] | None:
        """Return tick and UTC of a packet's frame; None where frames must tell."""
        pts, base = packet.pts, packet.time_base
        is_sound = not (self._n_bad or self._clock.n_jumps or self._is_interlaced)
        if self._first_us is None or pts is None or base is None or not is_sound:
            return None
        pts_us = pts * base.numerator * 1_000_000 // base.denominator
        t_us = self._clock.start_us + pts_us - self._first_us
        return self._sampler.tick_of(t_us), t_us

    def _packets(self) -> Iterator[tuple[Any, bool]]:
        """Yield packets with data, and whether each may be skipped.

        Before the first, the first GOPs are looked at.
        """
        packets = self._demux()
        scanned: deque[Any] = deque()
        n_bytes = 0
        for packet in packets:
            scanned.append(packet)
            n_bytes += packet.size
            first, last = scanned[0].pts, packet.pts
            is_long = (
                first is not None
                and last is not None
                and (last - first) * packet.time_base > SCAN_S
            )
            if is_long or len(scanned) >= SCAN_PACKETS or n_bytes > SCAN_BYTES:
                break
        self._look_at(scanned)
        ahead: Iterator[Any] = chain(_popped(scanned), packets)
        if self._decoder.is_skipping_nonref:
            context = self._stream.codec_context
            skipper = NonrefSkipper(
                context.name, context.extradata, self._sampler.tick_start_us(1)
            )
            yield from skipper.mark(ahead)
            return
        if self._sieve is not None:
            ahead = self._sieve.sift(ahead)
        for packet in ahead:
            yield packet, False

    def _look_at(self, scanned: Sequence[Any]) -> None:
        context = self._stream.codec_context
        tick_us = self._sampler.tick_start_us(1)
        gap_us = longest_key_gap_us(scanned)
        if (
            self._decoder._key_frames_only
            and gap_us is not None
            and gap_us <= KEY_GAP_TICKS * tick_us
        ):
            self._sieve = KeyFrameSieve(round(KEY_GAP_TICKS * tick_us))
            self._is_thinned = self._decoder.is_keys_only = True
        elif can_skip_nonref(scanned, context.name, context.extradata, tick_us):
            self._is_thinned = self._decoder.is_skipping_nonref = True
        times = sorted(p.pts for p in scanned if p.pts is not None)
        steps = sorted(b - a for a, b in pairwise(times))
        if len(steps) > 8:
            low, high = steps[len(steps) // 10], steps[-1 - len(steps) // 10]
            self._is_vfr = high > 1.1 * max(low, 1)

    def _demux(self) -> Iterator[Any]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except av.error.FFmpegError as error:
                # a broken-off container ends here; what came before is good
                self._count_bad(error)
                self._is_truncated = True
                return
            if packet.size:
                yield packet

    def _count_bad(self, error: Exception) -> None:
        self._n_bad += 1
        self._bad_in_a_row += 1
        if self._bad_in_a_row > MAX_BAD_IN_A_ROW and self._n_frames == 0:
            msg = (
                f"{self._source.name}: {self._bad_in_a_row} damaged packets in a row "
                f"and no picture ({error}); the file cannot be used"
            )
            raise DecodeError(msg) from error


def _popped(packets: deque[Any]) -> Iterator[Any]:
    """Yield packets and let go of each."""
    while packets:
        yield packets.popleft()
