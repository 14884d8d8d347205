"""The same tables from a Dask cluster, a worker killed in the middle included."""

import logging
import os
import random
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress

import pandas as pd
import pytest

from tests.conftest import ROOT
from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.errors import ClusterError, ConfigError
from truckcount.pipeline import camera_run as run_module
from truckcount.pipeline import cluster, executors
from truckcount.pipeline.cluster import choose_resources
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


@pytest.fixture(autouse=True)
def _publish_once(monkeypatch):
    """On a loaded machine a minute may pass: hours would be revised in between."""
    monkeypatch.setattr(run_module, "PUBLISH_EVERY_S", 1e9)


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


CLUSTER = """
import asyncio, sys
from distributed import Scheduler, Worker

async def main(port):
    async with Scheduler(host="127.0.0.1", port=port, dashboard_address=":0") as s:
        async with Worker(s.address, nthreads=1, dashboard_address=":0"):
            print("up", flush=True)
            await s.finished()

asyncio.run(main(int(sys.argv[1])))
"""


class ClusterProcess:
    """A scheduler with a worker in a process of its own, started anew at its port."""

    def __init__(self):
        self.port = _free_port()
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.start()

    def start(self):
        self._process = subprocess.Popen(
            [sys.executable, "-c", CLUSTER, str(self.port)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout.readline() == b"up\n"

    def stop(self, number):
        self._process.send_signal(number)
        self._process.wait(60)
        self._process.stdout.close()


def _free_port():
    """Find a port below those that the kernel gives to connections of others."""
    for port in random.sample(range(20_000, 30_000), 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    pytest.skip("no port is free")


@pytest.fixture
def restarted():
    pytest.importorskip("distributed")
    started = ClusterProcess()
    yield started
    started.stop(signal.SIGKILL)


class _WaitsForOthers:
    """Lets all but the first file wait until the test says go."""

    def __init__(self, first, go):
        self.first, self.go, self.work = first, str(go), executors._work

    def __call__(self, task):
        end = time.monotonic() + 120
        while task.source.name != self.first and not os.path.exists(self.go):  # noqa: PTH110
            assert time.monotonic() < end
            time.sleep(0.02)
        return self.work(task)


class _OnFirst:
    """Does something when the first file is finished."""

    def __init__(self, act):
        self.act = act

    def started(self, n_files):
        pass

    def advanced(self, *_):
        pass

    def finished(self, outcome, n_trucks):
        act, self.act = self.act, lambda: None
        act()


def run_and(act, films, store, model, address, monkeypatch):
    """Count films on a cluster; do something when the first is done."""
    go = store.with_suffix(".go")
    first = str(min(films.glob("*.mp4")))
    monkeypatch.setattr(executors, "_work", _WaitsForOthers(first, go))

    def act_and_go():
        act()
        go.touch()

    options = RunOptions(store=store, model=model, dask=address)
    return run_paths([str(films)], options, _OnFirst(act_and_go))


def test_a_scheduler_that_is_started_anew_is_given_the_rest(
    restarted, films, model, tmp_path, monkeypatch
):
    here = RunOptions(store=tmp_path / "here", model=model)
    run_paths([str(films)], here)

    def restart():
        restarted.stop(signal.SIGKILL)
        restarted.start()

    store = tmp_path / "there"
    result = run_and(restart, films, store, model, restarted.address, monkeypatch)
    assert sorted(o.status for o in result.file_outcomes) == ["corrupt", "done", "done"]
    for name, frame in tables(here.store).items():
        pd.testing.assert_frame_equal(tables(store)[name], frame, obj=name)


def test_a_scheduler_that_stays_away_is_an_error_that_keeps_what_is_done(
    restarted, films, model, tmp_path, monkeypatch
):
    monkeypatch.setattr(cluster, "CONNECT_S", 0.2)
    monkeypatch.setattr(cluster, "COME_BACK_S", 0.1)
    store = tmp_path / "store"

    def stop_politely():
        restarted.stop(signal.SIGTERM)

    with pytest.raises(ClusterError, match="2 files are not counted, run again"):
        run_and(stop_politely, films, store, model, restarted.address, monkeypatch)
    assert len(pd.read_parquet(store / "segments")) == 1
    run_paths([str(films)], RunOptions(store=store, model=model))
    here = RunOptions(store=tmp_path / "here", model=model)
    run_paths([str(films)], here)
    for name in ("passages", "hours", "scores"):
        left = tables(store)[name].drop(columns="revision", errors="ignore")
        right = tables(here.store)[name].drop(columns="revision", errors="ignore")
        pd.testing.assert_frame_equal(left, right, obj=name)
    assert check_store(store) == []


GPU, PLAIN = {"resources": {"GPU": 1.0}}, {"resources": {}}


@pytest.mark.parametrize(
    ("device", "workers", "resources"),
    [
        ("cuda", [PLAIN, GPU], {"GPU": 1}),
        ("cuda", [], {"GPU": 1}),
        ("auto", [PLAIN, GPU], {"GPU": 1}),
        ("auto", [PLAIN], {}),
        ("auto", [], {}),
        ("cpu", [GPU], {}),
    ],
)
def test_a_task_asks_for_a_gpu_where_its_device_does(device, workers, resources):
    assert choose_resources(device, workers) == resources


def test_a_cluster_without_a_gpu_cannot_be_asked_for_one():
    with pytest.raises(ConfigError, match="--resources GPU=1"):
        choose_resources("cuda", [PLAIN])
