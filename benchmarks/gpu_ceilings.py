"""What each unit of a GPU machine does alone: network, copies, decoders.

The network's floor is told twice: by its arithmetic at the measured rate of matrix
products, and by the bytes of its activations at the measured rate of copies.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch

from truckcount.presence.device_forward import BATCH_SIZES
from truckcount.presence.runtime_torch import TorchRuntime, load_truckmap
from truckcount.presence.shared_runtime import SharedRuntime
from truckcount.presence.weights import Weights

BATCHES = 12  # of one measurement, different pixels in each


def seconds_of(work: Callable[[], Any], device: str, repeats: int) -> float:
    """Time a repeat of queued work, warmed up, by the host's clock around a sync."""
    work()
    _wait(device)
    began = time.perf_counter()
    for _ in range(repeats):
        work()
    _wait(device)
    return (time.perf_counter() - began) / repeats


def _wait(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def machine_rates(device: str) -> dict[str, float]:
    """Measure copies on the device, matrix products and copies to it."""
    scale = 1 if device == "cuda" else 64
    a = torch.randn(8192 // scale, 8192 // scale, device=device).bfloat16()
    matmul_s = seconds_of(lambda: a @ a, device, 10)
    there = torch.randint(0, 255, ((1 << 30) // scale,), device=device).to(torch.uint8)
    twin = torch.empty_like(there)
    copy_s = seconds_of(lambda: twin.copy_(there), device, 10)
    n = (256 << 20) // scale
    pageable = torch.randint(0, 255, (n,), dtype=torch.uint8)
    pinned = torch.empty(n, dtype=torch.uint8, pin_memory=device == "cuda")
    fill_s = seconds_of(lambda: pinned.copy_(pageable), "cpu", 5)
    up_s = seconds_of(
        lambda: twin[:n].copy_(pinned, non_blocking=True), device, 10
    )  # fmt: skip
    return {
        "matmul_bf16_tflop_s": round(2 * len(a) ** 3 / matmul_s / 1e12, 2),
        "device_copy_gb_s": round(2 * len(there) / copy_s / 1e9, 1),
        "fill_pinned_gb_s": round(n / fill_s / 1e9, 2),
        "host_to_device_gb_s": round(n / up_s / 1e9, 2),
    }


def network_floor(weights: Weights, rates: dict[str, float]) -> dict[str, float]:
    """Count a view's arithmetic and bytes; return views/s that each would allow."""
    width, height = weights.header.view_size
    network = load_truckmap(weights)
    flops = values = 0

    def count(module: Any, inputs: Any, output: Any) -> None:
        nonlocal flops, values
        taps = module.weight[0].numel()  # inputs of one output value
        flops += 2 * taps * output.numel()
        values += inputs[0].numel() + output.numel()

    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(count)
    with torch.inference_mode():
        network(torch.zeros(1, 3, height, width, dtype=torch.uint8))
    return {
        "mflop_a_view": round(flops / 1e6, 1),
        "mb_a_view": round(2 * values / 1e6, 2),
        "views_s_by_arithmetic": round(rates["matmul_bf16_tflop_s"] * 1e12 / flops),
        "views_s_by_bytes": round(rates["device_copy_gb_s"] * 1e9 / (2 * values)),
    }


def forward_rates(runtime: TorchRuntime, shape: tuple[int, int]) -> list[Any]:
    """Measure the network alone, by size of batch: views lie on the device."""
    rows = []
    for size in BATCH_SIZES if runtime.device == "cuda" else BATCH_SIZES[:1]:
        batches = [
            torch.randint(
                0, 256, (size, *shape, 3), dtype=torch.uint8, device=runtime.device
            )
            for _ in range(2)
        ]
        runtime.submit(batches[:1]).result()
        recorded = runtime._forward._recorded[(size, *shape, 3)]
        stream = getattr(runtime._forward, "_run", None)
        with torch.inference_mode(), torch.cuda.stream(stream):
            recorded.views.copy_(batches[0])
            played_s = seconds_of(recorded.play, runtime.device, BATCHES)
        began = time.perf_counter()
        pending = [runtime.submit([batches[k % 2]]) for k in range(BATCHES)]
        for one in pending:
            one.result()
        with_maps_s = (time.perf_counter() - began) / BATCHES
        rows.append(
            {
                "batch": size,
                "views_s_forward": round(size / played_s),
                "views_s_with_maps_to_host": round(size / with_maps_s),
            }
        )
    return rows


def host_rate(
    runtime: TorchRuntime, shape: tuple[int, int], threads: int, n_batches: int
) -> dict[str, float]:
    """Measure views/s from the host's memory, from many threads as in a run."""
    rng = np.random.default_rng(0)
    size = 64 if runtime.device == "cuda" else 2
    parts = [rng.integers(0, 256, (size, *shape, 3), np.uint8) for _ in range(4)]

    def stream(k: int) -> None:
        for i in range(n_batches):
            shared.score_views(parts[(k + i) % 4])

    with SharedRuntime(runtime) as shared, ThreadPoolExecutor(threads) as pool:
        began = time.perf_counter()
        list(pool.map(stream, range(threads)))
        wall_s = time.perf_counter() - began
    return {
        "threads": threads,
        "views_a_call": size,
        "views_s": round(threads * n_batches * size / wall_s),
    }


def decode_rate(clip: Path, threads: int, *, on_gpu: bool) -> float:
    """Measure frames/s of nothing but decoding, every frame, by so many streams."""

    def by_nvdec(_k: int) -> int:
        from truckcount.video.decode_nvdec import open_torchcodec

        frames = open_torchcodec(str(clip))
        for begin in range(0, len(frames), 8):
            frames.get_frames_in_range(begin, min(begin + 8, len(frames)))
        torch.cuda.synchronize()
        return len(frames)

    def by_av(_k: int) -> int:
        with av.open(str(clip)) as file:
            return sum(1 for _ in file.decode(video=0))

    with ThreadPoolExecutor(threads) as pool:
        began = time.perf_counter()
        n = sum(pool.map(by_nvdec if on_gpu else by_av, range(threads)))
        return round(n / (time.perf_counter() - began), 1)
