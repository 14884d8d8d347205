"""Each source of a start time, their order, and how far each is trusted."""

import json
import os
from datetime import UTC, datetime

import pytest

from tests.conftest import write_clip
from truckcount.domain.camera import Camera
from truckcount.errors import ClockError
from truckcount.video import find_sources, probe_video, resolve_start


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
