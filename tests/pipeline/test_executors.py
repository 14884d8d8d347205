"""One file's failure, of whatever kind, is its own."""

import os
import signal
import subprocess
import sys
from itertools import chain

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from tests.conftest import ROOT
from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.errors import WeightsError
from truckcount.pipeline import executors
from truckcount.pipeline import run as run_module
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths
from truckcount.store import Store

pytestmark = pytest.mark.video


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    for minute in range(2):
        write_traffic(folder / f"gate_20260302T09{minute:02d}00Z.mp4", {1.0: 1}, 6)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_red_model(tmp_path_factory.mktemp("model"))


def statuses(result):
    return [o.status for o in sorted(result.file_outcomes, key=lambda o: o.path)]


@pytest.mark.parametrize("error", [ZeroDivisionError("by 0"), MemoryError()])
def test_an_unexpected_error_of_a_file_is_that_files(
    films, model, tmp_path, monkeypatch, error
):
    score_file = executors.score_file

    def score_or_raise(task, *arguments, **options):
        if "0901" in task.source.path:
            raise error
        return score_file(task, *arguments, **options)

    monkeypatch.setattr(executors, "score_file", score_or_raise)
    result = run_paths([str(films)], RunOptions(store=tmp_path / "s", model=model))
    assert statuses(result) == ["done", "failed"]
    assert result.exit_code == 3
    assert result.totals["n_trucks"] == 1
    (said,) = [o.error for o in result.file_outcomes if o.error]
    assert "not enough memory" in said or "ZeroDivisionError at test_exec" in said


def test_scores_of_other_weights_are_not_kept_under_the_run_s(
    films, tmp_path, monkeypatch
):
    """As of a run folder that is trained on, or a machine with an older package."""
    model = write_red_model(tmp_path)

    class Pool(executors.ProcessPoolExecutor):
        def submit(self, function, task):
            with safe_open(model, "numpy") as file:
                header = file.metadata() | {"training": "again"}
            save_file({"nothing": np.ones(1, np.float32)}, model, header)
            return super().submit(function, task)

    monkeypatch.setattr(executors, "ProcessPoolExecutor", Pool)
    options = RunOptions(store=tmp_path / "s", model=model, jobs=2)
    with pytest.raises(WeightsError, match="a worker found red@sha256"):
        run_paths([str(films)], options)
    assert list((tmp_path / "s").glob("scores/**/*.parquet")) == []


def _die_of_one(task):
    if "0901" in task.source.path:
        os.kill(os.getpid(), signal.SIGKILL)
    return executors._work(task)


def test_a_worker_that_dies_takes_only_its_file_along(
    films, model, tmp_path, monkeypatch
):
    """As a decoder does that segfaults, or the kernel when memory is out."""

    class Pool(executors.ProcessPoolExecutor):
        def submit(self, _function, task):
            return super().submit(_die_of_one, task)

    monkeypatch.setattr(executors, "ProcessPoolExecutor", Pool)
    options = RunOptions(store=tmp_path / "s", model=model, jobs=2)
    result = run_paths([str(films)], options)
    assert statuses(result) == ["done", "failed"]
    assert result.totals["n_trucks"] == 1


@pytest.fixture(scope="module")
def cameras(tmp_path_factory):
    """Four cameras of one film each, as recorders give them every ten minutes."""
    folder = tmp_path_factory.mktemp("cameras")
    for name in ("east", "north", "south", "west"):
        write_traffic(folder / f"{name}_20260302T090000Z.mp4", {1.0: 1}, 6)
    return folder


def test_jobs_work_on_files_of_several_cameras(cameras, model, tmp_path, monkeypatch):
    pools, waiting = [], []

    class Pool(executors.ProcessPoolExecutor):
        def __init__(self, jobs, **options):
            pools.append(jobs)
            self.n_now = 0
            super().__init__(jobs, **options)

        def submit(self, function, task):
            self.n_now += 1
            waiting.append(self.n_now)
            future = super().submit(function, task)
            future.add_done_callback(self._less)
            return future

        def _less(self, _future):
            self.n_now -= 1

    monkeypatch.setattr(executors, "ProcessPoolExecutor", Pool)
    options = RunOptions(store=tmp_path / "s", model=model, jobs=2)
    result = run_paths([str(cameras)], options)
    assert pools == [2]
    assert max(waiting) >= 2
    alone = run_paths([str(cameras)], RunOptions(store=tmp_path / "one", model=model))
    assert result.exit_code == 0
    assert result.totals["n_trucks"] == alone.totals["n_trucks"] == 4
    assert [p["onset_utc"] for p in result.to_json()["passages"]] == [
        p["onset_utc"] for p in alone.to_json()["passages"]
    ]


