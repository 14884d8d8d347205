"""Frames of clips for label sets: the first at or after each time."""

import numpy as np
import pytest

from tests.conftest import write_clip
from truckcount.training.clip_frames import gate_polygons, read_clip_frames


def grey(k):
    return np.full((96, 160, 3), 4 * k, np.uint8)


def test_frames_come_at_or_after_the_times_asked(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", 50, fps=25, image=grey)
    times = np.array([0.0, 0.5, 1.01, 5.0])
    found = list(read_clip_frames(clip, times))
    assert [t for t, _ in found] == pytest.approx([0.0, 0.52, 1.04], abs=0.021)
    for t_s, image in found:
        assert image.shape == (96, 160, 3)
        assert image.mean() == pytest.approx(4 * round(t_s * 25), abs=4)


def test_no_time_reads_no_frame(tmp_path):
    clip = write_clip(tmp_path / "a.mp4", 10)
    assert list(read_clip_frames(clip, np.array([]))) == []


def test_gates_are_the_first_of_each_camera(tmp_path):
    path = tmp_path / "cameras.toml"
    path.write_text(
        "[[cameras.a.gates]]\nname='g'\npolygon=[[0,0],[1,0],[1,1]]\n"
        "[[cameras.a.gates]]\nname='h'\npolygon=[[0,0],[0.5,0],[1,1]]\n"
    )
    assert gate_polygons(path) == {"a": [[0, 0], [1, 0], [1, 1]]}
