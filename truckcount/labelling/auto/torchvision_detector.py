"""Torchvision's COCO detectors, with its own weights files, to detections."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from truckcount.errors import LabelError, WeightsError
from truckcount.labelling.auto.detections import (
    TRUCK,
    Detections,
    Image,
    kinds_of_names,
    select_boxes,
)

if TYPE_CHECKING:
    from torch import nn

# one whose heads are not of boxes alone still gives boxes; keypoints know only people
EXCLUDED = frozenset({"keypointrcnn_resnet50_fpn"})


class TorchvisionDetector:
    """A detector of ``torchvision.models.detection``.

    Parameters
    ----------
    network : nn.Module
        In torchvision's form: a list of pictures in, a list of dicts out.
    names : sequence of str
        Class names by id; those that are vehicles are kept.
    model_id : str
    truck_classes : tuple of int
        Ids that are trucks, instead of the names.
    device : str
        ``cpu`` or ``cuda``.
    """

    def __init__(
        self,
        network: "nn.Module",
        names: Sequence[str],
        model_id: str,
        *,
        truck_classes: tuple[int, ...] = (),
        device: str = "cpu",
    ) -> None:
        self.model_id = model_id
        self._network = network.to(device).eval()
        self._device = device
        self._kinds = (
            dict.fromkeys(truck_classes, TRUCK)
            if truck_classes
            else kinds_of_names(dict(enumerate(names)))
        )

    def detect(self, image: Image) -> Detections:
        """Detect in an RGB picture of shape (H, W, 3)."""
        import torch

        pixels = torch.from_numpy(np.ascontiguousarray(image)).to(self._device)
        with torch.inference_mode():
            (found,) = self._network([pixels.permute(2, 0, 1).float() / 255])
        height, width = image.shape[:2]
        return select_boxes(
            found["boxes"].float().cpu().numpy(),
            found["scores"].float().cpu().numpy(),
            found["labels"].cpu().numpy().astype(np.int64),
            self._kinds,
            (width, height),
        )


def torchvision_names() -> list[str]:
    """List the detectors that torchvision has."""
    from torchvision.models import detection, list_models

    return [n for n in list_models(module=detection) if n not in EXCLUDED]


def open_torchvision(
    name: str,
    *,
    may_download: bool = False,
    truck_classes: tuple[int, ...] = (),
    device: str = "cpu",
) -> TorchvisionDetector:
    """Open a detector with its published COCO weights.

    Parameters
    ----------
    name : str
        For example ``fasterrcnn_mobilenet_v3_large_320_fpn``.
    may_download : bool
        Fetch the weights where torch's cache has none.

    Raises
    ------
    LabelError
        When the weights are not there, cannot be fetched or are damaged.
    """
    from torchvision.models import get_model, get_model_weights

    weights = get_model_weights(name).DEFAULT
    state = load_state(weights.url, name, may_download=may_download)
    names = list(weights.meta["categories"])
    network = get_model(
        name, weights=None, weights_backbone=None, num_classes=len(names)
    )
    network.load_state_dict(state)
    digest = re.search(r"-([0-9a-f]{8,})\.\w+$", weights.url)
    mark = f"@sha256:{digest[1]}" if digest is not None else f"@{weights.name}"
    return TorchvisionDetector(
        network,
        names,
        f"{name}{mark}",
        truck_classes=truck_classes,
        device=device,
    )


def load_state(url: str, name: str, *, may_download: bool) -> dict[str, Any]:
    """Load weights from torch's cache, fetching them first where that is allowed.

    The file's name ends in the first digits of its SHA-256; they are checked in
    the cache, too, and the file is read as tensors only, never as pickled code.
    """
    from truckcount.presence.published_weights import cached_path, load_published

    cached = cached_path(url)
    if not cached.exists() and not may_download:
        msg = (
            f"the weights of {name} are not on this machine; run again with "
            f"--download, or fetch {url} elsewhere and put it at {cached}"
        )
        raise LabelError(msg)
    try:
        return load_published(url)
    except WeightsError as error:
        msg = f"the weights of {name}: {error}"
        raise LabelError(msg) from error
