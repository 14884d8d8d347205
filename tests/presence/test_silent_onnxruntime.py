"""ONNX Runtime sends nothing and notes nothing about the machine, in any process."""

import os
import subprocess
import sys

import pytest

from tests.conftest import ROOT
from tests.pipeline.red_box import write_red_model, write_traffic

ONE_NETWORK = """
from truckcount.presence.runtime_onnx import OnnxRuntime
from truckcount.presence.weights import find_weights
OnnxRuntime(find_weights({model!r}))
"""
A_DETECTOR = """
from pathlib import Path
from truckcount.labelling.auto.onnx_detector import OnnxDetector
try:
    OnnxDetector(Path({model!r}).with_suffix(".onnx"))
except Exception as error:  # the graph of a map is no detector's: loaded, refused
    print(type(error).__name__)
"""
A_CLUSTER = """
if __name__ == "__main__":
    from distributed import LocalCluster
    from truckcount.cli import main
    import sys
    with LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=None
    ) as cluster:
        sys.argv = ["truckcount", "run", {clip!r}, "--model", {model!r},
                    "--dask", cluster.scheduler_address]
        main()
"""


@pytest.fixture
def child(tmp_path):
    """Run Python with an empty home; return what it said."""
    home = tmp_path / "home"
    home.mkdir()

    def run(*arguments, **more):
        env = {
            k: v
            for k, v in os.environ.items()
            if k not in {"ORT_DISABLE_TELEMETRY", "XDG_CACHE_HOME"}
        }
        env |= {"HOME": str(home), "PYTHONPATH": str(ROOT)} | more
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=tmp_path, env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    run.home = home
    return run


def notes(home):
    """What stands in a home that its owner would not know of."""
    return [p for p in home.rglob("*") if "icrosoft" in p.name or "onnx" in p.name]


@pytest.fixture
def scene(tmp_path):
    clip = write_traffic(tmp_path / "dock_20260302T080000Z.mp4", {1.0: 1})
    return str(clip), write_red_model(tmp_path)


@pytest.mark.parametrize(
    ("jobs", "said"), [("1", {}), ("2", {"ORT_DISABLE_TELEMETRY": "0"})], ids=str
)
def test_a_run_leaves_no_notes_in_its_home(child, scene, jobs, said):
    clip, model = scene
    child("-m", "truckcount", "run", clip, "--model", model, "--jobs", jobs, **said)
    assert notes(child.home) == []


@pytest.mark.parametrize("program", [ONE_NETWORK, A_DETECTOR], ids=["network", "auto"])
def test_nor_does_whatever_else_loads_a_graph(child, scene, program):
    child("-c", program.format(model=scene[1]))
    assert notes(child.home) == []


def test_nor_do_the_workers_of_a_cluster(child, scene, tmp_path):
    pytest.importorskip("distributed", reason="extra `fleet` is not installed")
    clip, model = scene
    program = tmp_path / "cluster.py"
    program.write_text(A_CLUSTER.format(clip=clip, model=model))
    child(str(program))
    assert notes(child.home) == []
