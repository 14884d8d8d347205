"""A deleted day is null, its details are gone, and nothing brings it back."""

import os
import shutil
import signal
from dataclasses import replace

import pandas as pd
import pyarrow.parquet as pq
import pytest

from tests.counting.simulate import T0_US, film, through
from tests.pipeline.pieces import CAMERA, HOUR_US, NOW_US, ingest, piece
from truckcount.domain.audit import AuditWindow
from truckcount.errors import StoreError
from truckcount.features import load_hours
from truckcount.pipeline.config import RunOptions
from truckcount.store import Store, publish, sealed_rows
from truckcount.store.audits_table import change_audits
from truckcount.store.check import check_store
from truckcount.store.deletion import delete_camera, delete_day, lift_deletion

DAY_US = 24 * HOUR_US
LATER_US = NOW_US + 30 * DAY_US
NAME = CAMERA.name


def pieces():
    """Three days: one truck in each; the second file goes over a midnight."""
    truck = film([through(30)], 90)
    night = film([through(3), through(60, sign=-1)], 90)
    return [
        piece("a", truck, shift_us=DAY_US - 3 * HOUR_US),
        piece("b", night, shift_us=DAY_US - 45_000_000),
        piece("c", truck, shift_us=DAY_US + 5 * HOUR_US),
        piece("d", truck, shift_us=2 * DAY_US + 2 * HOUR_US),
    ]  # fmt: skip


def fill(root, bins=60):
    """Make the store anew where it takes bins, else copy it."""
    store = Store.open(root)
    ingest(store, [[p] for p in pieces()], options=RunOptions(bins=bins),
           now_us=LATER_US - DAY_US)  # fmt: skip
    return store


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("filled") / "store").root


@pytest.fixture
def copy(filled, tmp_path):
    """Return a function that makes a copy of the store."""

    def make(name="store"):
        return Store.open(shutil.copytree(filled, tmp_path / name))

    return make


@pytest.fixture
def store(copy):
    return copy()


def hours_of_day(root, k):
    hours = pd.read_parquet(root / "hours")
    low = pd.Timestamp(T0_US + k * DAY_US, unit="us", tz="UTC")
    day = pd.Timedelta(days=1)
    inside = hours["hour_start_utc"].between(low, low + day, inclusive="left")
    return hours[inside]


def trucks(root):
    return [int(hours_of_day(root, k)["n_trucks"].sum()) for k in range(3)]


@pytest.fixture
def deleted(store):
    delete_day(store.root, NAME, T0_US + DAY_US, note="asked for", now_us=LATER_US)
    return store


def test_the_day_was_there(store):
    assert trucks(store.root) == [2, 2, 1]
    assert check_store(store.root) == []


def test_a_deleted_days_hours_are_null_and_never_zero(deleted):
    day = hours_of_day(deleted.root, 1)
    assert len(day) == 24 * 3, "no hour is absent"
    assert day["n_trucks"].isna().all()
    assert day["n_trucks_est"].isna().all()
    assert (day["coverage_s"] == 0).all()
    assert (day["max_gap_s"] == 3600).all()
    assert day["is_final"].all()
    assert trucks(deleted.root)[::2] == [2, 1], "other days stand"
    assert check_store(deleted.root) == []


def test_nothing_but_a_note_is_left_of_its_details(deleted):
    onsets = pd.read_parquet(deleted.root / "passages")["onset_utc"]
    assert set(onsets.dt.day) == {1, 3}
    days = {path.stem for path in (deleted.root / "scores").rglob("*.parquet")}
    assert days == {"2026-01-01", "2026-01-03"}
    records = {r.segment_id: r for r in deleted.segments(NAME)}
    assert {k: r.status for k, r in records.items()} == {
        "a": "done", "b": "done", "c": "deleted", "d": "done"
    }  # fmt: skip
    assert records["c"].duration_s is None
    (seal,) = deleted.seals(NAME)
    assert seal.note == "asked for"
    assert seal.is_done
    assert seal.removed == {
        "hours": 6, "passages": 2, "scores_files": 1, "segments": 1
    }  # fmt: skip


