"""Who can be measured here, and why others cannot."""

import shutil
import sys

import pytest

from truckcount.benching.contestants import (
    FLOOR,
    HOME_PEERS,
    PEER_TABLE,
    find_floor,
    find_ourselves,
    find_peers,
)
from truckcount.errors import ConfigError


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg here")
def test_the_floor_is_ffmpeg_on_one_thread(tmp_path):
    floor = find_floor()
    command = floor.command(tmp_path / "a.mp4", tmp_path)
    assert floor.name == FLOOR
    assert floor.versions.startswith("ffmpeg version")
    assert "-threads 1" in " ".join(command)
    assert command[-3:] == ["-f", "null", "-"]


def test_without_ffmpeg_the_floor_is_pyav_and_says_so(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    floor = find_floor()
    assert floor.title == "PyAV decoding on one thread (no ffmpeg here)"
    assert floor.versions.startswith("PyAV ")


def test_we_are_run_once_a_speed_into_stores_of_their_own(tmp_path):
    exact, fast = find_ourselves(["exact", "fast"], ["--sample-fps", "1"])
    assert (exact.name, fast.name) == ("truckcount", "truckcount-fast")
    command = fast.command(tmp_path / "a.mp4", tmp_path / "place")
    assert "--speed fast" in " ".join(command)
    assert str(tmp_path / "place" / "store") in command
    assert "--speed" not in exact.command(tmp_path / "a.mp4", tmp_path)


def test_a_peer_without_its_environment_is_absent_with_the_reason():
    found, absent = find_peers(["scenedetect"], {}, None)
    assert found == []
    assert "--peer-python scenedetect=" in absent["scenedetect"]


def test_a_peer_whose_environment_lacks_it_is_absent_with_the_reason(tmp_path):
    bare = tmp_path / "python"
    bare.write_text("#!/bin/sh\necho \"No module named 'scenedetect'\" >&2\nexit 1\n")
    bare.chmod(0o755)
    _, absent = find_peers(["scenedetect"], {"all": str(bare)}, None)
    assert "No module named 'scenedetect'" in absent["scenedetect"]


def test_a_peer_that_needs_weights_is_absent_without_them():
    _, absent = find_peers(["yolo"], {"all": sys.executable}, None)
    assert absent == {"yolo": "no --yolo-weights file was given"}


@pytest.mark.parametrize("where", ["names", "pythons"])
def test_a_name_that_is_no_peer_is_refused(where):
    names = ["yollo"] if where == "names" else []
    pythons = {"yollo": "python"} if where == "pythons" else {}
    with pytest.raises(ConfigError, match="'yollo' is no peer; there are"):
        find_peers(names, pythons, None)


def test_peers_at_home_need_nothing_that_we_do_not():
    for name in HOME_PEERS:
        assert not PEER_TABLE[name].needs_weights
