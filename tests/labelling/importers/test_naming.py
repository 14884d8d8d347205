from datetime import UTC, datetime
from pathlib import Path

import pytest

from truckcount.errors import LabelError
from truckcount.labelling.importers.found import FoundPicture
from truckcount.labelling.importers.naming import PlaceReader


def read(name, t_s=None, **options):
    found = FoundPicture(name=name, where="x", picture=Path(name), t_s=t_s)
    return PlaceReader(Path("toll/labels.csv"), **options).read(found)


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


def test_a_video_frame_is_as_much_later_as_it_lies_in_the_video():
    place = read("cam_20260302T080000Z_frame_000050", t_s=90.5)
    assert place.t_utc == datetime(2026, 3, 2, 8, 1, 30, 500_000, tzinfo=UTC)


def test_pictures_without_a_time_stand_alone_but_for_their_copies():
    groups = [read(n).group for n in ("a.rf.1.jpg", "a.rf.2.jpg", "b.rf.3.jpg")]
    assert groups == ["labels/a", "labels/a", "labels/b"]
    assert read("clip_frame_000001", t_s=0.1).group == "labels/clip"


def test_a_pattern_names_the_group():
    place = read("rec07_0001.jpg", group_pattern=r"rec(\d+)", camera="toll")
    assert (place.camera, place.group) == ("toll", "07")
    with pytest.raises(ValueError, match="does not match"):
        read("other.jpg", group_pattern=r"rec\d+")
    with pytest.raises(LabelError, match="regular expression"):
        read("other.jpg", group_pattern="(")
    with pytest.raises(LabelError, match="IANA"):
        read("other.jpg", timezone="Mars/Crater")
