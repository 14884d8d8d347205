"""A source to what its header says of it, or one clear line why it is no video."""

from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from truckcount.errors import AccessDeniedError, DecodeError, EmptyVideoError
from truckcount.video.access import (
    MAX_PIXELS,
    check_pixels,
    decoder_options,
    ffmpeg_name,
    ffmpeg_options,
)
from truckcount.video.picture_shape import displayed_size, read_pixel_aspect
from truckcount.video.sources import Source, list_stills
from truckcount.video.still_size import check_still

DENIALS = (av.error.HTTPUnauthorizedError, av.error.HTTPForbiddenError)  # RTSP's, too
TIMEOUT_S = 20.0  # of opening, and of every read: a camera that is gone
MAX_DURATION_S = 366 * 86_400.0  # of one file; more is a damaged header
MAX_PACKETS_TO_PICTURE = 600  # several GOPs; then what is damaged stays upright


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """What a container says of its video; contents may differ."""

    width: int
    """Displayed width: turned upright, with square pixels."""
    height: int
    codec: str
    time_base: Fraction
    frame_rate: Fraction | None
    duration_s_from_header: float | None
    creation_time: datetime | None
    rotation_deg: int
    """Counter-clockwise turn that shows the picture upright: 0, 90, 180 or 270."""
    has_b_frames: bool


def probe_video(source: Source, max_pixels: int = MAX_PIXELS) -> Probe:
    """Read a source's header.

    Parameters
    ----------
    max_pixels : int
        Of one picture; a larger one is damage or an attack, not a camera.

    Raises
    ------
    DecodeError
        When it is empty, no video, has no picture stream or too large a picture.
    """
    if source.kind == "stills":
        return _probe_stills(source, max_pixels)
    if source.kind == "file" and Path(source.path).stat().st_size == 0:
        msg = f"{source.name}: the file is empty (0 bytes); check the recorder"
        raise EmptyVideoError(msg)
    with open_container(source, max_pixels) as container:
        if not container.streams.video:
            kinds = ", ".join(sorted({s.type for s in container.streams})) or "none"
            msg = f"{source.name}: no video stream (streams: {kinds}); nothing to count"
            raise DecodeError(msg)
        stream = container.streams.video[0]
        context = stream.codec_context
        width, height = context.width, context.height
        check_pixels(source, width, height, max_pixels)
        probe = Probe(
            width=width,
            height=height,
            codec=context.name,
            time_base=stream.time_base or Fraction(1, 1_000_000),
            frame_rate=stream.average_rate or stream.guessed_rate,
            duration_s_from_header=_duration_s(container, stream),
            creation_time=_creation_time(container, stream),
            rotation_deg=0,
            has_b_frames=bool(context.has_b_frames),
        )
        rotation = _rotation_of(container)
        aspect = read_pixel_aspect(stream)
        width, height = displayed_size(width, height, rotation, aspect)
        return replace(probe, width=width, height=height, rotation_deg=rotation)


def open_container(
    source: Source,
    max_pixels: int = MAX_PIXELS,
    timeout_s: float | tuple[float, float] = TIMEOUT_S,
    **options: str,
) -> Any:
    """Open a source with FFmpeg; its error becomes one line of ours.

    Parameters
    ----------
    timeout_s : float or two of them
        Of opening and of each read, seconds.
    **options : str
        Of FFmpeg, beside those that hold it to the source.
    """
    try:
        container = av.open(
            ffmpeg_name(source),
            options=ffmpeg_options(source, max_pixels) | options,
            metadata_errors="replace",
            timeout=timeout_s,
        )
    except av.error.FFmpegError as error:
        reason = str(error.strerror or error).strip()
        if isinstance(error, av.error.ArgumentError):  # what a whitelist answers
            reason = "damaged, or a kind of file that is not allowed: a playlist?"
        advice = "check that the file is complete"
        if source.kind == "url":
            advice = "check address, user and network"
        msg = f"{source.name}: not a video that FFmpeg can open ({reason}); {advice}"
        if isinstance(error, DENIALS):
            raise AccessDeniedError(msg) from error
        raise DecodeError(msg) from error
    for stream in container.streams.video:
        if stream.codec_context is None:  # a codec that this FFmpeg does not know
            container.close()
            msg = f"{source.name}: no decoder for its pictures; convert it with ffmpeg"
            raise DecodeError(msg)
        stream.codec_context.options = decoder_options(max_pixels)
    return container


def first_rotation(source: Source, max_pixels: int) -> int:
    """Read the display matrix off the first frame: containers tell it only there."""
    with open_container(source, max_pixels) as container:
        return _rotation_of(container)


def _rotation_of(container: Any) -> int:
    stream = container.streams.video[0]
    stream.codec_context.thread_count = 1  # one picture is not worth a thread a core
    # left open, it keeps some memory of every file that was ever looked at
    with closing(container.demux(stream)) as packets:
        for _ in range(MAX_PACKETS_TO_PICTURE):
            try:
                for frame in next(packets).decode():
                    return int(frame.rotation) % 360
            except StopIteration:
                break
            except av.error.FFmpegError:
                continue  # damage at the start; the next picture tells it as well
    return 0


def _duration_s(container: Any, stream: Any) -> float | None:
    told: list[float] = []
    if stream.duration is not None and stream.time_base is not None:
        told.append(float(stream.duration * stream.time_base))
    if container.duration is not None:
        told.append(float(container.duration) / float(av.time_base))
    # a damaged header tells lengths of 300,000 years, or below zero
    return next((length for length in told if 0 <= length <= MAX_DURATION_S), None)


def _creation_time(container: Any, stream: Any) -> datetime | None:
    for tags in (stream.metadata, container.metadata):
        text = tags.get("creation_time") or tags.get("com.apple.quicktime.creationdate")
        if text:
            try:
                moment = datetime.fromisoformat(text)
            except ValueError:
                continue
            # the epoch of 1904 or 1970 is what recorders without a clock write
            if moment.year > 1971:
                return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return None


def _probe_stills(source: Source, max_pixels: int) -> Probe:
    import cv2

    for still in list_stills(Path(source.path)):
        check_still(source, still, max_pixels)
        image = cv2.imread(str(still))
        if image is not None:
            return Probe(
                width=image.shape[1],
                height=image.shape[0],
                codec=still.suffix.lstrip(".").lower(),
                time_base=Fraction(1, 1_000_000),
                frame_rate=None,
                duration_s_from_header=None,
                creation_time=None,
                rotation_deg=0,
                has_b_frames=False,
            )
    msg = f"{source.name}: no picture in this folder can be read"
    raise DecodeError(msg)
