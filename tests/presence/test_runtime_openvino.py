"""bfloat16 by OpenVINO: asked for by name, told where it cannot be had, silent."""

import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import ROOT
from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.errors import ConfigError
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths
from truckcount.presence import processor, runtime_openvino
from truckcount.presence.devices import open_runtime
from truckcount.presence.processor import has_bf16, why_no_bf16
from truckcount.presence.runtime_onnx import OnnxRuntime
from truckcount.presence.runtime_openvino import OpenVinoRuntime
from truckcount.presence.weights import find_weights

MODELS = ["truckmap", "truckmap-m", "truckmap-l"]
RNG = np.random.default_rng(5)
A_SPY = """
import sys
from pathlib import Path
Path({note!r}).write_text("imported")
"""
LOADS_IT = """
from truckcount.presence.silent_openvino import import_openvino
import_openvino()
import sys
print("openvino_telemetry" in sys.modules)
"""


@pytest.fixture(scope="module")
def openvino():
    return pytest.importorskip("openvino", reason="extra `openvino` is not installed")


def views(n, height=64, width=96):
    return RNG.integers(0, 256, (n, height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.usefixtures("openvino")
def test_in_f32_it_is_the_same_network(model):
    weights = find_weights(model)
    runtime = OpenVinoRuntime(weights, precision="f32")
    for shape in ((64, 96), (160, 320), (64, 96)):
        batch = views(3, *shape)
        got = runtime.score_views(batch)
        want = OnnxRuntime(weights).score_views(batch)
        assert np.abs(got.heat - want.heat).max() < 1e-4
        assert np.abs(got.box - want.box).max() < 1e-3


@pytest.mark.usefixtures("openvino")
def test_a_view_scores_the_same_whatever_stands_beside_it():
    runtime = OpenVinoRuntime(find_weights("truckmap"))
    batch = views(4)
    alone = [runtime.score_views(batch[k : k + 1]).heat[0] for k in range(4)]
    assert np.array_equal(runtime.score_views(batch).heat, np.stack(alone))


@pytest.mark.usefixtures("openvino")
def test_more_shapes_than_are_kept_are_scored_right(monkeypatch):
    monkeypatch.setattr(runtime_openvino, "MAX_FIXED_SHAPES", 2)
    runtime = OpenVinoRuntime(find_weights("truckmap"))
    batches = [views(1, 32 * k, 96) for k in (1, 2, 3)]
    first = [runtime.score_views(batch).heat for batch in batches]
    again = [runtime.score_views(batch).heat for batch in batches]
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


@pytest.mark.skipif(why_no_bf16() is not None, reason=str(why_no_bf16()))
@pytest.mark.parametrize("model", MODELS)
def test_bf16_moves_scores_a_little(model):
    weights = find_weights(model)
    batch = views(8, 160, 320)
    got = open_runtime(weights, "cpu", precision="bf16").score_views(batch)
    want = open_runtime(weights, "cpu").score_views(batch)
    assert 0 < np.abs(got.heat - want.heat).max() < 0.1


@pytest.mark.skipif(why_no_bf16() is not None, reason=str(why_no_bf16()))
def test_a_run_in_bf16_keeps_scores_of_its_own(tmp_path):
    clip = str(write_traffic(tmp_path / "dock_20260302T080000Z.mp4", {1.0: 1}))
    model, store = write_red_model(tmp_path), tmp_path / "store"
    runs = [
        run_paths([clip], RunOptions(store=store, model=model, precision=precision))
        for precision in ("f32", "bf16", "bf16")
    ]
    statuses = [o.status for r in runs for o in r.file_outcomes]
    assert statuses == ["done", "done", "reused"]
    assert [len(r.passages) for r in runs] == [1, 1, 1]


def test_a_machine_without_it_says_so(monkeypatch):
    monkeypatch.setattr(processor, "has_bf16", lambda: False)
    with pytest.raises(ConfigError, match="--precision bf16 cannot be had"):
        open_runtime(find_weights("truckmap"), "cpu", precision="bf16")


def test_a_precision_that_nothing_computes_in_is_refused():
    with pytest.raises(ConfigError, match="--precision 'int4' is not one of f32, bf16"):
        RunOptions(precision="int4")


@pytest.mark.parametrize(
    ("flags", "has"),
    [
        ("fpu avx512_bf16 sse", True),
        ("amx_tile amx_bf16", True),
        ("avx2 avx512f avx512_vnni", False),
        ("", False),
    ],
)
def test_the_processor_tells_by_its_flags(tmp_path, flags, has):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nflags\t\t: {flags}\nbugs\t\t: avx512_bf16x\n")
    assert has_bf16(cpuinfo) is has
    assert not has_bf16(tmp_path / "no such file")


@pytest.mark.usefixtures("openvino")
def test_its_telemetry_is_never_imported(tmp_path):
    note = tmp_path / "note"
    (tmp_path / "openvino_telemetry").mkdir()
    (tmp_path / "openvino_telemetry" / "__init__.py").write_text(
        A_SPY.format(note=str(note))
    )
    done = subprocess.run(
        [sys.executable, "-c", LOADS_IT],
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}", "HOME": str(tmp_path), "PATH": ""},
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "False\n"
    assert not note.exists()
