"""Each source of a start time, their order, and how far each is trusted."""

import json
import os
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.conftest import write_clip
from truckcount.domain.camera import Camera
from truckcount.errors import ClockError
from truckcount.video import (
    find_sources,
    probe_video,
    resolve_start,
    split_camera_name,
)


def us(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1e6)


def start_of(path, camera=None, **options):
    source = find_sources([str(path)])[0]
    camera = camera or Camera(name="cam", timezone="America/Chicago")
    return resolve_start(source, camera, probe_video(source), **options)


@pytest.fixture
def named(tmp_path):
    """A clip on which every source has an answer, each another one."""
    path = write_clip(
        tmp_path / "cam_20260302T080000.mp4",
        10,
        metadata={"creation_time": "2026-03-03T00:00:00Z"},
        options={"movflags": "use_metadata_tags"},
    )
    path.with_name(path.name + ".json").write_text(
        json.dumps({"start": "2026-03-04T01:00:00+01:00"})
    )
    os.utime(path, (1_700_000_000, 1_700_000_000))
    return path


def test_sources_answer_in_their_order(named):
    found = start_of(named, start="2026-03-05T00:00:00Z")
    assert (found.source, found.start_us) == ("option", us("2026-03-05T00:00:00+00:00"))
    found = start_of(named)
    assert (found.source, found.quality) == ("sidecar", "exact")
    assert found.start_us == us("2026-03-04T00:00:00+00:00")
    named.with_name(named.name + ".json").unlink()
    found = start_of(named)
    assert (found.source, found.quality) == ("filename", "zone")
    assert found.start_us == us("2026-03-02T08:00:00-06:00")
    assert found.pattern == "compact"


def test_container_time_comes_before_file_time(tmp_path):
    path = write_clip(
        tmp_path / "clip.mp4", 25, metadata={"creation_time": "2026-03-03T00:00:00Z"}
    )
    found = start_of(path)
    assert found.source == "container"
    assert found.start_us == us("2026-03-03T00:00:00+00:00")
    ends = Camera(name="cam", creation_time_is="end", clock_shift_s=-7200)
    assert start_of(path, ends).start_us == us("2026-03-02T21:59:59+00:00")


def test_file_time_is_a_guess_and_can_be_refused(tmp_path, caplog):
    path = write_clip(tmp_path / "clip.avi", 50, codec="mpeg4", options={})
    os.utime(path, (1_700_000_000, 1_700_000_000))
    found = start_of(path)
    assert (found.source, found.quality) == ("mtime", "guess")
    assert found.start_us == 1_700_000_000_000_000 - 2_000_000
    assert "guessed from the file time" in caplog.text
    with pytest.raises(ClockError, match="--start"):
        start_of(path, is_strict=True)


@pytest.mark.parametrize(
    ("stamp", "quality"),
    [
        ("20261101T013000", "ambiguous"),  # 01:30 comes twice
        ("20260308T023000", "ambiguous"),  # 02:30 never comes
        ("20261101T003000", "zone"),
        ("20261101T013000-0500", "exact"),
    ],
)
def test_clock_changes_are_flagged(tmp_path, stamp, quality):
    path = write_clip(tmp_path / f"cam_{stamp}.mp4", 3)
    assert start_of(path).quality == quality


@pytest.mark.parametrize(
    ("name", "utc"),
    [
        ("RecM01_DST20261101_013000_013500_0", "2026-11-01T06:30:00+00:00"),
        ("RecM01_DST20260701_013000_013500_0", "2026-07-01T06:30:00+00:00"),
        ("RecM01_20260101_013000_013500_0", "2026-01-01T07:30:00+00:00"),
    ],
)
def test_a_recorder_that_says_summer_time_is_believed(tmp_path, name, utc):
    found = start_of(write_clip(tmp_path / f"{name}.mp4", 3))
    assert (found.start_us, found.quality) == (us(utc), "zone")


