"""Many threads, one runtime: each gets its own maps, whatever was scored with them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from truckcount.presence.device_forward import DeviceForward
from truckcount.presence.shared_runtime import SharedRuntime

TIMEOUT_S = 60


class MeanRuntime:
    """Maps of one cell: each view's first pixel."""

    device = "cpu"

    def __init__(self):
        self.batches = []
        self.entered, self.gate = threading.Event(), threading.Event()
        self.gate.set()
        self._forward = DeviceForward(self._score, "cpu", (4, 16))

    def _score(self, views):
        heat = views[:, :1, :1, 0].float()
        return heat, heat[:, None].expand(-1, 4, -1, -1)

    def submit(self, parts):
        self.entered.set()
        assert self.gate.wait(TIMEOUT_S)
        self.batches.append([len(part) for part in parts])
        if any((part == 255).all() for part in parts):
            raise RuntimeError("out of memory")
        return self._forward.submit(parts)


def views(level, n=2, height=32):
    return np.full((n, height, 32, 3), level, np.uint8)


def test_every_thread_gets_its_own_maps_in_its_own_order():
    runtime = MeanRuntime()

    def stream(k):
        shapes = [(32 if k % 2 else 64, 1 + (k + i) % 5) for i in range(20)]
        return [
            shared.score_views(views(10 * k + i, n, h)).heat.ravel().tolist()
            for i, (h, n) in enumerate(shapes)
        ]

    with SharedRuntime(runtime, max_views=16) as shared, ThreadPoolExecutor(8) as pool:
        found = list(pool.map(stream, range(8)))
    for k, rows in enumerate(found):
        assert rows == [[10.0 * k + i] * (1 + (k + i) % 5) for i in range(20)]
    assert max(sum(batch) for batch in runtime.batches) <= 16


def test_what_waits_is_scored_together():
    runtime = MeanRuntime()
    runtime.gate.clear()  # the first batch is held until all others wait
    with SharedRuntime(runtime) as shared, ThreadPoolExecutor(6) as pool:
        first = pool.submit(shared.score_views, views(1))
        assert runtime.entered.wait(TIMEOUT_S)
        others = [pool.submit(shared.score_views, views(k)) for k in range(2, 7)]
        until = time.monotonic() + TIMEOUT_S
        while shared._requests.qsize() < 5 and time.monotonic() < until:
            time.sleep(0.001)
        runtime.gate.set()
        assert first.result(TIMEOUT_S).heat.max() == 1
        assert [f.result(TIMEOUT_S).heat.max() for f in others] == [2, 3, 4, 5, 6]
    assert runtime.batches[1:] == [[2] * 5]


def test_an_error_reaches_its_callers_and_no_others():
    with SharedRuntime(MeanRuntime()) as shared:
        with pytest.raises(RuntimeError, match="out of memory"):
            shared.score_views(views(255))
        assert shared.score_views(views(7)).heat.max() == 7


def test_tensors_and_arrays_are_not_mixed():
    runtime = MeanRuntime()
    with SharedRuntime(runtime) as shared, ThreadPoolExecutor(4) as pool:
        parts = [views(1), torch.from_numpy(views(2)), views(3)]
        found = [m.heat.max() for m in pool.map(shared.score_views, parts)]
    assert found == [1, 2, 3]
