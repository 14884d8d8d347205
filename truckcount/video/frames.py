"""A source to full-size frames, for pictures people look at."""

from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from truckcount.domain.camera import Camera
from truckcount.errors import DecodeError
from truckcount.video.access import MAX_PIXELS
from truckcount.video.clock import FrameClock
from truckcount.video.decode_stills import timed_stills
from truckcount.video.picture_shape import SQUARE, read_pixel_aspect, show_picture
from truckcount.video.probe import open_container
from truckcount.video.sources import Source, list_stills
from truckcount.video.still_size import check_still

UInt8Array = npt.NDArray[np.uint8]


def iterate_frames(
    source: Source, camera: Camera | None = None, *, is_squared: bool = True
) -> Iterator[tuple[int, UInt8Array]]:
    """Yield (microseconds from the first frame, RGB frame of shape (H, W, 3)).

    Parameters
    ----------
    camera : Camera, optional
        Whose zone and name patterns date the pictures of a folder of stills.
    is_squared : bool
        Show pixels that are not square as square ones: the picture as people see it.
    """
    if source.kind == "stills":
        yield from _iterate_stills(source, camera)
        return
    clock = FrameClock(0)
    first_us: int | None = None
    with open_container(source) as container:
        stream = container.streams.video[0]
        aspect = read_pixel_aspect(stream) if is_squared else SQUARE
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.FFmpegError:
                continue
            for frame in frames:
                pts_us = clock.elapsed_us + (first_us or 0)
                base = frame.time_base or stream.time_base
                if frame.pts is not None and base is not None:
                    pts_us = int(frame.pts * base * 1_000_000)
                first_us = pts_us if first_us is None else first_us
                elapsed = clock.place(pts_us - first_us)
                if elapsed is not None:
                    image = frame.to_ndarray(format="rgb24")
                    yield elapsed, show_picture(image, round(frame.rotation), aspect)


def _iterate_stills(
    source: Source, camera: Camera | None
) -> Iterator[tuple[int, UInt8Array]]:
    stills = timed_stills(Path(source.path), camera)
    for moment, path in stills:
        check_still(source, path, MAX_PIXELS)
        image = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if image is not None:
            elapsed = (moment - stills[0][0]) // timedelta(microseconds=1)
            yield elapsed, np.ascontiguousarray(image[:, :, ::-1], np.uint8)


def read_first_frame(source: Source) -> UInt8Array:
    """Return the first frame of a file, or of a folder the first still, as RGB.

    Raises
    ------
    DecodeError
        When the source has no frame.
    """
    if source.kind == "stills":
        for path in list_stills(Path(source.path)):
            check_still(source, path, MAX_PIXELS)
            still = cv2.imread(str(path), cv2.IMREAD_COLOR)
            if still is not None:
                return np.ascontiguousarray(still[:, :, ::-1], np.uint8)
        msg = f"{source.name}: no picture could be decoded"
        raise DecodeError(msg)
    return read_frame_at(source, 0.0)


def read_frame_at(source: Source, t_s: float) -> UInt8Array:
    """Return the last frame at or before a second of a source.

    Raises
    ------
    DecodeError
        When the source has no frame.
    """
    last: UInt8Array | None = None
    for elapsed, image in iterate_frames(source):
        if last is not None and elapsed > t_s * 1e6:
            break
        last = image
    if last is None:
        msg = f"{source.name}: no frame could be decoded"
        raise DecodeError(msg)
    return last


class VideoWriter:
    """Writes RGB frames as H.264, at the times they are given.

    Parameters
    ----------
    path : Path
    size : (width, height)
        Pixels; odd sizes lose their last row or column, as H.264 wants.
    """

    def __init__(self, path: Path, size: tuple[int, int]) -> None:
        self._file = av.open(str(path), "w")
        stream: Any = self._file.add_stream("libx264", rate=30)
        stream.width, stream.height = size[0] // 2 * 2, size[1] // 2 * 2
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "23", "preset": "veryfast"}
        stream.codec_context.time_base = Fraction(1, 90_000)
        self._stream = stream

    def write(self, elapsed_us: int, image: UInt8Array) -> None:
        """Encode one frame."""
        cut = image[: self._stream.height, : self._stream.width]
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(cut), format="rgb24")
        frame.pts = elapsed_us * 9 // 100
        frame.time_base = Fraction(1, 90_000)
        for packet in self._stream.encode(frame):
            self._file.mux(packet)

    def close(self) -> None:
        """Flush and close."""
        for packet in self._stream.encode():
            self._file.mux(packet)
        self._file.close()
