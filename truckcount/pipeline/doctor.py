"""What works on this machine, part by part."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from zoneinfo import ZoneInfo

from truckcount.errors import TruckcountError
from truckcount.pipeline.gpu_decoding import why_no_nvdec
from truckcount.presence.devices import has_nvidia_driver
from truckcount.presence.processor import why_no_bf16
from truckcount.presence.weights import DEFAULT_MODEL, find_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One part: whether it works and whether it is needed."""

    part: str
    works: bool
    detail: str
    is_needed: bool = True


def examine() -> list[Finding]:
    """Examine everything a run may use."""
    return [
        _python(),
        _package("av", "decoder: PyAV"),
        _package("opencv-python-headless", "decoder: OpenCV", is_needed=False),
        _package("onnxruntime", "CPU runtime"),
        _optional("CPU runtime: bf16", why_no_bf16(), "openvino", ": --precision bf16"),
        _package("pyarrow", "parquet"),
        _package("pandas", "frames", is_needed=False),
        _torch(),
        Finding(
            part="GPU driver",
            works=has_nvidia_driver(),
            detail="NVIDIA" if has_nvidia_driver() else "none: the CPU is used",
            is_needed=False,
        ),
        _optional("decoder: NVDEC", why_no_nvdec(), "torchcodec"),
        _try("weights", _weights),
        _try("time zones", lambda: ZoneInfo("America/Chicago").key),
        Finding(
            part="ffprobe",
            works=shutil.which("ffprobe") is not None,
            detail="used by tests only",
            is_needed=False,
        ),
    ]


def _python() -> Finding:
    return Finding(
        part="python",
        works=sys.version_info >= (3, 11),
        detail=sys.version.split()[0],
    )


def _package(name: str, part: str, *, is_needed: bool = True) -> Finding:
    try:
        return Finding(part=part, works=True, detail=f"{name} {version(name)}")
    except PackageNotFoundError:
        return Finding(
            part=part, works=False, detail=f"pip install {name}", is_needed=is_needed
        )


def _torch() -> Finding:
    is_there = find_spec("torch") is not None
    detail = (
        f"torch {version('torch')}" if is_there else "pip install torch torchvision"
    )
    return Finding(
        part="training and GPU runtime", works=is_there, detail=detail, is_needed=False
    )


def _optional(part: str, reason: str | None, package: str, hint: str = "") -> Finding:
    """Say which version of a package works, or why it does not."""
    detail = f"{package} {version(package)}{hint}" if reason is None else reason
    return Finding(part=part, works=reason is None, detail=detail, is_needed=False)


def _weights() -> str:
    weights = find_weights(DEFAULT_MODEL)
    from truckcount.presence.runtime_onnx import OnnxRuntime

    OnnxRuntime(weights)
    return weights.model_id


def _try(part: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(part=part, works=True, detail=check())
    except (TruckcountError, OSError, KeyError) as error:
        return Finding(part=part, works=False, detail=str(error))
