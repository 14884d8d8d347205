"""A folder of pictures with times in their names is a recording of few frames."""

import cv2
import numpy as np
import pytest

from tests.conftest import picture
from tests.video.test_decoding import WHOLE
from truckcount.domain.camera import Camera
from truckcount.errors import ClockError
from truckcount.video import find_sources, open_decoder, probe_video, resolve_start

pytestmark = pytest.mark.video
CHICAGO = Camera(name="yard", timezone="America/Chicago")


def write_stills(folder, names):
    folder.mkdir()
    for k, name in enumerate(names):
        cv2.imwrite(str(folder / name), picture(k)[:, :, ::-1])
    return folder


def read(folder, camera=CHICAGO, fps=5.0):
    (source,) = find_sources([str(folder)])
    start = resolve_start(source, camera, probe_video(source))
    decoder = open_decoder(
        source, [WHOLE], start_us=start.start_us, sample_fps=fps, camera=camera
    )
    return list(decoder), decoder.report, start


def test_each_picture_stands_at_the_time_in_its_name(tmp_path):
    names = [f"cam_20260302_0800{s:02d}.png" for s in (40, 10, 11, 25)]
    samples, report, start = read(write_stills(tmp_path / "yard", names))
    assert [s.pts_us / 1e6 for s in samples] == [0, 1, 15, 30]
    assert start.start_us == 1_772_460_010_000_000, "08:00:10 in Chicago"
    assert [s.t_us for s in samples] == [start.start_us + s.pts_us for s in samples]
    assert np.abs(samples[0].views[0].astype(int) - picture(1)).max() <= 1, "RGB"
    assert (report.duration_s, report.n_samples) == (40, 4)
    assert report.is_vfr


def test_two_pictures_of_one_tick_are_one_sample(tmp_path):
    names = [f"192.168.0.65_01_202103020800{ms:05d}_X.png" for ms in (0, 90, 240)]
    samples, _, _ = read(write_stills(tmp_path / "yard", names))
    assert [s.pts_us for s in samples] == [0, 240_000]


def test_a_night_of_the_clock_change_is_as_long_as_it_was(tmp_path):
    """00:30 to 03:30 is four hours when the hour from 1 to 2 comes twice."""
    names = [f"cam_20261101_{h:02d}3000.png" for h in (0, 2, 3)]
    samples, _, _ = read(write_stills(tmp_path / "yard", names))
    assert [s.pts_us / 3.6e9 for s in samples] == [0, 3, 4]


def test_a_cameras_own_pattern_dates_its_pictures(tmp_path):
    own = r"(?P<day>\d\d)(?P<month>\d\d)(?P<year>20\d\d)-(?P<hour>\d\d)(?P<minute>\d\d)"
    camera = Camera(name="yard", name_patterns=(own,))
    folder = write_stills(tmp_path / "y", [f"02032026-08{m}.png" for m in (10, 20, 30)])
    samples, _, start = read(folder, camera)
    assert start.source == "filename"
    assert [s.pts_us / 6e7 for s in samples] == [0, 10, 20]


def test_pictures_without_a_time_cannot_be_placed(tmp_path):
    folder = write_stills(tmp_path / "yard", ["a.png", "b.png", "c.png"])
    with pytest.raises(ClockError, match="no picture has a time in its name"):
        read(folder)


def test_pictures_without_a_time_are_told(tmp_path):
    names = [f"cam_20260302_0800{s:02d}.png" for s in (10, 20)]
    folder = write_stills(tmp_path / "yard", [*names, "logo.png"])
    _, report, _ = read(folder)
    assert report.n_samples == 2
    assert report.warnings == ("1 of 3 pictures left out: their names hold no time",)
    for name in names:
        (folder / name).rename(folder / name[-6:])
    with pytest.raises(ClockError, match="`name_patterns` in cameras"):
        read(folder)
