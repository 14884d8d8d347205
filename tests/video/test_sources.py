"""Paths, globs, folders and URLs to sources."""

from pathlib import Path

import pytest

from truckcount.errors import GrowingFileError, VideoNotFoundError
from truckcount.video import (
    check_settled,
    find_sources,
    fingerprint,
    fold_stills,
    mask_credentials,
)


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


def test_a_folder_is_walked_as_pathlib_would(tmp_path, monkeypatch):
    """Order, links and hidden names, with pathlib as the oracle."""
    for name in ("b/2.mp4", "b/1.MP4", "b.mp4", "b-1/x.mkv", ".hidden/no.mp4", "a.txt"):
        place = tmp_path / "in" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"x")
    (tmp_path / "in" / "b" / ".part.mp4").write_bytes(b"x")
    (tmp_path / "elsewhere.mp4").write_bytes(b"x")
    (tmp_path / "in" / "linked.mp4").symlink_to(tmp_path / "elsewhere.mp4")
    (tmp_path / "in" / "again").symlink_to(tmp_path / "in" / "b")
    (tmp_path / "in" / "gone.mp4").symlink_to(tmp_path / "nowhere")
    monkeypatch.chdir(tmp_path / "in")
    for folder in (Path(), tmp_path / "in"):
        walked = [
            str(p)
            for p in sorted(folder.rglob("*"))
            if p.suffix.lower() in {".mp4", ".mkv"}
            and p.is_file()
            and not any(part.startswith(".") for part in p.parts)
            and "again" not in p.parts  # pathlib follows links from Python 3.13 on
        ]
        assert [s.path for s in find_sources([str(folder)])] == walked


def test_a_link_to_a_named_file_is_the_same_file(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.mp4").write_bytes(b"x")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    (tmp_path / "c.mp4").symlink_to(tmp_path / "a" / "1.mp4")
    paths = [str(tmp_path / name) for name in ("a", "b", "c.mp4")]
    assert [s.path for s in find_sources(paths)] == [str(tmp_path / "a" / "1.mp4")]


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


def test_arguments_keep_their_order(tree):
    many = [str(tree / "sub"), "rtsp://cam/live", str(tree / "*.mp4")]
    assert names(find_sources(many)) == ["b.MKV", "c.dav", "live", "a.mp4"]


def test_brackets_of_recorder_names_are_no_glob(tmp_path):
    path = tmp_path / "21.04.49-21.05.14[M][0@0][0].mp4"
    path.write_bytes(b"x")
    assert names(find_sources([str(path)])) == [path.name]
    assert names(find_sources([str(tmp_path / "*.mp4")])) == [path.name]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://u:p@cam/a.mp4", "http://***@cam/a.mp4"),
        ("http://u:p%40x@cam:81/a?b=1", "http://***@cam:81/a?b=***"),
        (
            "http://cam/v.cgi?channel=2&user=admin&pwd=secret&fps=5",
            "http://cam/v.cgi?channel=2&user=***&pwd=***&fps=5",
        ),
        ("rtsp://cam/live?token=secret", "rtsp://cam/live?token=***"),
    ],
)
def test_no_secret_of_a_url_is_shown(url, shown):
    assert find_sources([url])[0].name == shown


@pytest.mark.parametrize(
    ("age_s", "is_growing"),
    [(5, True), (29, True), (31, False), (-5, True), (-3600, False)],
    ids=["now", "just", "done", "clocks apart", "a clock an hour fast"],
)
def test_a_wrong_clock_does_not_hold_a_file_back(tree, age_s, is_growing):
    source = find_sources([str(tree / "a.mp4")])[0]
    if is_growing:
        with pytest.raises(GrowingFileError):
            check_settled(source, 30, source.mtime + age_s)
    else:
        check_settled(source, 30, source.mtime + age_s)


def test_a_file_still_written_to_waits(tree):
    source = find_sources([str(tree / "a.mp4")])[0]
    with pytest.raises(GrowingFileError, match="may still grow"):
        check_settled(source, 30, source.mtime + 5)
    check_settled(source, 30, source.mtime + 31)
    check_settled(source, 0, source.mtime)


@pytest.fixture
def stills(tmp_path):
    folder = tmp_path / "yard"
    folder.mkdir()
    for minute in range(4):
        (folder / f"yard_20260302T08{minute:02d}00Z.jpg").write_bytes(b"x")
    return folder


def test_all_pictures_of_a_folder_are_a_folder_of_stills(stills):
    (whole,) = find_sources([str(stills)])
    assert whole.kind == "stills"
    assert find_sources([str(stills / "*.jpg")]) == [whole]
    by_shell = sorted(map(str, stills.glob("*.jpg")))
    assert fold_stills(by_shell) == [str(stills)]
    assert fold_stills(["a.mp4", *by_shell, "b"]) == ["a.mp4", str(stills), "b"]


def test_pictures_in_the_working_folder_are_that_folder(stills, monkeypatch):
    monkeypatch.chdir(stills)
    assert find_sources(["*.jpg"]) == find_sources(["."])


def test_some_pictures_of_a_folder_are_refused(stills):
    some = [str(stills / f"yard_20260302T080{k}00Z.jpg") for k in (0, 1, 2)]
    why = r"3 of the 4 pictures of .*yard are given.*give the folder"
    with pytest.raises(VideoNotFoundError, match=why):
        fold_stills(some)
    with pytest.raises(VideoNotFoundError, match=why):
        find_sources([str(stills / "*[012]00Z.jpg")])
    with pytest.raises(VideoNotFoundError, match="1 of the 4 pictures"):
        find_sources(some[:1])


def test_a_picture_beside_its_video_is_no_recording(tmp_path):
    for name in ("a.mp4", "a.jpg", "b.mp4", "b.jpg"):
        (tmp_path / name).write_bytes(b"x")
    by_shell = sorted(map(str, tmp_path.iterdir()))
    assert fold_stills(by_shell) == [str(tmp_path / "a.mp4"), str(tmp_path / "b.mp4")]
    assert names(find_sources([str(tmp_path / "*")])) == ["a.mp4", "b.mp4"]
    with pytest.raises(VideoNotFoundError, match="a picture and no recording"):
        find_sources([str(tmp_path / "a.jpg")])
