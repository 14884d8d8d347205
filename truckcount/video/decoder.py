"""What every decoder offers: samples in time order, then a report."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

from truckcount.domain.camera import Camera
from truckcount.domain.sample import Sample, ViewRect
from truckcount.domain.segment import SegmentReport
from truckcount.errors import ConfigError, DecodeError
from truckcount.video.access import MAX_PIXELS
from truckcount.video.sources import Source


class Decoder(Protocol):
    """Decodes one source once; memory stays bounded whatever the length."""

    def __iter__(self) -> Iterator[Sample]:
        """Yield the samples; times strictly increase."""
        ...

    @property
    def report(self) -> SegmentReport:
        """What was read; known when the samples are exhausted."""
        ...


def open_decoder(
    source: Source,
    views: Sequence[ViewRect],
    *,
    start_us: int,
    sample_fps: float,
    backend: str = "av",
    threads: int = 1,
    camera: Camera | None = None,
    max_pixels: int = MAX_PIXELS,
    key_frames_only: bool = False,
    cut: Callable[[Any], Sequence[Any]] | None = None,
) -> Decoder:
    """Open a source for sampling.

    Parameters
    ----------
    views : sequence of ViewRect
        The crops every sample carries, in this order.
    start_us : int
        UTC of the first frame, microseconds since 1970-01-01.
    sample_fps : float
        Ticks per second of the absolute grid.
    backend : str
        ``av`` (fast: crops and scales from YUV), ``opencv`` (the reference) or
        ``nvdec`` (a GPU; what that cannot do, and key frames alone, by ``av``).
    threads : int
        Decoder threads; 1 costs the least CPU time.
    camera : Camera, optional
        Whose zone and name patterns date the pictures of a folder of stills.
    max_pixels : int
        Larger pictures are left out as damage.
    key_frames_only : bool
        Decode nothing else where key frames come about once a tick (``av`` only).
    cut : callable, optional
        Frames on the GPU, uint8 (N, 3, H, W), to each rectangle's N views there;
        without it ``nvdec`` is ``av``.
    """
    if source.kind == "stills":
        from truckcount.video.decode_stills import StillsDecoder

        return StillsDecoder(
            source,
            views,
            start_us=start_us,
            sample_fps=sample_fps,
            camera=camera,
            max_pixels=max_pixels,
        )
    if backend == "nvdec" and cut is not None and not key_frames_only:
        from truckcount.video.decode_nvdec import NvdecDecoder

        return NvdecDecoder(
            source,
            views,
            start_us=start_us,
            sample_fps=sample_fps,
            cut=cut,
            max_pixels=max_pixels,
        )
    if backend in ("av", "nvdec"):
        from truckcount.video.decode_av import AvDecoder

        return AvDecoder(
            source,
            views,
            start_us=start_us,
            sample_fps=sample_fps,
            threads=threads,
            max_pixels=max_pixels,
            key_frames_only=key_frames_only,
        )
    if backend == "opencv":
        from truckcount.video.decode_opencv import OpenCvDecoder

        return OpenCvDecoder(
            source,
            views,
            start_us=start_us,
            sample_fps=sample_fps,
            max_pixels=max_pixels,
        )
    msg = f"backend {backend!r} is not one of av, opencv, nvdec"
    raise ConfigError(msg)


def not_finished(source: Source) -> DecodeError:
    """Say that a report was asked for too early."""
    return DecodeError(f"{source.name}: the report is known after the last sample")
