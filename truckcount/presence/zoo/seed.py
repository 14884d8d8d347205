"""`seed`: the source article's CNN, 335 -> 167 -> 42 -> 20 -> 5."""

import math
from collections import OrderedDict

from torch import nn

from truckcount.presence.zoo.classifier import Parts

INPUT_PX = 335
# (layer, kernel, stride, padding): all in pixels of the layer's input. The article
# gives the sizes; with its 5 x 5 kernel and stride 2 for convolutions and 4 x 4 for
# pooling, one pixel of padding at every layer is what gives them.
LAYERS = (
    ("conv1", 5, 2, 1),  # 335 -> 167
    ("pool1", 4, 4, 1),  # 167 -> 42
    ("conv2", 5, 2, 1),  # 42 -> 20
    ("pool2", 4, 4, 1),  # 20 -> 5
)
CHANNELS = (16, 32)  # the article does not say: chosen for a step in 15 ms on a CPU
HIDDEN = 64  # the same


def output_size(size_px: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    """Size of a convolution's or pooling's output along one axis.

    Notes
    -----
    ``floor((size + 2 padding - kernel) / stride) + 1``: the number of places at
    which the kernel lies wholly on the padded input.

    Examples
    --------
    The article's example, a 5 x 5 kernel with stride 2 and no padding:

    >>> output_size(185, kernel=5, stride=2)
    91

    And its network, layer by layer:

    >>> sizes = [335]
    >>> for _, kernel, stride, padding in LAYERS:
    ...     sizes.append(output_size(sizes[-1], kernel, stride, padding))
    >>> sizes
    [335, 167, 42, 20, 5]

    Raises
    ------
    ValueError
        When the kernel is larger than the padded input.
    """
    span = size_px + 2 * padding - kernel
    if span < 0:
        msg = (
            f"a kernel of {kernel} px does not fit {size_px} px padded by {padding} px"
        )
        raise ValueError(msg)
    return math.floor(span / stride) + 1


def build_seed(*, dropout: float, batch_norm: bool) -> Parts:
    """Build it: two convolutions, two poolings, two full layers.

    Parameters
    ----------
    dropout : float
        Share of the inputs of either full layer that is dropped; 0 adds no layer.
    batch_norm : bool
        Normalise after each convolution, which then has no bias.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    n_in, size = 3, INPUT_PX
    for i, (name, kernel, stride, padding) in enumerate(LAYERS):
        if name.startswith("conv"):
            n_out = CHANNELS[i // 2]
            layers[name] = nn.Conv2d(
                n_in, n_out, kernel, stride, padding, bias=not batch_norm
            )
            if batch_norm:
                layers[f"norm{i // 2 + 1}"] = nn.BatchNorm2d(n_out)
            layers[f"relu{i // 2 + 1}"] = nn.ReLU(inplace=True)
            n_in = n_out
        else:
            layers[name] = nn.MaxPool2d(kernel, stride, padding)
        size = output_size(size, kernel, stride, padding)
    layers["flatten"] = nn.Flatten()
    if dropout:
        layers["dropout1"] = nn.Dropout(dropout)
    layers["full1"] = nn.Linear(n_in * size * size, HIDDEN)
    layers["relu3"] = nn.ReLU(inplace=True)
    if dropout:
        layers["dropout2"] = nn.Dropout(dropout)
    layers["full2"] = nn.Linear(HIDDEN, 1)
    return Parts(nn.Sequential(layers), layers["full2"], INPUT_PX)
