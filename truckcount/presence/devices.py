"""`--device` and `--precision` to a runtime, with the reason for the choice."""

import logging
import os

from truckcount.errors import ConfigError
from truckcount.presence.runtime import Runtime
from truckcount.presence.weights import MAP_NETWORK, Weights

logger = logging.getLogger(__name__)

DEVICES = ("auto", "cpu", "cuda")
PRECISIONS = ("f32", "bf16")


def open_runtime(
    weights: Weights,
    device: str = "auto",
    threads: int = 1,
    precision: str = "f32",
) -> Runtime:
    """Open the fastest runtime that works here.

    ``auto`` takes a GPU only where one answers to `nvidia-smi`'s library: asking
    torch would cost two seconds of import on every machine without one.

    Parameters
    ----------
    precision : {'f32', 'bf16'}
        On the CPU. ``bf16`` takes half the time where the processor has it, and scores
        move by up to 0.03: counts of a few clips in a hundred then differ by one, so
        it is never chosen unasked. A GPU has a precision of its own.

    Raises
    ------
    ConfigError
        When ``cuda`` is asked for and there is none, or ``bf16`` cannot be had.
    """
    if is_on_gpu(device):
        return _open_torch(weights)
    if precision == "bf16":
        from truckcount.presence.processor import why_no_bf16

        if (reason := why_no_bf16()) is not None:
            msg = f"--precision bf16 cannot be had: {reason}; or leave it away"
            raise ConfigError(msg)
        from truckcount.presence.runtime_openvino import OpenVinoRuntime

        return OpenVinoRuntime(weights, threads)
    from truckcount.presence.runtime_onnx import OnnxRuntime

    return OnnxRuntime(weights, threads)


def is_on_gpu(device: str) -> bool:
    """Tell whether ``open_runtime`` takes a GPU, and say so where it might have.

    Raises
    ------
    ConfigError
        When ``cuda`` is asked for and there is none.
    """
    if device not in DEVICES:
        msg = f"--device {device!r} is not one of {', '.join(DEVICES)}"
        raise ConfigError(msg)
    if device == "cpu" or (device == "auto" and not has_nvidia_driver()):
        return False
    import torch

    if torch.cuda.is_available():
        return True
    if device == "cuda":
        msg = "--device cuda: torch sees no GPU here; use --device cpu"
        raise ConfigError(msg)
    logger.warning("a GPU driver is here but torch cannot use it: on the CPU")
    return False


def _open_torch(weights: Weights) -> Runtime:
    if weights.header.network != MAP_NETWORK:
        from truckcount.presence.zoo.runtime import ClassifierRuntime

        return ClassifierRuntime(weights, "cuda")
    from truckcount.presence.runtime_torch import TorchRuntime

    return TorchRuntime(weights, "cuda")


def count_cores() -> int:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def has_nvidia_driver() -> bool:
    """Tell whether the NVIDIA driver's library loads and sees a device."""
    import ctypes

    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
        if nvml.nvmlInit_v2() != 0:
            return False
        count = ctypes.c_uint(0)
        return nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) == 0 and count.value > 0
    except OSError:
        return False
