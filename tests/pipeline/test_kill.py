"""kill -9 at any point, then a re-run: the store of one clean run."""

import os
import random
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from tests.conftest import ROOT
from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.pipeline import camera_run as run_module
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.interrupts import terminate_as_interrupt
from truckcount.pipeline.run import run_paths
from truckcount.store import Store
from truckcount.store.check import check_store

pytestmark = pytest.mark.video

BOOKKEEPING = ["known_at_utc", "run_id"]

# One process that forks before anything heavy runs: each child dies by SIGKILL
# when it is about to sync for the n-th time, which is before and after each rename.
DRIVER = """
import os, signal, sys, traceback
from pathlib import Path
import truckcount.presence.runtime_onnx, truckcount.video.decode_av, cv2
import truckcount.store.publish as publish
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths

films, model, root, n_max = sys.argv[1:3] + [sys.argv[3], int(sys.argv[4])]
sync = publish.sync
for n in range(1, n_max + 1):
    child = os.fork()
    if child == 0:
        left = n
        def die_later(path):
            global left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            sync(path)
        publish.sync = die_later
        try:  # the parent's exit handlers would wait for threads that are not here
            run_paths([films], RunOptions(store=Path(root, str(n)), model=model))
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    print(n, os.waitstatus_to_exitcode(status), flush=True)
    if status == 0:
        break
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_red_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    write_traffic(folder / "gate_20260302T085952Z.mp4", {1.0: 1, 5.5: 1}, 8)
    write_traffic(folder / "gate_20260302T090000Z.mp4", {-2.5: 1, 4.0: -1}, 9)
    return folder


@pytest.fixture(scope="module")
def clean(films, model, tmp_path_factory):
    """The tables of an uninterrupted run."""
    root = tmp_path_factory.mktemp("clean") / "store"
    run_paths([str(films)], RunOptions(store=root, model=model))
    return tables(root)


def tables(root):
    return {
        name: pd.read_parquet(root / name).drop(columns=BOOKKEEPING, errors="ignore")
        for name in ("passages", "hours", "history", "segments", "scores")
    }


def finish_and_compare(root, films, model, clean):
    result = run_paths([str(films)], RunOptions(store=root, model=model))
    assert result.exit_code == 0
    for name, frame in tables(root).items():
        pd.testing.assert_frame_equal(frame, clean[name], obj=name)
    assert check_store(root) == []


def test_death_at_every_write_heals(films, model, clean, tmp_path):
    program = [sys.executable, "-c", DRIVER, films, model, tmp_path, "99"]
    done = subprocess.run(
        program, cwd=ROOT, capture_output=True, text=True, check=True, timeout=900
    )
    codes = [int(line.split()[1]) for line in done.stdout.splitlines()]
    assert codes[-1] == 0, "the last child had fewer writes than it may do"
    assert set(codes[:-1]) == {-signal.SIGKILL}
    n_files = 5  # scores, passages, history, hours, segments
    assert len(codes) == 2 * n_files + 1
    for n in range(1, len(codes)):
        finish_and_compare(tmp_path / str(n), films, model, clean)


@pytest.mark.parametrize("seed", range(3))
def test_a_killed_command_heals(films, model, clean, tmp_path, seed):
    store = tmp_path / "store"
    process = start(films, model, store)
    # from the moment the store is there; start-up takes what it takes
    while not (store / "_meta" / "store.json").exists() and process.poll() is None:
        time.sleep(0.002)
    time.sleep(random.Random(seed).uniform(0, 0.25))
    process.kill()
    process.wait()
    finish_and_compare(store, films, model, clean)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_keeps_what_is_scored(model, tmp_path, number):
    films = tmp_path / "films"
    films.mkdir()
    for minute in range(8):
        write_traffic(films / f"gate_20260302T09{minute:02d}00Z.mp4", {1.0: 1}, 30)
    store = tmp_path / "store"
    process = start(films, model, store)
    while not list(store.glob("scores/*/*.parquet")) and process.poll() is None:
        time.sleep(0.002)
    process.send_signal(number)
    assert process.wait(300) == 130
    kept = pd.read_parquet(store / "segments")
    assert 0 < len(kept) < 8
    assert pd.read_parquet(store / "hours")["n_trucks"].sum() == len(kept)
    assert check_store(store) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("write_samples", "n_kept"), [(1, 1), (1000, 2)])
def test_an_interrupt_between_two_writes_waits_for_the_second(
    films, model, tmp_path, monkeypatch, number, write_samples, n_kept
):
    """Scores are kept with their segment's row, never without."""
    write_scores = Store.write_many_scores

    def write_and_interrupt(store, *arguments):
        write_scores(store, *arguments)
        signal.raise_signal(number)

    monkeypatch.setattr(Store, "write_many_scores", write_and_interrupt)
    monkeypatch.setattr(run_module, "WRITE_SAMPLES", write_samples)
    root = tmp_path / "store"
    with pytest.raises(KeyboardInterrupt), terminate_as_interrupt():
        run_paths([str(films)], RunOptions(store=root, model=model))
    kept = pd.read_parquet(root / "segments")
    assert len(kept) == n_kept
    assert set(pd.read_parquet(root / "scores")["segment_id"]) == set(kept.segment_id)
    assert check_store(root) == []


def start(films, model, store):
    program = [sys.executable, "-m", "truckcount", "run", films, "--model", model]
    return subprocess.Popen(
        [*map(str, program), "--store", str(store), "--quiet"],
        cwd=ROOT,
        env=os.environ | {"CUDA_VISIBLE_DEVICES": ""},
        stderr=subprocess.DEVNULL,
    )