@pytest.mark.parametrize(
    ("stamp", "quality", "utc"),
    [
        ("2026-03-04T01:00:00+01:00", "exact", "2026-03-04T00:00:00+00:00"),
        ("2026-03-04T00:00:00Z", "exact", "2026-03-04T00:00:00+00:00"),
        ("2026-03-04T00:00:00.25Z", "exact", "2026-03-04T00:00:00.250000+00:00"),
        ("2026-03-04T00:00:00", "zone", "2026-03-04T06:00:00+00:00"),
        ("2026-11-01T01:30:00", "ambiguous", "2026-11-01T06:30:00+00:00"),
    ],
)
@pytest.mark.parametrize("way", ["option", "sidecar"])
def test_given_times_are_read_in_the_cameras_zone(tmp_path, stamp, quality, utc, way):
    path = write_clip(tmp_path / "clip.mp4", 3)
    given = stamp if way == "option" else None
    if way == "sidecar":
        (tmp_path / "clip.mp4.json").write_text(json.dumps({"start": stamp}))
    found = start_of(path, start=given)
    assert (found.source, found.quality, found.start_us) == (way, quality, us(utc))


def test_a_start_that_is_no_time_is_refused(tmp_path):
    with pytest.raises(ClockError, match="--start: 'noon' is no ISO-8601 time"):
        start_of(write_clip(tmp_path / "clip.mp4", 3), start="noon")


def test_strict_time_takes_all_but_the_file_time(named):
    assert start_of(named, is_strict=True).source == "sidecar"
    named.with_name(named.name + ".json").unlink()
    assert start_of(named, is_strict=True).source == "filename"
    bare = named.with_name("clip.mp4")
    named.rename(bare)
    assert start_of(bare, is_strict=True).source == "container"


@pytest.mark.parametrize(
    ("name", "sd_s"),
    [
        ("cam_20260302T080000-0600.mp4", 1.0),
        ("cam_20260302T080000.mp4", 1.0),
        ("cam_20260302_0800.mp4", 30.0),  # somewhere in that minute
        ("hour_2026030208.mp4", 1800.0),  # by a pattern of its own
        ("clip.mp4", 600.0),
        ("clip.h264", 3600.0),  # a file time stamps the end, and how long is it?
    ],
)
def test_a_start_says_how_far_it_may_be_off(tmp_path, name, sd_s):
    hourly = r"hour_(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)(?P<hour>\d\d)"
    camera = Camera(name="cam", name_patterns=(hourly,))
    assert start_of(write_clip(tmp_path / name, 10), camera).sd_s == sd_s


def test_what_is_told_is_surer_than_what_is_found(named):
    told = start_of(named, start="2026-03-05T00:00:00Z").sd_s
    beside = start_of(named).sd_s
    container = start_of(named, Camera(name="cam", clock="container")).sd_s
    file_time = start_of(named, Camera(name="cam", clock="mtime")).sd_s
    assert told == beside == 1.0
    assert (container, file_time) == (5.0, 600.0)


@pytest.mark.parametrize("year", ["1904", "1970"])
def test_a_container_without_a_clock_tells_nothing(tmp_path, year):
    created = {"creation_time": f"{year}-01-01T00:00:00Z"}
    path = write_clip(tmp_path / "clip.mkv", 3, metadata=created)
    assert start_of(path).source == "mtime"


def test_container_time_of_the_end_needs_a_length(tmp_path):
    raw = write_clip(tmp_path / "clip.h264", 10)
    probe = probe_video(find_sources([str(raw)])[0])
    created = replace(probe, creation_time=datetime(2026, 3, 3, tzinfo=UTC))
    source = find_sources([str(raw)])[0]
    ends = Camera(name="cam", creation_time_is="end")
    assert resolve_start(source, ends, created).source == "mtime"
    assert resolve_start(source, Camera(name="cam"), created).source == "container"


def url_start(path, probe, **options):
    source = find_sources([f"http://user:secret@nvr.local{path}"])[0]
    return resolve_start(source, Camera(name="cam"), probe, **options)