def test_what_was_known_before_stays_unless_it_is_to_be_forgotten(copy):
    store, other = copy("one"), copy("other")
    before, after = (pd.Timestamp(t, unit="us", tz="UTC") for t in
                     (LATER_US - 1, LATER_US + HOUR_US))  # fmt: skip
    delete_day(store.root, NAME, T0_US + DAY_US, now_us=LATER_US)
    delete_day(
        other.root, NAME, T0_US + DAY_US, has_history=False, now_us=LATER_US
    )  # fmt: skip
    for root, known in ((store.root, 5), (other.root, 3)):
        frame = load_hours(root, before, direction=None, on_missing="ignore")
        assert frame["n_trucks"].sum() == known
        frame = load_hours(root, after, direction=None)
        assert frame["n_trucks"].sum() == 3
        assert check_store(root) == []
    history = pq.read_table(next((other.root / "history").rglob("*.parquet")))
    assert history["cause"].to_pylist().count("deleted") == 72


def test_a_neighbour_and_a_recount_leave_the_day_as_it_is(deleted):
    truck = film([through(30)], 90)
    near = piece("e", truck, shift_us=2 * DAY_US + 60_000_000)
    late = piece("f", truck, shift_us=DAY_US + 6 * HOUR_US)
    ingest(deleted, [[near], [late]], now_us=LATER_US + HOUR_US)
    assert trucks(deleted.root) == [2, 0, 2]
    assert hours_of_day(deleted.root, 1)["n_trucks"].isna().all()
    assert check_store(deleted.root) == []


def test_a_day_is_deleted_from_bins_too(tmp_path):
    store = fill(tmp_path, bins=15)
    delete_day(store.root, NAME, T0_US + DAY_US, now_us=LATER_US)
    bins = pd.read_parquet(store.root / "bins_15")
    second = bins[bins["bin_start_utc"].dt.day == 2]
    assert len(second)
    assert second["n_trucks"].isna().all()
    assert bins["n_trucks"].sum() == 3
    assert check_store(store.root) == []


def test_it_is_deleted_once_and_a_day_without_anything_is_refused(deleted):
    state = {p: p.read_bytes() for p in deleted.root.rglob("*.parquet")}
    for day in (T0_US + DAY_US, T0_US + 9 * DAY_US):
        with pytest.raises(StoreError, match="nothing of 2026-01"):
            delete_day(deleted.root, NAME, day, now_us=LATER_US)
    with pytest.raises(StoreError, match="no camera 'other'"):
        delete_day(deleted.root, "other", T0_US, now_us=LATER_US)
    assert state == {p: p.read_bytes() for p in deleted.root.rglob("*.parquet")}


def test_a_dry_run_says_it_and_does_nothing(store):
    def read_all():
        files = [p for p in store.root.rglob("*") if p.is_file()]
        return {p: p.read_bytes() for p in files if p.suffix != ".lock"}

    state = read_all()
    seal = delete_day(
        store.root, NAME, T0_US + DAY_US, now_us=LATER_US, is_dry_run=True
    )
    assert seal.removed["passages"] == 2
    assert delete_camera(store.root, NAME, is_dry_run=True).removed["hours_files"] == 1
    assert state == read_all()


@pytest.mark.parametrize("has_history", [True, False], ids=["kept", "forgotten"])
def test_killed_anywhere_the_same_call_finishes_it(copy, has_history):
    """One child a moment: it dies by SIGKILL at its n-th sync."""

    def call(root):
        delete_day(root, NAME, T0_US + DAY_US, has_history=has_history,
                   now_us=LATER_US)  # fmt: skip

    wanted = copy("clean")
    call(wanted.root)
    tables = ("hours", "passages", "segments", "scores", "history")
    sync = publish.sync
    # odd: before a rename, even: after it
    for n in range(1 if has_history else 2, 60, 2):
        root = copy(str(n)).root
        child = os.fork()
        if child == 0:
            left = [n]

            def die_later(path, left=left):
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                sync(path)

            publish.sync = sealed_rows.sync = die_later
            call(root)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if status == 0:
            break
        if not any(seal.is_done for seal in Store(root).seals(NAME)):
            call(root)
        assert check_store(root) == []
        for table in tables:
            pd.testing.assert_frame_equal(
                pd.read_parquet(root / table), pd.read_parquet(wanted.root / table)
            )
    assert n > 8, "it was killed at many moments"


