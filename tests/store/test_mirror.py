"""A mirror is what was pushed, in order, by one writer a camera."""

import json
import secrets
from contextlib import nullcontext

import fsspec
import pandas as pd
import pytest

from tests.counting.simulate import film, through
from tests.pipeline.pieces import CAMERA, HOUR_US, ingest, piece
from truckcount.errors import StoreError, StoreLockedError
from truckcount.features import load_hours
from truckcount.store import Store
from truckcount.store import mirror as mirror_module
from truckcount.store.check import check_store
from truckcount.store.deletion import delete_camera
from truckcount.store.mirror import Mirror

NAME = CAMERA.name
TRUCK = film([through(30)], 90)


@pytest.fixture
def url(tmp_path):
    """A folder in memory of this test's own, with the calls of an object store."""
    place = f"memory://{tmp_path.name}-{secrets.token_hex(4)}"
    yield place
    fs, root = fsspec.core.url_to_fs(place)
    if fs.exists(root):
        fs.rm(root, recursive=True)


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "store")
    ingest(store, [[piece("a", TRUCK)]])
    return store


def objects(url):
    fs, root = fsspec.core.url_to_fs(url)
    return {path.removeprefix(root + "/"): fs.cat_file(path) for path in fs.find(root)}


def more(store, k):
    ingest(store, [[piece(f"p{k}", TRUCK, shift_us=k * HOUR_US)]])


def test_a_push_makes_the_tables_the_same_and_a_second_one_sends_nothing(store, url):
    (first,) = Mirror(url, "one").push(store.root)
    assert first.n_files == 5
    for path in store.root.rglob("*.parquet"):
        assert objects(url)[path.relative_to(store.root).as_posix()] == (
            path.read_bytes()
        )
    before = objects(url)
    (second,) = Mirror(url, "one").push(store.root)
    assert (second.n_files, second.n_bytes, second.n_removed) == (0, 0, 0)
    assert objects(url) == before
    hours = load_hours(url, direction=None)
    pd.testing.assert_frame_equal(hours, load_hours(store.root, direction=None))


def test_a_folder_elsewhere_is_a_mirror_too(store, tmp_path):
    """A share that is mounted: it failed for want of the folder."""
    url = f"file://{tmp_path}/share/mirror"
    (first,) = Mirror(url, "one").push(store.root)
    assert first.n_files == 5
    hours = load_hours(url, direction=None)
    pd.testing.assert_frame_equal(hours, load_hours(store.root, direction=None))
    with pytest.raises(StoreLockedError, match="one writer a camera"):
        Mirror(url, "two").push(store.root)
    assert Mirror(url, "two").pull(tmp_path / "copy", NAME, is_taken_over=True) == 5
    assert not list(tmp_path.glob("**/*.tmp"))


def test_a_file_of_a_folder_elsewhere_is_replaced_whole(store, tmp_path, monkeypatch):
    url = f"file://{tmp_path}/share/mirror"
    Mirror(url, "one").push(store.root)
    more(store, 3)

    def fail(_path):
        raise OSError("the share went away")

    monkeypatch.setattr(mirror_module, "sync", fail)
    with pytest.raises(StoreError, match="went away"):
        Mirror(url, "one").push(store.root)
    assert load_hours(url, direction=None)["n_trucks"].sum() == 1
    assert not list(tmp_path.glob("**/*.tmp"))


def test_only_what_changed_is_sent(store, url):
    Mirror(url, "one").push(store.root)
    ingest(store, [[piece("later", TRUCK, shift_us=40 * 24 * HOUR_US)]])
    (done,) = Mirror(url, "one").push(store.root)
    sent = {f"{t}/{NAME}/2026-02" for t in ("hours", "passages", "segments")}
    assert done.n_files <= len(sent) + 3, "January's scores and passages stay"
    assert load_hours(url, direction=None)["n_trucks"].sum() == 2


def test_the_second_writer_of_a_camera_is_refused_and_changes_nothing(
    store, url, tmp_path
):
    Mirror(url, "one").push(store.root)
    other = Store.open(tmp_path / "other")
    ingest(other, [[piece("x", TRUCK, shift_us=5 * HOUR_US)]])
    before = objects(url)
    with pytest.raises(StoreLockedError, match="one writer a camera"):
        Mirror(url, "two").push(other.root)
    assert objects(url) == before