def test_a_recording_behind_a_url_has_the_time_it_says(tmp_path, caplog):
    file = write_clip(tmp_path / "a.mp4", 25)
    probe = probe_video(find_sources([str(file)])[0])
    named = url_start("/yard/dock_20260302T080000-0600.mp4?channel=1", probe)
    assert (named.source, named.quality) == ("filename", "exact")
    assert named.start_us == us("2026-03-02T08:00:00-06:00")
    created = replace(probe, creation_time=datetime(2026, 3, 3, tzinfo=UTC))
    assert url_start("/a.mp4", created).source == "container"
    before = datetime.now(UTC).timestamp()
    found = url_start("/a.mp4", probe)
    assert (found.source, found.quality) == ("arrival", "guess")
    assert before <= found.start_us / 1e6 <= datetime.now(UTC).timestamp()
    assert "guessed" in caplog.text
    assert "secret" not in caplog.text
    with pytest.raises(ClockError, match="--start"):
        url_start("/a.mp4", probe, is_strict=True)
    assert found.sd_s == 86_400  # made at any time before it was opened
    live = replace(probe, duration_s_from_header=None)
    found = url_start("/live", live, is_strict=True)
    assert (found.source, found.sd_s) == ("arrival", 2.0)


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://nvr/yard/dock_20260302T080000-0600.mp4", "dock"),
        ("http://nvr/yard/20260302T080000-0600.mp4", "nvr-yard"),
        ("rtsp://user:secret@cam.local:554/live", "cam-local-554-live"),
        ("rtsp://cam/s?channel=2&password=secret", "cam-s-channel-2"),
        ("http://cam/s?apikey=secret&channel=2", "cam-s-channel-2"),
        ("http://cam/s?secret", "cam-s"),
        ("srt://cam:9000?passphrase=secret", "cam-9000"),
        ("rtsp://admin:se?cret@cam/live", "cam-live"),
        ("rtsp://admin:se cret@cam/live", "cam-live"),
    ],
)
def test_a_url_names_its_camera_without_its_secrets(url, name):
    assert split_camera_name(url) == name


def test_a_pinned_clock_does_not_fall_through(named):
    named.with_name(named.name + ".json").unlink()
    with pytest.raises(ClockError, match="sidecar"):
        start_of(named, Camera(name="cam", clock="sidecar"))
    assert start_of(named, Camera(name="cam", clock="mtime")).source == "mtime"


def test_a_broken_sidecar_says_what_it_wants(named):
    named.with_name(named.name + ".json").write_text('{"begin": 1}')
    with pytest.raises(ClockError, match='"start"'):
        start_of(named)


def test_stills_start_at_their_first_picture(tmp_path):
    import cv2

    from tests.conftest import picture

    folder = tmp_path / "yard"
    folder.mkdir()
    for k in range(4):
        cv2.imwrite(str(folder / f"cam_20260302_0800{10 + k:02d}.jpg"), picture(k))
    found = start_of(folder, Camera(name="cam"))
    assert found.source == "filename"
    assert found.start_us == us("2026-03-02T08:00:10+00:00")
    assert datetime.fromtimestamp(found.start_us / 1e6, UTC).second == 10


@pytest.mark.parametrize("year", [1903, 2107, 9999])
def test_a_container_of_an_absurd_year_is_left_aside(tmp_path, caplog, year):
    source = find_sources([str(write_clip(tmp_path / "clip.mp4", 3))])[0]
    made = datetime(year, 12, 31, 23, tzinfo=UTC)
    probe = replace(probe_video(source), creation_time=made)
    found = resolve_start(source, Camera(name="cam"), probe)
    assert found.source == "mtime"
    assert f"its container says {year}-12-31" in caplog.text
    pinned = Camera(name="cam", clock="container")
    with pytest.raises(ClockError, match="no start time from container"):
        resolve_start(source, pinned, probe)


@pytest.mark.parametrize("stamp", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00"])
def test_an_absurd_year_that_was_given_is_refused(tmp_path, stamp):
    with pytest.raises(ClockError, match="by option is none of a recording"):
        start_of(write_clip(tmp_path / "clip.mp4", 3), start=stamp)


@pytest.mark.parametrize("folder", [".", "2024-01-02", "2024-01-02/13/gate"])
def test_a_recorders_folders_tell_the_time_from_whatever_folder_it_is_named(
    tmp_path, monkeypatch, folder
):
    top = tmp_path / "recordings"
    clip = top / "2024-01-02" / "13" / "gate" / "05.09.mp4"
    clip.parent.mkdir(parents=True)
    write_clip(clip, 3)
    monkeypatch.chdir(top / folder)
    found = start_of(os.path.relpath(clip))
    assert found.source == "filename"
    assert found.start_us == us("2024-01-02T13:05:09+00:00")
