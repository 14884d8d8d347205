"""What a network has learned to see: its first kernels, and one picture inside it."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from truckcount.domain.camera import WHOLE_PICTURE
from truckcount.presence.runtime_torch import load_truckmap
from truckcount.presence.truckmap import TruckMap
from truckcount.presence.views import plan_views
from truckcount.presence.weights import Weights
from truckcount.video.cut import cut_view
from truckcount.video.mosaic import UNKNOWN_FRACTION, make_mosaic

UInt8Array = npt.NDArray[np.uint8]
MAX_KERNELS = 64
KERNEL_PX = 36
N_MAPS = 8  # of a layer: those that differ most over the picture
MAP_WIDTH_PX = 160
GAP_PX = 4


@dataclass(frozen=True, slots=True)
class Stage:
    """One layer's answer to the example."""

    name: str
    tiles: UInt8Array
    """Shape (H, W, 3 or 4), RGB or RGBA."""


def load_network(weights: Weights) -> nn.Module:
    """Build the network of a weights file, whichever it is."""
    if weights.header.network == "truckmap":
        return load_truckmap(weights)
    from truckcount.presence.zoo.runtime import load_classifier

    return load_classifier(weights)


def show_kernels(network: nn.Module) -> UInt8Array | None:
    """Lay out the first convolution's kernels that see colours, each at full range."""
    first = next(_convolutions(network), None)
    if first is None or first[1].weight.shape[1] != 3:
        return None
    kernels = first[1].weight.detach().float()[:MAX_KERNELS]
    # a common middle grey: what a kernel ignores is grey, not black
    reach = kernels.abs().amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-8)
    shown = (127.5 + 127.5 * kernels / reach).permute(0, 2, 3, 1).numpy()
    size = (KERNEL_PX, KERNEL_PX)
    return _tile(
        [
            cv2.resize(k.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
            for k in shown
        ],
        columns=8,
    )


@torch.inference_mode()
def show_stages(network: nn.Module, view: UInt8Array) -> list[Stage]:
    """Show a view to the network and keep the maps of its first, mid and late layer.

    Parameters
    ----------
    view : uint8 array, shape (H, W, 3), RGB
    """
    layers = list(_convolutions(network))
    picks = sorted({0, len(layers) // 3, 2 * len(layers) // 3})
    kept: dict[str, Tensor] = {}
    hooks = [
        layers[k][1].register_forward_hook(
            lambda _m, _i, out, name=layers[k][0]: kept.__setitem__(name, out)
        )
        for k in picks
        if k < len(layers)
    ]
    try:
        output = network.eval()(_batch(view))
    finally:
        for hook in hooks:
            hook.remove()
    stages = [Stage(name, _maps(maps[0].float())) for name, maps in kept.items()]
    if isinstance(network, TruckMap):
        heat = torch.sigmoid(output.heat[0, 0]).numpy()
        stages.append(Stage("truck map", _overlay(view, heat)))
    return stages


def cut_example(
    path: str, view_size: tuple[int, int], *, is_blurred: bool = False
) -> UInt8Array | None:
    """Read a picture as the network's first view of it; None where it is gone."""
    image = cv2.imread(path, cv2.IMREAD_COLOR) if path else None
    if image is None:
        return None
    if is_blurred:
        image = make_mosaic(np.asarray(image, np.uint8), UNKNOWN_FRACTION)
    size = (image.shape[1], image.shape[0])
    rect = plan_views([WHOLE_PICTURE], size, view_size)[0]
    return cut_view(np.asarray(image, np.uint8), rect)


def _convolutions(network: nn.Module) -> Iterator[tuple[str, nn.Conv2d]]:
    for name, module in network.named_modules():
        # 1 x 1 kernels only mix maps: they show nothing new of the picture
        if isinstance(module, nn.Conv2d) and max(module.kernel_size) > 1:
            yield name, module


def _batch(view: UInt8Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(view)).permute(2, 0, 1)[None]


def _maps(maps: Tensor) -> UInt8Array:
    """Lay out the channels that vary most over the picture."""
    spread = maps.flatten(1).std(dim=1)
    chosen = spread.argsort(descending=True, stable=True)[:N_MAPS].tolist()
    height = round(MAP_WIDTH_PX * maps.shape[1] / maps.shape[2])
    tiles = []
    for k in chosen:
        one = maps[k].numpy()
        low, high = np.percentile(one, (1, 99))
        grey = np.clip((one - low) / max(high - low, 1e-8), 0, 1)
        large = cv2.resize(
            (255 * grey).astype(np.uint8),
            (MAP_WIDTH_PX, max(height, 8)),
            interpolation=cv2.INTER_CUBIC,
        )
        coloured = cv2.applyColorMap(large, cv2.COLORMAP_VIRIDIS)
        tiles.append(np.ascontiguousarray(coloured[:, :, ::-1]).astype(np.uint8))
    return _tile(tiles, columns=4)


def _overlay(view: UInt8Array, heat: npt.NDArray[np.float32]) -> UInt8Array:
    """Lay a map over its view, in orange, as strong as it is sure."""
    height, width = view.shape[:2]
    sure = cv2.resize(heat, (width, height), interpolation=cv2.INTER_LINEAR)
    sure = np.clip(sure, 0, 1)[:, :, None]
    grey = view.mean(axis=2, keepdims=True) * 0.5 + view * 0.5
    out = grey * (1 - 0.75 * sure) + np.array([255.0, 120.0, 20.0]) * 0.75 * sure
    out = cv2.resize(out.astype(np.uint8), None, fx=2, fy=2)
    return np.asarray(out, np.uint8)


def _tile(tiles: list[UInt8Array], columns: int) -> UInt8Array:
    height, width = tiles[0].shape[:2]
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    # gaps are clear: the page behind may be light or dark
    sheet = np.zeros(
        (rows * (height + GAP_PX) - GAP_PX, columns * (width + GAP_PX) - GAP_PX, 4),
        np.uint8,
    )
    for k, tile in enumerate(tiles):
        y, x = k // columns * (height + GAP_PX), k % columns * (width + GAP_PX)
        sheet[y : y + height, x : x + width, :3] = tile
        sheet[y : y + height, x : x + width, 3] = 255
    return sheet
