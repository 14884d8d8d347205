"""The shipped weights: whole, pinned, the same in every runtime."""

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import ROOT
from truckcount.errors import InputShapeError, WeightsError
from truckcount.presence.devices import open_runtime
from truckcount.presence.weights import (
    PINS_PATH,
    WEIGHTS_FOLDER,
    find_weights,
    sha256_of,
)

RNG = np.random.default_rng(5)


def views(n=3, height=96, width=160):
    return RNG.integers(0, 256, (n, height, width, 3), np.uint8)


def test_shipped_weights_are_pinned_and_small():
    for name, pins in json.loads(PINS_PATH.read_text()).items():
        weights = find_weights(name)
        assert [sha256_of(weights.path), sha256_of(weights.graph_path)] == pins
        assert weights.path.stat().st_size <= 5_000_000
        assert weights.model_id == f"{name}@sha256:{pins[0][:12]}"
        assert weights.header.licence
        assert weights.header.data_fingerprint != "none"


@pytest.mark.parametrize("suffix", ["safetensors", "onnx"])
def test_damaged_weights_are_refused(tmp_path, monkeypatch, suffix):
    for path in WEIGHTS_FOLDER.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr("truckcount.presence.weights.WEIGHTS_FOLDER", tmp_path)
    hurt = tmp_path / f"truckmap.{suffix}"
    data = bytearray(hurt.read_bytes())
    data[-100] ^= 1
    hurt.write_bytes(data)
    with pytest.raises(WeightsError, match=r"damaged.*reinstall"):
        find_weights("truckmap")


def test_unknown_names_and_files_are_refused(tmp_path):
    with pytest.raises(WeightsError, match="truckmap"):
        find_weights("resnet9000")
    with pytest.raises(WeightsError, match="do not exist"):
        find_weights(str(tmp_path / "gone.safetensors"))
    pickled = tmp_path / "old.safetensors"
    pickled.write_bytes(b"\x80\x04pickle" * 20)
    with pytest.raises(WeightsError, match="not a weights file"):
        find_weights(str(pickled))


@pytest.mark.parametrize("size", [(96, 160), (192, 320), (32, 32)])
def test_onnx_and_torch_agree(size):
    weights = find_weights("truckmap")
    from truckcount.presence.runtime_torch import TorchRuntime

    batch = views(2, *size)
    ours = open_runtime(weights, "cpu").score_views(batch)
    theirs = TorchRuntime(weights, "cpu").score_views(batch)
    assert np.abs(ours.heat - theirs.heat).max() < 1e-4
    assert np.abs(ours.box - theirs.box).max() < 1e-3


def test_scores_do_not_depend_on_the_batch():
    runtime = open_runtime(find_weights("truckmap"), "cpu")
    batch = views(5)
    together = runtime.score_views(batch).heat
    alone = np.concatenate([runtime.score_views(v[None]).heat for v in batch])
    assert np.abs(together - alone).max() < 1e-5


def test_views_of_a_wrong_shape_are_refused():
    runtime = open_runtime(find_weights("truckmap"), "cpu")
    with pytest.raises(InputShapeError, match="32"):
        runtime.score_views(views(1, 100, 160))


def test_scoring_on_the_cpu_imports_no_torch():
    program = (
        "import sys; import numpy as np\n"
        "from truckcount.presence.devices import open_runtime\n"
        "from truckcount.presence.weights import find_weights\n"
        "r = open_runtime(find_weights('truckmap'), 'cpu')\n"
        "r.score_views(np.zeros((1, 96, 160, 3), np.uint8))\n"
        "print('torch' in sys.modules)"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True
    )
    assert out.stdout.strip() == b"False"


def test_a_batch_takes_no_more_memory_than_a_view():
    program = (
        "import resource, numpy as np\n"
        "from truckcount.presence.devices import open_runtime\n"
        "from truckcount.presence.weights import find_weights\n"
        "r = open_runtime(find_weights('truckmap'), 'cpu')\n"
        "views = np.zeros((16, 192, 320, 3), np.uint8)\n"
        "def peak(n):\n"
        "    r.score_views(views[:n])\n"
        "    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "peak(1)\n"  # the second run takes what the first measured
        "print(peak(1), peak(16))"
    )
    out = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True
    )
    one, many = map(int, out.stdout.split())
    assert many - one < 20 * 1024  # kB; sixteen at once took 200 MB more


def test_a_run_folder_stands_for_its_weights(tmp_path):
    with pytest.raises(WeightsError, match="holds no weights"):
        find_weights(str(tmp_path))
    for path in WEIGHTS_FOLDER.glob("truckmap.*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    assert find_weights(str(tmp_path)).sha256 == find_weights("truckmap").sha256
    (tmp_path / "other.safetensors").write_bytes(b"")
    with pytest.raises(WeightsError, match=r"holds \['other.safetensors', 'truckmap"):
        find_weights(str(tmp_path))


def test_a_folder_of_a_shipped_name_hides_no_shipped_weights(tmp_path, monkeypatch):
    (tmp_path / "truckmap").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_weights("truckmap").path.parent == WEIGHTS_FOLDER
