"""`--backend nvdec` to whether frames may be decoded on the GPU here, and why not."""

import ctypes
import logging
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec

from truckcount.domain.sample import ViewRect
from truckcount.presence.devices import has_nvidia_driver
from truckcount.video.decode_nvdec import Cut

logger = logging.getLogger(__name__)


def why_no_nvdec() -> str | None:
    """Return why NVDEC cannot be used on this machine; None where it can.

    Whether it knows a file's codec is told by torchcodec when the file is opened.
    """
    if find_spec("torchcodec") is None:
        return "torchcodec is not installed: pip install 'truckcount[gpu]'"
    if not has_nvidia_driver():
        return "no CUDA device answers"
    try:
        ctypes.CDLL("libnvcuvid.so.1")
    except OSError:
        return (
            "the driver has no NVDEC here (libnvcuvid.so.1); a container must be "
            "given NVIDIA_DRIVER_CAPABILITIES=video"
        )
    try:
        import torchcodec.decoders  # noqa: F401  # loads FFmpeg's libraries
    except (ImportError, OSError, RuntimeError) as error:
        line = str(error).strip().split("\n", 1)[0]
        return f"torchcodec cannot be loaded, as where FFmpeg is missing: {line}"
    return None


def gpu_cutter(views: Sequence[ViewRect], device: str) -> Cut | None:
    """Return what cuts views on the GPU; None where the CPU must decode."""
    reason = "--device cpu" if device == "cpu" else _reason()
    if reason is not None:
        _say_once(reason)
        return None
    from truckcount.presence.tensor_crop import TensorCropper

    return TensorCropper(views).cut


@cache
def _reason() -> str | None:
    return why_no_nvdec()


@cache
def _say_once(reason: str) -> None:
    logger.warning("--backend nvdec: decoded on the CPU: %s", reason)
