"""`--backend nvdec` says why it cannot be had, and the run goes on without it."""

import importlib.util
import logging
import re

import pytest

from tests.conftest import write_clip
from truckcount.domain.sample import ViewRect
from truckcount.pipeline import gpu_decoding
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths

RECT = ViewRect(gate="g", x0=0, y0=0, x1=1, y1=1, width_px=96, height_px=64)


@pytest.fixture(autouse=True)
def _told_anew():
    yield
    gpu_decoding._reason.cache_clear()
    gpu_decoding._say_once.cache_clear()


@pytest.mark.parametrize(
    ("is_installed", "has_driver", "reason"),
    [
        (False, True, "torchcodec is not installed"),
        (True, False, "no CUDA device"),
        (True, True, r"libnvcuvid\.so\.1"),
    ],
)
def test_each_missing_part_is_named(monkeypatch, is_installed, has_driver, reason):
    spec = importlib.util.find_spec("json") if is_installed else None
    monkeypatch.setattr(gpu_decoding, "find_spec", lambda _name: spec)
    monkeypatch.setattr(gpu_decoding, "has_nvidia_driver", lambda: has_driver)

    def no_library(name):
        raise OSError(name)

    monkeypatch.setattr(gpu_decoding.ctypes, "CDLL", no_library)
    assert re.search(reason, gpu_decoding.why_no_nvdec())


def test_the_reason_is_logged_once(monkeypatch, caplog):
    monkeypatch.setattr(gpu_decoding, "why_no_nvdec", lambda: "no such chip")
    assert gpu_decoding.gpu_cutter([RECT], "auto") is None
    assert gpu_decoding.gpu_cutter([RECT], "auto") is None
    assert caplog.text.count("--backend nvdec: decoded on the CPU: no such chip") == 1


def test_a_run_without_nvdec_counts_on_the_cpu(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    clip = write_clip(tmp_path / "a.mp4", 20)
    results = [
        run_paths(
            [str(clip)],
            RunOptions(
                store=tmp_path / backend,
                backend=backend,
                device="cpu",
                start="2026-03-02T08:00:00Z",
            ),
        )
        for backend in ("av", "nvdec")
    ]
    assert [r.exit_code for r in results] == [0, 0]
    assert results[0].file_outcomes[0].samples == results[1].file_outcomes[0].samples
    assert "decoded on the CPU: --device cpu" in caplog.text
