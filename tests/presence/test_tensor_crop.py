"""Views cut by matrices show what OpenCV's and swscale's show."""

import av
import numpy as np
import pytest
import torch

from tests.conftest import picture
from truckcount.domain.sample import ViewRect
from truckcount.presence.tensor_crop import TensorCropper, resize_weights
from truckcount.video.crop import ViewCropper
from truckcount.video.cut import cut_view

LUMA = [0.299, 0.587, 0.114]


@pytest.mark.parametrize("n_in", [31, 64, 97, 200])
@pytest.mark.parametrize("n_out", [32, 64, 96])
def test_every_new_pixel_is_a_mean_around_its_place(n_in, n_out):
    weights = resize_weights(n_in, n_out)
    assert np.allclose(weights.sum(axis=1), 1, atol=1e-5)
    assert weights.min() >= 0
    centres = weights @ (np.arange(n_in) + 0.5)
    want = (np.arange(n_out) + 0.5) * n_in / n_out
    assert np.abs(centres - want).max() < 0.51
    if n_in > n_out:  # and every old pixel has its share
        assert np.allclose(weights.sum(axis=0), n_out / n_in, atol=1e-5)


@pytest.mark.parametrize(
    ("box", "out"),
    [
        ((0, 0, 1, 1), (96, 64)),
        ((0.25, 0.5, 0.75, 1), (160, 96)),
        ((0.1, 0.1, 0.37, 0.4), (192, 128)),
        ((0.03, 0.21, 0.91, 0.97), (320, 192)),
    ],
    ids=["whole", "half", "enlarged", "uneven"],
)
def test_views_are_those_of_the_cpu(box, out):
    image = picture(3, 640, 360)
    frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format="yuv420p")
    x0, y0, x1, y1 = box
    rect = ViewRect(
        gate="g", x0=x0, y0=y0, x1=x1, y1=y1, width_px=out[0], height_px=out[1]
    )
    want = ViewCropper([rect]).cut(frame)[0].astype(float)
    shown = np.stack([frame.to_ndarray(format="rgb24")] * 2)
    (views,) = TensorCropper([rect]).cut(torch.from_numpy(shown).permute(0, 3, 1, 2))
    assert views.shape == (2, *want.shape)
    assert torch.equal(views[0], views[1])
    by_opencv = cut_view(np.ascontiguousarray(shown[0, :, :, ::-1]), rect).astype(float)
    assert np.abs((views[0].numpy() - by_opencv) @ LUMA).max() <= 1.0
    # swscale converts to RGB after scaling and rounds down: about a level darker
    apart = np.abs((views[0].numpy() - want) @ LUMA)
    assert apart.mean() < 1.5
    assert np.quantile(apart, 0.99) < 4
