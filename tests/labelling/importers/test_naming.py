from datetime import UTC, datetime
from pathlib import Path

import pytest

from truckcount.errors import LabelError
from truckcount.labelling.importers.found import FoundPicture
from truckcount.labelling.importers.naming import PlaceReader


def read(name, t_s=None, image="frames/x_0123456789.jpg", **options):
    found = FoundPicture(
        name=name,
        where="x",
        picture=Path(name),
        t_s=t_s,
        is_of_recording=t_s is not None,
    )
    return PlaceReader(Path("toll/labels.csv"), **options).read(found, image)


def test_a_recorders_name_tells_camera_day_and_group():
    place = read("train/dock-3_20260302T233000-0600.jpg")
    assert place.camera == "dock-3"
    assert place.day == "2026-03-02"
    assert place.group == "dock-3/2026-03-02"
    assert place.t_utc == datetime(2026, 3, 3, 5, 30, tzinfo=UTC)


def test_a_naive_time_is_a_moment_only_in_a_known_zone():
    assert read("625_20170704_1200.jpg").t_utc is None
    place = read("cam_20170704_120000.jpg", timezone="Europe/London")
    assert place.t_utc == datetime(2017, 7, 4, 11, tzinfo=UTC)


def test_a_day_is_local_where_the_zone_is_said():
    """Frames of `label sample` carry UTC in their names and a local day."""
    place = read("cam_20260302T033000.000Z.jpg", timezone="America/Chicago")
    assert place.t_utc == datetime(2026, 3, 2, 3, 30, tzinfo=UTC)
    assert (place.day, place.group) == ("2026-03-01", "cam/2026-03-01")
    assert read("cam_20260302T033000.000Z.jpg").day == "2026-03-02"


def test_a_video_frame_is_as_much_later_as_it_lies_in_the_video():
    place = read("cam_20260302T080000Z_frame_000050", t_s=90.5)
    assert place.t_utc == datetime(2026, 3, 2, 8, 1, 30, 500_000, tzinfo=UTC)


def test_pictures_without_a_time_stand_alone_but_for_their_copies():
    names = ("train/images/a.rf.1.jpg", "valid/images/a.rf.2.jpg", "b.rf.3.jpg")
    assert [read(n).group for n in names] == ["labels/a", "labels/a", "labels/b"]
    groups = [read(f"dock-{k}/a.rf.1.jpg").group for k in (1, 2)]
    assert groups == ["labels/dock-1/a", "labels/dock-2/a"]
    groups = [read("0001.jpg", image=f"frames/0001_{k}.jpg").group for k in "ab"]
    assert groups == ["labels/0001_a", "labels/0001_b"]


def test_frames_of_one_recording_are_a_group_of_its_own():
    names = ("clip_frame_000001", "clip_frame_000050")
    assert {read(n, t_s=0.1).group for n in names} == {"labels/clip"}
    assert read(names[0], t_s=0.1, recording="-0a").group == "labels/clip-0a"


def test_a_pattern_names_the_group():
    place = read("rec07_0001.jpg", group_pattern=r"rec(\d+)", camera="toll")
    assert (place.camera, place.group) == ("toll", "toll/07")
    assert read("rec07_0001.jpg", group_pattern=r"rec(\d+)").group == "07"
    with pytest.raises(ValueError, match="does not match"):
        read("other.jpg", group_pattern=r"rec\d+")
    with pytest.raises(LabelError, match="regular expression"):
        read("other.jpg", group_pattern="(")
    with pytest.raises(LabelError, match="IANA"):
        read("other.jpg", timezone="Mars/Crater")
