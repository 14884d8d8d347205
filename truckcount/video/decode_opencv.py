"""A source to samples by OpenCV: the reference that tests compare with."""

import os
import time
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import cv2

from truckcount.domain.sample import Sample, ViewRect
from truckcount.domain.segment import SegmentReport
from truckcount.domain.ticks import TickSampler
from truckcount.errors import DecodeError
from truckcount.video.access import MAX_PIXELS, ffmpeg_name, ffmpeg_options
from truckcount.video.clock import FrameClock
from truckcount.video.cut import cut_view
from truckcount.video.decoder import not_finished
from truckcount.video.health import PictureHealth
from truckcount.video.picture_shape import check_aspect, displayed_size
from truckcount.video.sources import Source

DEFAULT_FRAME_US = 40_000  # where a stream tells no rate


class OpenCvDecoder:
    """Decodes one source frame by frame; see ``open_decoder``.

    OpenCV tells nothing of damaged packets and converts every frame to BGR: use it
    to check, not to run. OpenCV 4.14 and 5.0 cannot convert interlaced frames and
    return one meaningless picture, which the picture's health marks as frozen.
    """

    def __init__(
        self,
        source: Source,
        views: Sequence[ViewRect],
        *,
        start_us: int,
        sample_fps: float,
        max_pixels: int = MAX_PIXELS,
    ) -> None:
        self._source = source
        self._views = list(views)
        self._start_us = start_us
        self._sample_fps = sample_fps
        self._max_pixels = max_pixels
        self._report: SegmentReport | None = None

    @property
    def report(self) -> SegmentReport:
        """What was read; known when the samples are exhausted."""
        if self._report is None:
            raise not_finished(self._source)
        return self._report

    def __iter__(self) -> Iterator[Sample]:
        """Yield the samples."""
        began, outside = time.process_time(), 0.0
        capture = _open(self._source, self._max_pixels)
        try:
            if not capture.isOpened():
                msg = f"{self._source.name}: OpenCV cannot open this file"
                raise DecodeError(msg)
            rate = capture.get(cv2.CAP_PROP_FPS)
            frame_us = round(1e6 / rate) if rate > 0 else DEFAULT_FRAME_US
            clock = FrameClock(self._start_us, frame_us)
            health = PictureHealth()
            sampler = TickSampler(self._sample_fps)
            n_frames = n_samples = 0
            size = (0, 0)
            first_ms: float | None = None
            while True:
                ok, frame = capture.read()
                if not ok:
                    break
                n_frames += 1
                # only after the read is it the time of this frame
                position_ms = capture.get(cv2.CAP_PROP_POS_MSEC)
                first_ms = position_ms if first_ms is None else first_ms
                if position_ms == 0 and n_frames > 1:  # raw streams have no times
                    elapsed = clock.place(clock.elapsed_us)
                else:
                    elapsed = clock.place(round((position_ms - first_ms) * 1000))
                if elapsed is None:
                    continue
                t_us = self._start_us + elapsed
                tick = sampler.take(t_us)
                if tick is None:
                    continue
                size = _displayed(capture, frame)
                views = tuple(cut_view(frame, rect) for rect in self._views)
                n_samples += 1
                sample = Sample(
                    tick=tick,
                    t_us=t_us,
                    pts_us=elapsed,
                    views=views,
                    quality_flags=health.process(t_us, views[0]),
                )
                paused = time.process_time()
                yield sample
                outside += time.process_time() - paused
            self._report = SegmentReport(
                duration_s=clock.elapsed_us / 1e6,
                n_frames_decoded=n_frames,
                n_samples=n_samples,
                n_bad_packets=0,
                width=size[0],
                height=size[1],
                codec="unknown",
                fps_nominal=rate or None,
                is_vfr=False,
                is_truncated=False,
                start_us=self._start_us,
                end_us=self._start_us + clock.elapsed_us,
                seconds_decode=time.process_time() - began - outside,
            )
        finally:
            capture.release()


def _displayed(capture: Any, frame: Any) -> tuple[int, int]:
    """Return a frame's size when it is shown; OpenCV has turned it upright."""
    height, width = frame.shape[:2]
    across, down = (
        int(capture.get(name)) for name in (cv2.CAP_PROP_SAR_NUM, cv2.CAP_PROP_SAR_DEN)
    )
    aspect = check_aspect(Fraction(across, down) if down > 0 else None)
    if int(capture.get(cv2.CAP_PROP_ORIENTATION_META)) % 180 == 90:
        width, height = height, width
        return displayed_size(width, height, 90, aspect)
    return displayed_size(width, height, 0, aspect)


def _open(source: Source, max_pixels: int) -> Any:
    """Open with FFmpeg, told what it may reach: OpenCV takes that from a variable."""
    name = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
    before = os.environ.get(name)
    options = ffmpeg_options(source, max_pixels)
    os.environ[name] = "|".join(f"{key};{value}" for key, value in options.items())
    try:
        return cv2.VideoCapture(ffmpeg_name(source), cv2.CAP_FFMPEG)
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
