"""One damaged file never stops the others, wherever in a run it is looked at."""

import os
import pkgutil
import signal
import time

import pandas as pd
import pytest

from benchmarks.fuzz_containers import damage, make_recordings
from tests.pipeline.red_box import write_red_model, write_traffic
from tests.pipeline.shifted_clock import start_truckcount, truckcount
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths

pytestmark = pytest.mark.video

ABSURD_LENGTH = 50183  # the seed whose header tells a length of thousands of years


@pytest.fixture
def desk(tmp_path):
    """A camera with closed hours whose recorder damaged a file, and a good camera."""
    rec = tmp_path / "rec"
    rec.mkdir()
    write_red_model(tmp_path)
    write_traffic(rec / "dock_20260302T070000Z.mp4", {1.0: 1}, 6)
    run(tmp_path, days=-100)
    suffix, data = damage(make_recordings(), ABSURD_LENGTH)
    (rec / f"dock_{'x' * 6}.{suffix}").write_bytes(data)
    (rec / f"dock_20260302T073000Z.{suffix}").write_bytes(data + b"\0\0\0\x08free")
    write_traffic(rec / "gate_20260302T073000Z.mp4", {1.0: 1}, 6)
    for path in rec.iterdir():
        os.utime(path, (time.time() - 1000,) * 2)
    return tmp_path


def arguments(desk):
    return desk / "rec", "--store", desk / "store", "--model", desk / "red.safetensors"


def run(desk, days=0.0, code=0):
    return truckcount("run", *arguments(desk), "--json", days=days, code=code)


def gate_trucks(desk):
    folder = desk / "store" / "hours" / "gate"
    return pd.read_parquet(folder)["n_trucks"].sum() if folder.is_dir() else 0


def test_a_run_counts_the_others(desk):
    found = {f["path"].rsplit("/", 1)[1]: f for f in run(desk, code=3)["files"]}
    assert found["gate_20260302T073000Z.mp4"]["status"] == "done"
    assert len(found) == 4
    assert gate_trucks(desk) == 1


def test_a_watch_counts_the_others(desk):
    process = start_truckcount("watch", *arguments(desk), "--settle", "1")
    try:
        until = time.monotonic() + 240
        while process.poll() is None and time.monotonic() < until:
            if gate_trucks(desk):
                break
            time.sleep(0.5)
        assert gate_trucks(desk) == 1
        assert process.poll() is None, "it goes on"
    finally:
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "place",
    [
        "camera_work.check_settled",  # before its camera is begun
        "scoring.resolve_start",
        "camera_run.publish_counts",  # counted with the files of its camera
    ],
)
def test_whatever_a_file_raises_is_its_own_failure(tmp_path, monkeypatch, place):
    """Nobody knows what the next damage raises, nor where."""
    model = write_red_model(tmp_path)
    bad = write_traffic(tmp_path / "dock_20260302T070000Z.mp4", {1.0: 1}, 6)
    good = write_traffic(tmp_path / "gate_20260302T070000Z.mp4", {1.0: 1}, 6)
    real = pkgutil.resolve_name(f"truckcount.pipeline.{place}")

    def fall(*args, **more):
        if any("dock" in str(one) for one in args):
            msg = "days=1000000000"
            raise OverflowError(msg)
        return real(*args, **more)

    monkeypatch.setattr(f"truckcount.pipeline.{place}", fall)
    options = RunOptions(store=tmp_path / "store", model=model)
    result = run_paths([str(bad), str(good)], options)
    found = {outcome.path: outcome for outcome in result.file_outcomes}
    assert found[str(good)].status == "done"
    assert found[str(bad)].is_failed
    assert "unexpected OverflowError" in found[str(bad)].error
    assert "days=1000000000" in found[str(bad)].error
    assert result.exit_code == 3
