"""A store behind a URL: counted in a copy, pushed, and each camera has one writer."""

import shutil

import pandas as pd
import pytest

from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount import run as count
from truckcount.errors import ConfigError, StoreError, StoreLockedError
from truckcount.features import load_hours
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.working_copy import (
    claim_camera,
    copy_folder,
    push_store,
    writer_of,
)

pytestmark = pytest.mark.video


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    write_traffic(folder / "gate_20260302T085952Z.mp4", {1.0: 1}, 6)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_red_model(tmp_path_factory.mktemp("model"))


def test_a_run_into_s3_writes_rereads_and_keeps_one_writer(s3, films, model, machines):
    """One test, since it is the real thing: what a user does from end to end."""
    url = "s3://bucket/store"
    first = count(films, store=url, model=model)
    assert first.exit_code == 0
    assert first.store == url
    plain = pd.read_parquet("bucket/store/hours", filesystem=s3)
    assert plain["n_trucks"].sum() == 1
    assert load_hours(url, direction="any")["n_trucks"].sum() == 1
    stamps = {p: s3.info(p)["LastModified"] for p in s3.find("bucket/store")}
    again = count(films, store=url, model=model)
    assert {f.status for f in again.file_outcomes} == {"reused"}
    s3.invalidate_cache()
    assert stamps == {p: s3.info(p)["LastModified"] for p in s3.find("bucket/store")}
    machines("second")
    with pytest.raises(StoreLockedError, match="one writer a camera"):
        count(films, store=url, model=model)
    assert claim_camera(url, "gate") == 5
    moved = count(films, store=url, model=model)
    assert {f.status for f in moved.file_outcomes} == {"reused"}, "nothing decoded"
    machines("first")
    with pytest.raises(StoreLockedError):
        count(films, store=url, model=model)


def test_an_s3_that_does_not_answer_is_said_before_anything_is_counted(
    s3, films, model, machines
):
    with pytest.raises(StoreError, match="cannot be reached or refuses"):
        count(films, store="s3://no-such-bucket/store", model=model)


@pytest.fixture
def url(tmp_path):
    return f"memory://copies-{tmp_path.parent.name}-{tmp_path.name}"


def test_what_was_counted_before_an_error_is_pushed(
    films, model, machines, url, monkeypatch
):
    def die(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("truckcount.pipeline.run.gather_result", die)
    with pytest.raises(KeyboardInterrupt):
        count(films, store=url, model=model)
    assert load_hours(url, direction="any")["n_trucks"].sum() == 1


def test_a_machine_without_its_disk_goes_on_under_its_name(
    films, model, machines, url, monkeypatch
):
    monkeypatch.setenv("TRUCKCOUNT_WRITER", "site-7")
    count(films, store=url, model=model)
    shutil.rmtree(copy_folder(url))
    again = count(films, store=url, model=model)
    assert {f.status for f in again.file_outcomes} == {"reused"}


def test_a_folder_keeps_its_name_and_two_urls_have_two_copies(machines, tmp_path):
    assert writer_of(tmp_path / "a") == writer_of(tmp_path / "a")
    assert writer_of(tmp_path / "a") != writer_of(tmp_path / "b")
    one, other = (copy_folder(f"s3://bucket/{name}") for name in ("a-b", "a_b"))
    assert one != other
    assert one == copy_folder("s3://bucket/a-b/")


def test_what_is_not_there_is_named(machines, url, tmp_path):
    with pytest.raises(StoreError, match="no camera 'gate'"):
        claim_camera(url, "gate")
    with pytest.raises(StoreError, match="no store"):
        push_store(tmp_path / "none", url)


@pytest.mark.parametrize("store", ["s3://bucket/x", "s3:/bucket/x"])
def test_what_takes_folders_alone_says_how_to_push(store):
    with pytest.raises(ConfigError, match="store push"):
        RunOptions(store=store)