def test_who_takes_over_has_all_of_it_and_the_other_is_refused(store, url, tmp_path):
    Mirror(url, "one").push(store.root)
    copy = tmp_path / "copy"
    assert Mirror(url, "two").pull(copy, NAME, is_taken_over=True) == 5
    assert check_store(copy) == []
    more(Store.open(copy), 3)
    Mirror(url, "two").push(copy)
    assert load_hours(url, direction=None)["n_trucks"].sum() == 2
    more(store, 4)
    with pytest.raises(StoreLockedError):
        Mirror(url, "one").push(store.root)


class CutError(Exception):
    """The line went dead."""


@pytest.mark.parametrize("n", range(8))
def test_cut_after_any_object_readers_see_whole_tables_and_the_next_push_heals(
    store, url, monkeypatch, n
):
    Mirror(url, "one").push(store.root)
    more(store, 3)
    kind = type(fsspec.core.url_to_fs(url)[0])
    pipe, left = kind.pipe_file, [n]

    def pipe_some(self, path, value, **more):
        if "create" not in more.values():
            left[0] -= 1
            if left[0] < 0:
                raise CutError
        return pipe(self, path, value, **more)

    monkeypatch.setattr(kind, "pipe_file", pipe_some)
    n_needed = 6  # five tables that changed, and the manifest
    with (
        pytest.raises(StoreError, match="cannot be") if n < n_needed else nullcontext()
    ):
        Mirror(url, "one").push(store.root)
    seen = load_hours(url, direction=None, on_missing="ignore")
    assert seen["n_trucks"].sum() in (1, 2)
    monkeypatch.undo()
    Mirror(url, "one").push(store.root)
    hours = load_hours(url, direction=None)
    pd.testing.assert_frame_equal(hours, load_hours(store.root, direction=None))


def test_the_manifest_comes_last_and_segments_before_it(store, url, monkeypatch):
    kind, order = type(fsspec.core.url_to_fs(url)[0]), []
    pipe = kind.pipe_file

    def note(self, path, value, **more):
        order.append(path.split("/", 2)[-1])
        return pipe(self, path, value, **more)

    monkeypatch.setattr(kind, "pipe_file", note)
    Mirror(url, "one").push(store.root)
    tables = [p.split("/")[0] for p in order if p.endswith(".parquet")]
    assert tables == ["scores", "passages", "history", "hours", "segments"]
    assert order[-1].startswith("_meta/manifests/")


def test_what_was_deleted_here_is_deleted_there(store, url, tmp_path):
    Mirror(url, "one").push(store.root)
    delete_camera(store.root, NAME)
    (done,) = Mirror(url, "one").push(store.root)
    assert done.n_removed == 4
    tables = {p.split("/")[0] for p in objects(url) if p.endswith(".parquet")}
    assert tables == {"segments"}
    copy = tmp_path / "copy"
    Mirror(url, "two").pull(copy, NAME, is_taken_over=True)
    more(Store.open(copy), 2)
    assert not list((copy / "hours").rglob("*.parquet")), "it stays deleted there, too"


def test_rows_that_are_shown_late_are_told(store, url, caplog, monkeypatch):
    Mirror(url, "one").push(store.root)
    manifest = f"_meta/manifests/{NAME}.json"
    assert json.loads(objects(url)[manifest])["writer"] == "one"
    assert Mirror(url, "one").push(store.root)[0].n_late_rows == 0
    more(store, 3)
    monkeypatch.setattr(mirror_module, "_count_late", lambda *_: 3)
    assert Mirror(url, "one").push(store.root)[0].n_late_rows == 3
    assert "late" in caplog.text


def test_late_is_known_since_the_last_push_and_ten_minutes_ago(store):
    (file,) = (store.root / "history").rglob("*.parquet")
    place = file.relative_to(store.root).as_posix()
    count = mirror_module._count_late
    n = len(pd.read_parquet(file))
    assert count(store.root, [place], 0) == 0, "the first push was read by nobody"
    assert count(store.root, [place], 1) == n
    assert count(store.root, [place], 4_000_000_000_000_000) == 0


@pytest.mark.parametrize("keys", ["AKID:topsecret", "AKID:top/secret"])
def test_keys_in_a_url_stay_out_of_what_an_object_store_says(store, monkeypatch, keys):
    """botocore quotes them as the bucket's name."""
    pytest.importorskip("s3fs")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    url = f"s3://{keys}@bucket/store"
    for read in (lambda: Mirror(url, "one").push(store.root), lambda: load_hours(url)):
        with pytest.raises(StoreError, match="cannot be reached") as error:
            read()
        assert "secret" not in str(error.value)
        assert "AKID" not in str(error.value)


def test_a_protocol_without_its_package_says_what_to_install():
    with pytest.raises(StoreError, match=r"truckcount\[s3\]"):
        Mirror("nothing-like-it://bucket/store", "one")
