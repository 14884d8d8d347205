"""Batches of any size on one device: padded, in order, equal to the CPU's runtime.

What needs streams and graphs is tested where there is a GPU.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from truckcount.presence.device_forward import (
    BATCH_SIZES,
    DeviceForward,
    plan_chunks,
)
from truckcount.presence.runtime_onnx import OnnxRuntime
from truckcount.presence.runtime_torch import TorchRuntime
from truckcount.presence.weights import find_weights

RNG = np.random.default_rng(7)
SIZES = (2, 4)
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def views(n, height=64, width=96):
    return RNG.integers(0, 256, (n, height, width, 3), np.uint8)


@given(st.integers(1, 5000))
@settings(max_examples=60)
def test_chunks_hold_every_view_once_and_pad_less_than_half(n):
    chunks = plan_chunks(n)
    assert sum(count for count, _ in chunks) == n
    assert {size for _, size in chunks} <= set(BATCH_SIZES)
    assert all(count <= size for count, size in chunks)
    assert all(size == BATCH_SIZES[-1] for _, size in chunks[:-1])
    last, size = chunks[-1]
    assert size == BATCH_SIZES[0] or 2 * last > size


def mean_of_views(batch):
    heat = batch.float().mean(dim=3)
    return heat, torch.stack([heat] * 4, dim=1)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 11])
def test_maps_come_back_in_the_order_of_the_views(n):
    seen = []

    def forward(batch):
        seen.append(len(batch))
        return mean_of_views(batch)

    batch = views(n)
    maps = DeviceForward(forward, "cpu", SIZES).submit([batch]).result()
    assert seen == [size for _, size in plan_chunks(n, SIZES)]
    assert np.allclose(maps.heat, batch.mean(axis=3), atol=1e-3)
    assert maps.box.shape == (n, 4, 64, 96)


def test_a_batch_under_way_is_not_touched_by_the_next():
    forward = DeviceForward(mean_of_views, "cpu", SIZES)
    batches = [views(n) for n in (3, 7, 1, 4)]
    pending = [forward.submit([batch]) for batch in batches]
    for batch, maps in reversed(list(zip(batches, pending, strict=True))):
        assert np.allclose(maps.result().heat, batch.mean(axis=3), atol=1e-3)


def test_views_of_several_shapes_may_be_mixed():
    forward = DeviceForward(mean_of_views, "cpu", SIZES)
    for height, width in ((64, 96), (192, 320), (32, 32), (64, 96)):
        batch = views(3, height, width)
        maps = forward.submit([batch]).result()
        assert np.allclose(maps.heat, batch.mean(axis=3), atol=1e-3)


@pytest.mark.parametrize("model", ["truckmap", "truckmap-m"])
def test_padded_batches_score_as_on_the_cpu_runtime(model):
    weights = find_weights(model)
    batch = views(7)
    want = OnnxRuntime(weights).score_views(batch)
    got = TorchRuntime(weights, "cpu", sizes=SIZES).score_views(batch)
    assert np.abs(got.heat - want.heat).max() < 1e-4
    assert np.abs(got.box - want.box).max() < 1e-3


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_pixels_are_exact_in_half_precision(dtype):
    levels = torch.arange(256, dtype=torch.uint8)
    exact = (levels.float() - 127.0) / 128.0
    assert torch.equal(((levels.to(dtype) - 127.0) / 128.0).float(), exact)


@pytest.mark.parametrize("model", ["truckmap", "truckmap-m", "truckmap-l"])
def test_float16_moves_scores_by_less_than_thresholds_are_told_to(model):
    weights = find_weights(model)
    batch = views(7)
    want = OnnxRuntime(weights).score_views(batch)
    half = TorchRuntime(weights, "cpu", torch.float16, SIZES).score_views(batch)
    assert half.heat.dtype == np.float32
    assert 0 < np.abs(half.heat - want.heat).max() < 0.005


@needs_gpu
@pytest.mark.parametrize("model", ["truckmap", "truckmap-m"])
def test_a_gpu_scores_as_the_cpu_does(model):
    weights = find_weights(model)
    runtime = TorchRuntime(weights, "cuda")
    batches = [views(n) for n in (5, 1100, 40, 5)]
    pending = [runtime.submit([batch]) for batch in batches]
    for batch, maps in zip(batches, pending, strict=True):
        want = OnnxRuntime(weights).score_views(batch[:40])
        assert np.abs(maps.result().heat[:40] - want.heat).max() < 0.02
    exact = TorchRuntime(weights, "cuda", torch.float32).score_views(batches[0])
    want = OnnxRuntime(weights).score_views(batches[0])
    assert np.abs(exact.heat - want.heat).max() < 5e-3  # TF32 rounds


@needs_gpu
def test_views_on_the_gpu_score_as_views_from_the_host():
    runtime = TorchRuntime(find_weights("truckmap"), "cuda")
    batch = views(9)
    host = runtime.score_views(batch)
    there = runtime.score_views(torch.from_numpy(batch).cuda())
    assert np.array_equal(host.heat, there.heat)