def test_a_half_done_deletion_is_seen_by_the_check(deleted):
    path = deleted.root / "_meta" / "seals" / f"{NAME}.json"
    path.write_text(path.read_text().replace('"is_done": true', '"is_done": false'))
    (broken,) = check_store(deleted.root)
    assert broken.invariant == "F17"
    delete_day(deleted.root, NAME, T0_US + DAY_US, now_us=LATER_US)
    assert check_store(deleted.root) == []


def test_what_came_back_is_seen_by_the_check(deleted, monkeypatch):
    monkeypatch.setattr(
        "truckcount.pipeline.counts.camera_counter.CameraCounter.unsealed",
        lambda _, w: w,
    )
    late = piece("f", film([through(30)], 90), shift_us=DAY_US + 6 * HOUR_US)
    ingest(deleted, [[late]], now_us=LATER_US)
    found = {b.invariant for b in check_store(deleted.root)}
    assert found <= {"F17", "F2", "F6"}


def test_a_lifted_day_is_counted_again(deleted):
    lift_deletion(deleted.root, NAME, T0_US + DAY_US, now_us=LATER_US)
    assert "c" not in {r.segment_id for r in deleted.segments(NAME)}
    ingest(deleted, [pieces()[1:3]], now_us=LATER_US + HOUR_US)
    assert trucks(deleted.root) == [2, 2, 1]
    assert check_store(deleted.root) == []
    with pytest.raises(StoreError, match="nothing to lift"):
        lift_deletion(deleted.root, NAME, T0_US + DAY_US)


def test_a_deleted_camera_leaves_names_of_files_and_a_note(store):
    seal = delete_camera(store.root, NAME, note="moved away", now_us=LATER_US)
    assert seal.is_whole_camera
    left = [p.relative_to(store.root) for p in store.root.rglob("*.parquet")]
    assert {p.parts[0] for p in left} == {"segments"}
    assert {r.status for r in store.segments(NAME)} == {"deleted"}
    assert check_store(store.root) == []
    truck = film([through(30)], 90)
    old, new = piece("e", truck), piece("n", truck, shift_us=LATER_US - T0_US + DAY_US)
    ingest(store, [[old], [new]], now_us=LATER_US + 2 * DAY_US)
    hours = pd.read_parquet(store.root / "hours")
    assert hours["n_trucks"].sum() == 1
    assert hours["revision"].max() == 1, "it begins anew"
    assert check_store(store.root) == []


@pytest.mark.parametrize("is_whole", [False, True], ids=["a day", "the camera"])
def test_clips_that_an_audit_cut_into_the_store_go_too(store, is_whole):
    from truckcount.cli.audit import CLIPS_FOLDER

    start = T0_US + DAY_US + HOUR_US
    window = AuditWindow(
        audit_id="a", camera=NAME, gate="main", direction="in", purpose="calibrate",
        stratum="0", window_start_us=start, window_end_us=start + HOUR_US, pi=0.1,
        n_frame=10, n_stratum=10, n_drawn=1, x_stratum=0, seed=1, frame_sha="f",
        x_machine=0, y_human=None, labeller=None, label_round=0, model_id="m",
        config_hash="c", drawn_at_us=start, known_at_us=start,
    )  # fmt: skip
    other = replace(window, window_start_us=T0_US, window_end_us=T0_US + HOUR_US)
    change_audits(store.root, NAME, lambda rows: [*rows, window, other])
    folder = store.root / CLIPS_FOLDER
    folder.mkdir()
    for one in (window, other):
        (folder / f"{one.clip}.mp4").write_bytes(b"picture")
    if is_whole:
        delete_camera(store.root, NAME, now_us=LATER_US)
    else:
        delete_day(store.root, NAME, T0_US + DAY_US, now_us=LATER_US)
    left = [] if is_whole else [f"{other.clip}.mp4"]
    assert [path.name for path in folder.iterdir()] == left
