"""Who forgets `--cameras` is told so: each truck would be counted twice in a store."""

import pandas as pd
import pytest

from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.errors import ConfigError
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths
from truckcount.pipeline.unattended.live import LiveStreams

pytestmark = pytest.mark.video

CAMERAS = """\
[cameras.dock]
timezone = "UTC"
match = ["cam7_*.mp4"]
[[cameras.dock.gates]]
name = "exit"
polygon = [[0.25, 0.1], [0.75, 0.1], [0.75, 0.95], [0.25, 0.95]]
[cameras.yard]
timezone = "UTC"
"""


@pytest.fixture
def count(tmp_path):
    (tmp_path / "cameras.toml").write_text(CAMERAS)
    model = write_red_model(tmp_path)

    def run(name, *, has_file=False, **options):
        film = tmp_path / name
        if not film.exists():
            write_traffic(film, {1.0: 1}, 6)
        cameras = tmp_path / "cameras.toml" if has_file else None
        store = tmp_path / "store"
        chosen = RunOptions(store=store, model=model, cameras=cameras, **options)
        return run_paths([str(film)], chosen)

    return run


def gates(tmp_path):
    hours = pd.read_parquet(tmp_path / "store" / "hours")
    return sorted({*zip(hours["camera"], hours["gate"], strict=True)})


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cam7_20260302T090000Z.mp4", {}),
        ("cam7_20260302T100000Z.mp4", {}),
        ("dock_20260302T100000Z.mp4", {}),
        ("other_20260302T100000Z.mp4", {"camera": "dock"}),
    ],
    ids=["the file again", "by its pattern", "by its name", "by --camera"],
)
def test_a_camera_with_gates_is_not_counted_whole_too(count, tmp_path, name, options):
    count("cam7_20260302T090000Z.mp4", has_file=True)
    with pytest.raises(ConfigError, match=r"dock counted by gates \(exit\).*--cameras"):
        count(name, **options)
    assert gates(tmp_path) == [("dock", "exit")]


def test_a_camera_without_gates_and_a_gate_that_is_given_are_counted(count, tmp_path):
    count("cam7_20260302T090000Z.mp4", has_file=True)
    count("yard_20260302T090000Z.mp4")
    count("new_20260302T090000Z.mp4")
    count("dock_20260302T100000Z.mp4", gate="0.2,0.1 0.8,0.1 0.8,0.9 0.2,0.9")
    assert [camera for camera, _ in gates(tmp_path)] == ["dock", "dock", "new", "yard"]


def test_a_live_camera_is_refused_before_it_is_opened(count, tmp_path):
    count("cam7_20260302T090000Z.mp4", has_file=True)
    options = RunOptions(store=tmp_path / "store", camera="dock")
    with pytest.raises(ConfigError, match="dock counted by gates"):
        LiveStreams(["rtsp://127.0.0.1:1/live"], options)


@pytest.mark.parametrize("is_whole_first", [True, False], ids=["before", "after"])
def test_hours_counted_whole_and_by_a_gate_are_told(count, tmp_path, is_whole_first):
    """Nothing in the table says that their sum has each truck twice."""
    name, gate = "new_20260302T090000Z.mp4", {"gate": "0.2,0.1 0.8,0.1 0.8,0.9"}
    first, second = ({}, gate) if is_whole_first else (gate, {})
    assert not count(name, **first).camera_warnings
    (warning,) = count(name, **second).camera_warnings
    assert gates(tmp_path) == [("new", "frame"), ("new", "main")]
    assert warning.startswith("camera 'new' has hours counted both in the whole")
    assert "by gates (main): a sum over gates has each truck twice" in warning
    assert not count("new_20260302T200000Z.mp4", **second).camera_warnings
