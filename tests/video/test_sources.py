"""Paths, globs, folders and URLs to sources."""

import pytest

from truckcount.errors import GrowingFileError, VideoNotFoundError
from truckcount.video import check_settled, find_sources, fingerprint, mask_credentials


@pytest.fixture
def tree(tmp_path):
    for name in ("a.mp4", "sub/b.MKV", "sub/deep/c.dav", ".hidden/d.mp4", "notes.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path


def names(sources):
    return [s.path.rsplit("/", 1)[-1] for s in sources]


def test_folders_are_searched_to_any_depth(tree):
    assert names(find_sources([str(tree)])) == ["a.mp4", "b.MKV", "c.dav"]


def test_globs_reach_folders_and_files(tree):
    assert names(find_sources([str(tree / "**" / "*.dav")])) == ["c.dav"]
    assert names(find_sources([str(tree / "s*")])) == ["b.MKV", "c.dav"]


def test_a_file_named_twice_is_read_once(tree):
    twice = find_sources([str(tree / "a.mp4"), str(tree), str(tree / "./a.mp4")])
    assert names(twice) == ["a.mp4", "b.MKV", "c.dav"]


def test_a_named_file_is_taken_whatever_its_ending(tree):
    assert names(find_sources([str(tree / "notes.txt")])) == ["notes.txt"]


@pytest.mark.parametrize("path", ["gone.mp4", "nothing*.mp4"])
def test_what_is_not_there_is_named(tree, path):
    with pytest.raises(VideoNotFoundError, match=path.replace("*", r"\*")):
        find_sources([str(tree / path)])


def test_a_folder_without_video_is_an_error(tmp_path):
    with pytest.raises(VideoNotFoundError, match="no video in this folder"):
        find_sources([str(tmp_path)])


def test_urls_keep_no_password():
    source = find_sources(["rtsp://user:secret@cam.local:554/live"])[0]
    assert source.kind == "url"
    assert source.name == "rtsp://***@cam.local:554/live"
    assert mask_credentials("clip@home.mp4") == "clip@home.mp4"


def test_stills_are_one_source(tmp_path):
    for k in range(3):
        (tmp_path / f"s_20260302_08000{k}.jpg").write_bytes(b"x")
    sources = find_sources([str(tmp_path)])
    assert [s.kind for s in sources] == ["stills"]


def test_content_not_name_makes_a_fingerprint(tree):
    source = find_sources([str(tree / "a.mp4")])[0]
    before = fingerprint(source)
    (tree / "a.mp4").rename(tree / "z.mp4")
    assert fingerprint(find_sources([str(tree / "z.mp4")])[0]) == before
    (tree / "z.mp4").write_bytes(b"other")
    assert fingerprint(find_sources([str(tree / "z.mp4")])[0]) != before


def test_a_file_still_written_to_waits(tree):
    source = find_sources([str(tree / "a.mp4")])[0]
    with pytest.raises(GrowingFileError, match="may still grow"):
        check_settled(source, 30, source.mtime + 5)
    check_settled(source, 30, source.mtime + 31)
    check_settled(source, 0, source.mtime)
