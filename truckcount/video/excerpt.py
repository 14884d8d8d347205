"""Stretches of recordings to one short clip that a browser plays."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from truckcount.errors import DecodeError
from truckcount.video.mosaic import make_mosaic
from truckcount.video.picture_shape import read_pixel_aspect, show_picture
from truckcount.video.probe import open_container
from truckcount.video.sources import Source

MICROSECOND = Fraction(1, 1_000_000)
MAX_WIDTH_PX = 960  # of a clip that is encoded anew: enough to tell a truck
MAX_FPS = 15
COPIED_CODECS = frozenset(["h264"])
COPIED_FORMATS = frozenset(["yuv420p", "yuvj420p"])
JOIN_SLACK_US = 500_000  # a later file must be taken from its first frame on


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What of one file belongs to the clip."""

    path: str
    file_start_us: int
    """Time of the file's first frame, microseconds since 1970 UTC."""
    from_us: int
    to_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Excerpt:
    """The clip that was written."""

    path: Path
    lead_s: float
    """Seconds of picture before the first moment that was asked for."""
    length_s: float
    """Seconds from there to the end that was asked for."""
    is_copied: bool
    """Whether the packets are those of the recording, not encoded anew."""


def cut_excerpt(
    stretches: Sequence[Stretch],
    target: Path,
    *,
    is_reencoded: bool = False,
    tile: float | None = None,
) -> Excerpt:
    """Write stretches, in time order, as one clip; sound is left out.

    H.264 is copied packet by packet from the key frame before the start; anything
    else, and files that do not join, are encoded anew, small.

    Parameters
    ----------
    target : Path
        Without suffix: ``.mp4``, or ``.webm`` where FFmpeg has no H.264 encoder.
    tile : float, optional
        Make a mosaic of the pictures, of tiles of this fraction of their height.
    """
    if not stretches:
        msg = f"{target}: no recording covers this clip"
        raise DecodeError(msg)
    target.parent.mkdir(parents=True, exist_ok=True)
    length_s = (stretches[-1].to_us - stretches[0].from_us) / 1e6
    suffix, encoder = _encoder()
    is_copied = not is_reencoded and tile is None and _can_copy(stretches)
    path = target.with_name(target.name + (".mp4" if is_copied else suffix))
    draft = path.with_name(f".{path.name}.tmp")
    try:
        kind = "mp4" if path.suffix == ".mp4" else "webm"
        options = {"movflags": "+faststart"} if kind == "mp4" else {}
        with av.open(str(draft), "w", format=kind, options=options) as out:
            lead_us = (
                _copy(stretches, out)
                if is_copied
                else _encode(stretches, out, encoder, tile)
            )
        draft.replace(path)
    except av.error.FFmpegError as error:
        msg = f"{stretches[0].path}: no clip could be cut from it ({error})"
        raise DecodeError(msg) from error
    finally:
        draft.unlink(missing_ok=True)
    return Excerpt(
        path=path, lead_s=lead_us / 1e6, length_s=length_s, is_copied=is_copied
    )


def _encoder() -> tuple[str, str]:
    for suffix, name in ((".mp4", "libx264"), (".mp4", "libopenh264")):
        if name in av.codecs_available:
            return suffix, name
    return ".webm", "libvpx-vp9"


def _can_copy(stretches: Sequence[Stretch]) -> bool:
    looks = set()
    for k, stretch in enumerate(stretches):
        if k and stretch.from_us - stretch.file_start_us > JOIN_SLACK_US:
            return False
        with open_container(Source(path=stretch.path)) as container:
            context = container.streams.video[0].codec_context
            if context.name not in COPIED_CODECS or context.pix_fmt not in (
                COPIED_FORMATS
            ):
                return False
            frame = next(container.decode(video=0), None)
            if frame is None or frame.rotation:
                return False
            looks.add((context.width, context.height, bytes(context.extradata or b"")))
    return len(looks) == 1