def test_a_worker_that_dies_takes_no_other_camera_along(
    cameras, model, tmp_path, monkeypatch
):
    class Pool(executors.ProcessPoolExecutor):
        def submit(self, _function, task):
            return super().submit(_die_of_north, task)

    monkeypatch.setattr(executors, "ProcessPoolExecutor", Pool)
    options = RunOptions(store=tmp_path / "s", model=model, jobs=2)
    result = run_paths([str(cameras)], options)
    assert {o.camera: o.status for o in result.file_outcomes} == {
        "east": "done",
        "north": "failed",
        "south": "done",
        "west": "done",
    }


def test_a_camera_that_cannot_be_written_stops_no_other(cameras, model, tmp_path):
    rows = tmp_path / "s" / "segments" / "south" / "2026-03.parquet"
    rows.parent.mkdir(parents=True)
    rows.write_bytes(b"damaged")
    options = RunOptions(store=tmp_path / "s", model=model, jobs=2)
    result = run_paths([str(cameras)], options)
    assert {o.camera: o.status for o in result.file_outcomes} == {
        "east": "done",
        "north": "done",
        "south": "blocked",
        "west": "done",
    }
    assert result.exit_code == 5
    # and its lock is free again
    with Store.open(tmp_path / "s").lock("south", timeout_s=0):
        pass


def test_an_interrupted_run_keeps_what_every_camera_has(
    cameras, model, tmp_path, monkeypatch
):
    def stop_after_two(tasks, weights, listener):
        for n, task in enumerate(tasks):
            if n == 2:
                raise KeyboardInterrupt
            yield from score_tasks([task], weights, listener)

    score_tasks = executors.score_tasks
    monkeypatch.setattr(run_module, "score_tasks", stop_after_two)
    options = RunOptions(store=tmp_path / "s", model=model)
    with pytest.raises(KeyboardInterrupt):
        run_paths([str(cameras)], options)
    monkeypatch.undo()
    result = run_paths([str(cameras)], options)
    assert [o.status for o in result.file_outcomes] == ["reused"] * 2 + ["done"] * 2


def test_what_stops_the_workers_stops_the_cameras_that_they_are_at(
    cameras, model, tmp_path, monkeypatch
):
    """As where no process can be started for want of memory."""
    calls = []

    def fail_at_first(tasks, weights, listener):
        calls.append(next(tasks, None))
        if len(calls) == 1:
            msg = "cannot allocate memory"
            raise OSError(msg)
        yield from score_tasks(chain(calls[1:], tasks), weights, listener)

    score_tasks = executors.score_tasks
    monkeypatch.setattr(run_module, "score_tasks", fail_at_first)
    options = RunOptions(store=tmp_path / "s", model=model)
    result = run_paths([str(cameras)], options)
    assert {o.camera: o.status for o in result.file_outcomes} == {
        "east": "failed",
        "north": "done",
        "south": "done",
        "west": "done",
    }
    assert "cannot allocate memory" in str(result.file_outcomes[0].error)
    assert result.exit_code == 3


def test_a_worker_loads_nothing_that_only_the_store_needs():
    """A worker a core: each would hold 40 MB of pyarrow and never ask it."""
    program = (
        "import sys, truckcount.pipeline.executors\n"
        "print({'pyarrow', 'pandas', 'torch', 'scipy'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def _die_of_north(task):
    if task.camera.name == "north":
        os.kill(os.getpid(), signal.SIGKILL)
    return executors._work(task)


def test_a_script_without_a_guard_is_told_so_and_does_not_hang(tmp_path):
    """Workers import the script: each would count anew and wait for its parent."""
    model = write_red_model(tmp_path)
    for hour in ("09", "10"):
        write_traffic(tmp_path / f"gate_20260302T{hour}0000Z.mp4", {1.0: 1}, 3)
    script = tmp_path / "script.py"
    call = f'r = truckcount.run(".", model={model!r}, jobs=2)'
    script.write_text(f"import truckcount\n{call}\nprint(r.exit_code)\n")
    said = subprocess.run(
        [sys.executable, script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert said.returncode == 1
    assert "a worker process imports the script that started it" in said.stderr
    assert said.stderr.splitlines()[-1].startswith(
        "truckcount.errors.ConfigError: worker processes ended as they started"
    )
    assert "the process that read it died" not in said.stderr
