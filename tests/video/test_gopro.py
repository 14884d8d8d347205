"""Chapters of a GoPro: each carries the first one's creation time."""

import pytest

from tests.conftest import write_clip
from truckcount.domain.camera import Camera
from truckcount.errors import ClockError
from truckcount.video import find_sources, probe_video, resolve_start

MADE = "2026-03-03T08:00:00Z"
CAMERA = Camera(name="cam")


def write_chapter(folder, name, n_frames, made=MADE):
    # 25 frames a second
    return write_clip(folder / name, n_frames, metadata={"creation_time": made})


def start_s(path, **options):
    """Seconds after eight."""
    source = find_sources([str(path)])[0]
    start = resolve_start(source, CAMERA, probe_video(source), **options)
    assert start.source == "container"
    return start.start_us / 1e6 - 1_772_524_800


@pytest.mark.parametrize(
    "names",
    [
        ("GH010123.MP4", "GH020123.MP4", "GH030123.MP4"),
        ("GX010123.MP4", "GX020123.MP4", "GX030123.MP4"),
        ("GOPR0123.MP4", "GP010123.MP4", "GP020123.MP4"),
        ("gx010123.mp4", "gx020123.mp4", "gx030123.mp4"),
    ],
)
def test_chapters_follow_one_another(tmp_path, names):
    paths = [
        write_chapter(tmp_path, name, n)
        for name, n in zip(names, (50, 75, 25), strict=True)
    ]
    write_chapter(tmp_path, "GX010999.MP4", 25)  # another recording
    assert [start_s(path) for path in paths] == pytest.approx([0, 2, 5])


def test_a_chapter_whose_forerunner_is_elsewhere_is_refused(tmp_path):
    write_chapter(tmp_path, "GH010123.MP4", 50)
    third = write_chapter(tmp_path, "GH030123.MP4", 50)
    with pytest.raises(ClockError, match=r"GH020123.MP4 does not lie beside.*--start"):
        start_s(third)
    source = find_sources([str(third)])[0]
    told = resolve_start(source, CAMERA, probe_video(source), start=MADE)
    assert told.source == "option"


def test_a_chapter_with_a_time_of_its_own_keeps_it(tmp_path):
    write_chapter(tmp_path, "GH010123.MP4", 50)
    second = write_chapter(tmp_path, "GH020123.MP4", 50, made="2026-03-03T08:00:02Z")
    assert start_s(second) == pytest.approx(2)


def test_its_creation_time_is_local(tmp_path):
    """peers.md section 6: local time written as if it were UTC."""
    camera = Camera(name="cam", timezone="America/Chicago")
    starts = []
    for name in ("GH010123.MP4", "dock.mp4"):
        source = find_sources([str(write_chapter(tmp_path, name, 25))])[0]
        start = resolve_start(source, camera, probe_video(source))
        starts.append((start.start_us // 1_000_000 - 1_772_524_800, start.quality))
    assert starts == [(6 * 3600, "zone"), (0, "exact")]
