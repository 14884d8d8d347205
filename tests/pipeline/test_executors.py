"""One file's failure, of whatever kind, is its own."""

import os
import signal

import pytest

from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.pipeline import executors
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths

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
