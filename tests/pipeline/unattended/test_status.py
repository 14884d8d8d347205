"""One screen tells what is there, what is missing and why."""

import json
import os
from dataclasses import replace

import pytest

from tests.counting.simulate import T0_US, film
from tests.pipeline.pieces import CAMERA, ingest, piece
from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.errors import StoreError
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths
from truckcount.pipeline.unattended import status as status_module
from truckcount.pipeline.unattended.intake import Intake
from truckcount.pipeline.unattended.status import StatusOptions, read_status
from truckcount.store import Store

pytestmark = pytest.mark.video

NOON_S = 1_772_452_800  # 2026-03-02T12:00Z


def set_clock(patch):
    """Let the store's clock be the scene's."""
    now_us = (NOON_S - 10) * 1_000_000
    patch.setattr("truckcount.store.store._now_us", lambda: now_us)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Two clips around a gap of an hour, one file of junk, one that grows."""
    root = tmp_path_factory.mktemp("scene")
    rec = root / "rec"
    rec.mkdir()
    write_traffic(rec / "gate_20260302T100000Z.mp4", {1.0: 1}, 6)
    write_traffic(rec / "gate_20260302T110000Z.mp4", {1.0: 1, 6.0: -1}, 11)
    (rec / "gate_20260302T113000Z.mp4").write_bytes(b"junk")
    options = RunOptions(store=root / "store", model=write_red_model(root))
    intake = Intake([str(rec)], options, clock=lambda: NOON_S - 10)
    with pytest.MonkeyPatch.context() as patch:
        set_clock(patch)
        intake.count(intake.look().ready)
    (rec / "gate_20260302T114000Z.mp4").write_bytes(b"more")
    os.utime(rec / "gate_20260302T114000Z.mp4", (NOON_S - 60, NOON_S - 60))
    (rec / "gate_20260302T115000Z.mp4").write_bytes(b"more")
    os.utime(rec / "gate_20260302T115000Z.mp4", (NOON_S - 3, NOON_S - 3))
    return root


@pytest.fixture
def look(scene):
    def read(*folders, now_s=NOON_S, **options):
        found = read_status(
            scene / "store", folders or [scene / "rec"], StatusOptions(**options), now_s
        )
        return json.loads(json.dumps(found))

    return read


def test_a_camera_has_its_last_hour_lag_and_gaps(look):
    (camera,) = look()["cameras"]
    assert camera["last_hour_utc"] == "2026-03-02T11:00:00Z"
    assert camera["last_hour_trucks"] == 2
    assert camera["last_hour_coverage_s"] == pytest.approx(11, abs=0.2)
    assert camera["lag_s"] == pytest.approx(3600 - 11, abs=0.2)
    ((low, high, seconds),) = camera["week_gaps"]
    assert (low[:16], high) == ("2026-03-02T10:00", "2026-03-02T11:00:00Z")
    assert seconds == pytest.approx(3594, abs=0.2)
    assert camera["week_covered_s"] == pytest.approx(17, abs=0.2)


def test_files_are_sorted_by_what_becomes_of_them(look):
    waiting = look()["waiting"]
    assert (waiting["ready"], waiting["growing"]) == (1, 1)
    assert waiting["oldest_age_s"] == pytest.approx(60)


def test_a_failed_file_says_why_and_when_it_is_tried_again(look):
    found = look()
    (failed,) = found["failed"]
    assert failed["status"] == "corrupt"
    assert "not a video" in failed["reason"]
    assert failed["next_try_utc"].endswith("Z")
    assert found["level"] == "warning"
    assert found["reasons"] == ["1 files failed, 0 given up"]


@pytest.mark.parametrize(
    ("hours", "level"), [(1, "ok"), (4, "warning"), (13, "critical"), (800, "retired")]
)
def test_a_silent_camera_worries_more_and_more_until_it_is_given_up(look, hours, level):
    found = look(now_s=NOON_S - 3600 + hours * 3600)
    assert found["cameras"][0]["level"] == level
    assert found["level"] == {"critical": "critical"}.get(level, "warning")


def test_a_camera_that_was_never_seen_is_critical(look):
    found = look(expected=("gate", "dock"))
    assert [c["camera"] for c in found["cameras"]] == ["dock", "gate"]
    assert found["cameras"][0]["last_hour_trucks"] is None
    assert "dock: nothing was ever counted" in found["reasons"]
    assert found["level"] == "critical"


def test_a_file_of_junk_makes_up_no_camera(scene, tmp_path, monkeypatch):
    set_clock(monkeypatch)
    rec = tmp_path / "rec"
    rec.mkdir()
    write_traffic(rec / "gate_20260302T110000Z.mp4", {1.0: 1}, 6)
    (rec / "download.mp4").write_bytes(b"junk")
    store = tmp_path / "store"
    options = RunOptions(store=store, model=write_red_model(tmp_path), settle_s=0)
    run_paths([str(rec)], options)
    found = read_status(store, now_s=NOON_S)
    assert [c["camera"] for c in found["cameras"]] == ["gate"]
    assert found["reasons"] == ["1 files failed, 0 given up"]
    assert found["level"] == "warning"
    assert [row["path"] for row in found["failed"]] == [str(rec / "download.mp4")]
    expected = StatusOptions(expected=("download", "gate"))
    reasons = read_status(store, (), expected, NOON_S)["reasons"]
    assert "download: nothing was ever counted" in reasons, "it was named"
    (rec / "download_20260302T120000Z.mp4").write_bytes(b"more junk")
    run_paths([str(rec)], options)
    found = read_status(store, now_s=NOON_S)
    assert "download: nothing was ever counted" in found["reasons"], "all of a camera"


def test_a_folder_that_is_not_there_is_critical(look, scene):
    found = look(scene / "mount")
    assert found["waiting"]["missing_folders"] == [str(scene / "mount")]
    assert found["level"] == "critical"


@pytest.mark.parametrize(
    ("free_bytes", "level"),
    [(10**12, "warning"), (10**8, "critical")],
    ids=["plenty", "nothing left"],
)
def test_a_disk_that_fills_up_is_told(look, monkeypatch, free_bytes, level):
    class Usage:
        free = free_bytes

    monkeypatch.setattr(status_module.shutil, "disk_usage", lambda _: Usage)
    found = look()
    assert found["level"] == level
    assert found["disk"]["bytes_per_day"] == pytest.approx(
        found["disk"]["store_bytes"] / 7, rel=0.01
    )


def test_a_store_that_is_none_is_an_error(tmp_path):
    with pytest.raises(StoreError, match="is no store"):
        read_status(tmp_path)


def test_pauses_of_a_cycle_are_no_gaps_but_a_lost_clip_is(tmp_path):
    """Ten seconds every two minutes; three clips of an hour never came."""
    lost = {10, 11, 12}
    clips = [piece(f"c{k:02d}", film([], 10), shift_us=k * 120_000_000)
             for k in range(30) if k not in lost]  # fmt: skip
    clips = [replace(c, record=replace(c.record, source_kind="duty")) for c in clips]
    store = Store.open(tmp_path)
    ingest(store, [clips], camera=replace(CAMERA, source_kind="duty"))
    (camera,) = read_status(tmp_path, now_s=T0_US / 1e6 + 3600)["cameras"]
    ((low, high, seconds),) = camera["week_gaps"]
    assert (low[11:19], high[11:19]) == ("00:18:10", "00:26:00")
    assert camera["week_gap_s"] == seconds == pytest.approx(470, abs=1)