def _copy(stretches: Sequence[Stretch], out: Any) -> int:
    """Mux the packets; return how far before the start the picture begins."""
    with ExitStack() as open_files:
        origin_us: int | None = None
        last_us = 0
        stream, last_dts = None, None
        for stretch in stretches:
            source = open_files.enter_context(_Opened(stretch))
            if stream is None:
                stream = out.add_stream_from_template(source.stream)
            for packet in source.packets():
                if origin_us is None:
                    origin_us = source.time_us(packet.pts)
                last_us = max(last_us, source.time_us(packet.pts))
                pts = source.time_us(packet.pts) - origin_us
                dts = source.time_us(packet.dts) - origin_us
                if last_dts is not None:  # files overlap by their reordering delay
                    dts = max(dts, last_dts + 1)
                if dts > pts:
                    continue
                last_dts = dts
                packet.stream = stream
                packet.time_base = MICROSECOND
                packet.pts, packet.dts = pts, dts
                out.mux(packet)
    if origin_us is None or last_us < stretches[0].from_us:
        msg = f"{stretches[0].path}: no packet lies in the asked time"
        raise DecodeError(msg)
    return max(0, stretches[0].from_us - origin_us)


def _encode(
    stretches: Sequence[Stretch], out: Any, encoder: str, tile: float | None
) -> int:
    """Encode the frames anew, at most 15 a second; the clip begins at the start."""
    stream, last_us = None, None
    origin_us = stretches[0].from_us
    for stretch in stretches:
        with _Opened(stretch) as source:
            for t_us, image in source.pictures():
                at_us = t_us - origin_us
                if last_us is not None and at_us < last_us + 0.9e6 / MAX_FPS:
                    continue
                last_us = at_us
                shown = image if tile is None else make_mosaic(image, tile)
                frame = av.VideoFrame.from_ndarray(shown, format="rgb24")
                if stream is None:
                    width = min(frame.width, MAX_WIDTH_PX) // 2 * 2
                    height = round(frame.height * width / frame.width) // 2 * 2
                    stream = out.add_stream(encoder, rate=MAX_FPS)
                    stream.width, stream.height = width, height
                    stream.pix_fmt = "yuv420p"
                    stream.codec_context.time_base = Fraction(1, 1000)
                    if encoder == "libx264":
                        stream.options = {"crf": "26", "preset": "veryfast", "g": "30"}
                frame = frame.reformat(stream.width, stream.height, "yuv420p")
                frame.pts, frame.time_base = at_us // 1000, Fraction(1, 1000)
                out.mux(stream.encode(frame))
    if stream is None:
        msg = f"{stretches[0].path}: no picture lies in the asked time"
        raise DecodeError(msg)
    out.mux(stream.encode())
    return 0


class _Opened:
    """One file with its clock: PTS to UTC and back."""

    def __init__(self, stretch: Stretch) -> None:
        self._stretch = stretch
        self._container = open_container(Source(path=stretch.path))
        self.stream = self._container.streams.video[0]
        first = next(self._container.decode(self.stream), None)
        if first is None or first.pts is None:
            self._container.close()
            msg = f"{stretch.path}: no picture can be decoded"
            raise DecodeError(msg)
        self._first_pts = first.pts
        ahead_us = max(0, stretch.from_us - stretch.file_start_us)
        ticks = int(ahead_us * MICROSECOND / self.stream.time_base)
        self._container.seek(self._first_pts + ticks, stream=self.stream)

    def __enter__(self) -> "_Opened":
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def time_us(self, pts: int) -> int:
        """Return the UTC time of a PTS or DTS."""
        seconds = (pts - self._first_pts) * self.stream.time_base
        return self._stretch.file_start_us + int(seconds / MICROSECOND)

    def packets(self) -> Iterator[Any]:
        """Yield the packets from the key frame before the start to the end."""
        is_begun = False
        for packet in self._container.demux(self.stream):
            if packet.dts is None or packet.pts is None:
                continue
            if self.time_us(packet.dts) >= self._stretch.to_us:
                return
            is_begun = is_begun or packet.is_keyframe
            if is_begun:
                yield packet

    def pictures(self) -> Iterator[tuple[int, Any]]:
        """Yield (t_us, RGB array) of the frames inside, as they are shown."""
        for frame in self._container.decode(self.stream):
            if frame.pts is None:
                continue
            t_us = self.time_us(frame.pts)
            if t_us >= self._stretch.to_us:
                return
            if t_us >= self._stretch.from_us:
                image = frame.to_ndarray(format="rgb24")
                aspect = read_pixel_aspect(self.stream)
                yield t_us, show_picture(image, round(frame.rotation), aspect)
