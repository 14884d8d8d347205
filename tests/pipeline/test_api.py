"""`truckcount.run` on live cameras: it reads for as long as it is told, and returns."""

import _thread
import threading
import time
from datetime import UTC, datetime

import pandas as pd
import pytest

import truckcount
from tests.pipeline.red_box import write_red_model, write_traffic
from tests.pipeline.red_camera import FPS, open_camera, until
from truckcount.errors import ConfigError
from truckcount.store.check import check_store
from truckcount.video import decode_live

pytestmark = pytest.mark.video


@pytest.fixture
def camera():
    camera = open_camera()
    yield camera
    camera.close()


@pytest.fixture
def model(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return write_red_model(tmp_path)


def test_a_live_camera_is_read_for_so_long_and_told_as_frames(camera, model):
    live_s = 8.0
    began_s = time.monotonic()
    result = truckcount.run(camera.url, live_s=live_s, model=model)
    took_s = time.monotonic() - began_s
    assert live_s <= took_s < live_s + 60  # a loaded machine opens it slowly
    assert result.exit_code == 0
    assert not result.is_interrupted
    assert {o.start_source for o in result.file_outcomes} == {"arrival"}
    assert all("secret" not in o.path for o in result.file_outcomes)
    covered_s = result.hours["coverage_s"].sum()
    assert 0 < covered_s <= camera.n_sent / FPS + 2
    stored = pd.read_parquet("store/hours")
    assert stored["coverage_s"].sum() == pytest.approx(covered_s, abs=0.1)
    assert stored["n_trucks"].sum() == result.totals["n_trucks"]
    assert check_store("store") == []


def test_files_beside_a_live_camera_are_counted_whole_and_first(
    camera, model, tmp_path
):
    clip = write_traffic(tmp_path / "dock_20260302T080000Z.mp4", {1.0: 1}, 6)
    result = truckcount.run([clip, camera.url], live_s=3.0, model=model)
    assert result.exit_code == 0
    assert result.file_outcomes[0].camera == "dock"
    assert len(result.hours["camera"].unique()) == 2
    dock = result.hours[result.hours["camera"] == "dock"]
    assert dock["n_trucks"].sum() == 1


def test_a_camera_that_gave_nothing_is_a_failure_and_not_a_quiet_road(
    model, monkeypatch
):
    monkeypatch.setattr(decode_live, "OPEN_TIMEOUT_S", 1.0)
    url = "rtsp://admin:hunter2@127.0.0.1:1/cam7"
    result = truckcount.run(url, live_s=1.0, model=model)
    (outcome,) = result.file_outcomes
    assert result.exit_code == 4
    assert (outcome.status, outcome.camera) == ("failed", "127-0-0-1-1-cam7")
    assert "nothing came of it" in outcome.error
    assert "hunter2" not in outcome.path + outcome.error
    assert result.totals["n_trucks"] is None
    assert result.hours.empty


def test_an_interrupt_ends_it_early_and_gives_what_was_begun(camera, model):
    def interrupt():
        until(lambda: len(camera.shown) > 2 * FPS)
        _thread.interrupt_main()  # as a notebook's stop button does

    threading.Thread(target=interrupt, daemon=True).start()
    result = truckcount.run(camera.url, live_s=3600.0, model=model)
    assert result.is_interrupted
    assert result.exit_code == 130
    assert result.hours["coverage_s"].sum() > 0


LIVE = "rtsp://admin:hunter2@127.0.0.1:1/cam7"


@pytest.mark.parametrize(
    ("paths", "options", "says"),
    [
        (LIVE, {}, r"\*\*\*@127.0.0.1:1/cam7 is a live camera.*live_s=600"),
        (["a.mp4", LIVE], {}, "or use `truckcount run` or `watch`"),
        ("a.mp4", {"live_s": 5.0}, "files are read to their end"),
        ("a.mp4", {"start": "noon"}, "'noon' is no ISO-8601 text"),
        ("a.mp4", {"start": datetime(2026, 3, 2, tzinfo=UTC)}, r"give .isoformat\(\)"),
        ("a.mp4", {"settle_s": -1.0}, "seconds, 0 or more"),
        (LIVE, {"live_s": 0.0}, "seconds above 0"),
        (LIVE, {"live_s": float("nan")}, "seconds above 0"),
        (LIVE, {"live_s": 5.0, "start": "2026-03-02T08:00Z"}, "dated as they come"),
        (LIVE, {"live_s": 5.0, "store": "s3://b/s"}, "live camera into a folder"),
    ],
)
def test_what_would_never_end_or_is_not_meant_is_refused(
    model, tmp_path, paths, options, says
):
    with pytest.raises(ConfigError, match=says):
        truckcount.run(paths, model=model, **options)
    assert not (tmp_path / "store").exists(), "before anything is read"
