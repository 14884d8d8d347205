"""``--with MODEL`` to a detector: ours, torchvision's, or any ONNX graph."""

import json
from pathlib import Path

from truckcount.errors import LabelError
from truckcount.labelling.auto.detections import Detector
from truckcount.presence.weights import PINS_PATH


def open_detector(
    model: str,
    *,
    truck_classes: tuple[int, ...] = (),
    may_download: bool = False,
    pixels: str = "unit",
    size_px: int | None = None,
    tiles: int = 1,
    device: str = "auto",
) -> Detector:
    """Open the detector that a name or path means.

    Parameters
    ----------
    model : str
        Path of an ``.onnx`` graph, path of ``.safetensors`` weights or of the run
        folder that holds them, name of a model that is shipped, or name of a detector
        of torchvision.

    Raises
    ------
    LabelError
        When there is no such model here.
    """
    if model.endswith(".onnx"):
        from truckcount.labelling.auto.onnx_detector import OnnxDetector

        return OnnxDetector(
            Path(model), truck_classes=truck_classes, pixels=pixels, size_px=size_px
        )
    shipped = sorted(json.loads(PINS_PATH.read_text()))
    if model.endswith(".safetensors") or model in shipped or Path(model).is_dir():
        from truckcount.labelling.auto.own_detector import OwnDetector

        return OwnDetector(model, tiles=tiles, device=device)
    from truckcount.labelling.auto.torchvision_detector import (
        open_torchvision,
        torchvision_names,
    )

    known = torchvision_names()
    if model not in known:
        msg = (
            f"no detector {model!r}; give a path (.onnx, .safetensors), one of ours "
            f"({', '.join(shipped)}) or of torchvision's ({', '.join(known)})"
        )
        raise LabelError(msg)
    return open_torchvision(
        model,
        may_download=may_download,
        truck_classes=truck_classes,
        device=_torch_device(device),
    )


def _torch_device(device: str) -> str:
    import torch

    has_gpu = torch.cuda.is_available()
    if device == "cuda" and not has_gpu:
        msg = "--device cuda: torch sees no GPU here; use --device cpu"
        raise LabelError(msg)
    return "cuda" if has_gpu and device != "cpu" else "cpu"
