"""The same tables from a Dask cluster, a worker killed in the middle included."""

import logging
import os
import signal

import pandas as pd
import pytest

from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.errors import ConfigError
from truckcount.pipeline import cluster, executors
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths
from truckcount.store.check import check_store

pytestmark = pytest.mark.video
BOOKKEEPING = ["known_at_utc", "run_id"]


@pytest.fixture(scope="module")
def local_cluster():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        dashboard_address=":0",
        silence_logs=logging.CRITICAL,
        scheduler_port=0,
    ) as started:
        yield started


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    write_traffic(folder / "gate_20260302T085952Z.mp4", {1.0: 1, 5.5: 1}, 8)
    write_traffic(folder / "gate_20260302T090000Z.mp4", {-2.5: 1, 4.0: -1}, 9)
    (folder / "gate_20260302T100000Z.mp4").write_bytes(b"junk")
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_red_model(tmp_path_factory.mktemp("model"))


def tables(store):
    return {
        name: pd.read_parquet(store / name).drop(columns=BOOKKEEPING, errors="ignore")
        for name in ("passages", "hours", "history", "segments", "scores")
    }


class _DiesOnce:
    """Kills its worker the first time; a file tells the next that it has."""

    def __init__(self, mark):
        self.mark, self.work = str(mark), executors._work

    def __call__(self, task):
        if not os.path.exists(self.mark):  # noqa: PTH110 - sent to workers as it is
            with open(self.mark, "w"):  # noqa: PTH123
                os.kill(os.getpid(), signal.SIGKILL)
        return self.work(task)


def test_a_cluster_gives_the_same_tables_though_a_worker_dies(
    local_cluster, films, model, tmp_path, monkeypatch
):
    here = RunOptions(store=tmp_path / "here", model=model)
    run_paths([str(films)], here)
    address = local_cluster.scheduler_address
    there = RunOptions(store=tmp_path / "there", model=model, dask=address)
    monkeypatch.setattr(executors, "_work", _DiesOnce(tmp_path / "died"))
    result = run_paths([str(films)], there)
    assert (tmp_path / "died").exists()
    assert sorted(o.status for o in result.file_outcomes) == ["corrupt", "done", "done"]
    for name, frame in tables(here.store).items():
        pd.testing.assert_frame_equal(tables(there.store)[name], frame, obj=name)
    assert check_store(there.store) == []


def test_a_scheduler_that_does_not_answer_is_said(films, model, tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "CONNECT_S", 0.2)
    options = RunOptions(store=tmp_path / "s", model=model, dask="tcp://127.0.0.1:9")
    with pytest.raises(ConfigError, match="no scheduler answers"):
        run_paths([str(films)], options)
