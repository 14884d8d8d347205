"""Bins a camera once got go on with its hours, whoever publishes these."""

from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest

from tests.counting.simulate import T0_US, film, through
from tests.pipeline.pieces import CAMERA, HOUR_US, ingest, piece
from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.restating.restatement import restate_store
from truckcount.pipeline.restating.store_recount import RecountOptions, recount_store
from truckcount.pipeline.run import run_paths
from truckcount.pipeline.unattended.run_new import run_new
from truckcount.pipeline.unattended.watch import Watch, WatchOptions
from truckcount.store import Store
from truckcount.store.check import check_store
from truckcount.store.deletion import delete_day, lift_deletion
from truckcount.store.layout import from_us, to_us

SUMMED = ["n_trucks", "coverage_s", "n_samples"]
DAY_US = to_us(datetime(2026, 3, 2, tzinfo=UTC))


def bins_of_each_hour(root, minutes):
    """Trucks by hour; each hour has all of its bins, and they sum to it."""
    assert check_store(root) == []
    hours = pd.read_parquet(root / "hours")
    bins = pd.read_parquet(root / f"bins_{minutes:02d}")
    bins["hour_start_utc"] = bins["bin_start_utc"].dt.floor("h")
    key = ["gate", "direction", "hour_start_utc"]
    groups = bins.groupby(key)
    assert groups.size().to_dict() == dict.fromkeys(
        hours.set_index(key).index, 60 // minutes
    )
    sums = groups[SUMMED].sum(min_count=1)
    wanted = hours.set_index(key)[SUMMED].sort_index()
    pd.testing.assert_frame_equal(sums, wanted, check_dtype=False, atol=1e-3)
    trucks = hours.groupby("hour_start_utc")["n_trucks"].sum(min_count=1)
    return [None if pd.isna(n) else int(n) for n in trucks.sort_index()]


@pytest.fixture(scope="module")
def recordings(tmp_path_factory):
    """One truck at 08:05, two at 08:20, one at 11:00; model and options."""
    folder = tmp_path_factory.mktemp("rec")
    trucks = {"080500": {1.0: 1}, "082000": {1.0: 1, 3.0: -1}, "110000": {1.0: 1}}
    for time, crossing in trucks.items():
        write_traffic(folder / f"dock_20260302T{time}Z.mp4", crossing)
    return folder, write_red_model(tmp_path_factory.mktemp("model"))


class Desk:
    """A store that got bins of a quarter with its first file alone."""

    def __init__(self, recordings, folder):
        films, model = recordings
        self.inbox, self.root = folder / "inbox", folder / "store"
        self.inbox.mkdir()
        self._films = films
        self.options = RunOptions(store=self.root, model=model)
        run_paths([self.offer("080500")], replace(self.options, bins=15))
        assert self.trucks() == [1]

    def offer(self, time):
        name = f"dock_20260302T{time}Z.mp4"
        (self.inbox / name).hardlink_to(self._films / name)
        return str(self.inbox / name)

    def trucks(self):
        return bins_of_each_hour(self.root, 15)


@pytest.fixture
def desk(recordings, tmp_path):
    return Desk(recordings, tmp_path)


@pytest.mark.video
def test_a_late_file_and_an_outage_are_in_the_bins(desk):
    run_paths([desk.offer("082000")], desk.options)
    assert desk.trucks() == [3]
    run_paths([desk.offer("110000")], desk.options)
    assert desk.trucks() == [3, None, None, 1]


@pytest.mark.video
def test_other_bins_do_not_leave_the_first_behind(desk):
    run_paths([desk.offer("082000")], replace(desk.options, bins=5))
    assert desk.trucks() == [3]
    assert bins_of_each_hour(desk.root, 5) == [3]


@pytest.mark.video
def test_a_run_of_new_files_keeps_bins(desk):
    desk.offer("082000")
    run_new([str(desk.inbox)], desk.options)
    assert desk.trucks() == [3]


@pytest.mark.video
def test_a_watch_keeps_bins(desk):
    def hear(_result):
        raise KeyboardInterrupt  # as an operator does once the file is counted

    desk.offer("082000")
    watch = Watch([str(desk.inbox)], desk.options, WatchOptions(), heard=hear)
    with pytest.raises(KeyboardInterrupt):
        watch.run()
    assert desk.trucks() == [3]


@pytest.mark.video
def test_a_recount_keeps_bins(desk):
    run_paths([desk.offer("082000")], desk.options)
    strict = RecountOptions(thresholds=(("on_score", 0.99),))
    (done,) = recount_store(desk.root, desk.options, strict)
    assert done.comparison.sum_new < done.comparison.sum_old
    assert desk.trucks() == [done.comparison.sum_new]


@pytest.mark.video
def test_a_restatement_keeps_bins(desk):
    before = pd.read_parquet(desk.root / "bins_15")["n_samples"].sum()
    slow = replace(desk.options, sample_fps=4.0)
    (done,) = restate_store(desk.root, slow, is_published=True)
    assert (done.n_decoded, done.n_revisions) == (1, 1)
    assert desk.trucks() == [1]
    assert pd.read_parquet(desk.root / "bins_15")["n_samples"].sum() < before


@pytest.mark.video
def test_a_deleted_day_is_null_in_bins_and_counted_in_them_when_it_is_back(desk):
    late = desk.offer("082000")
    delete_day(desk.root, "dock", DAY_US)
    assert desk.trucks() == [None]
    lift_deletion(desk.root, "dock", DAY_US)
    run_paths([late], desk.options)
    assert desk.trucks() == [2]


@pytest.mark.parametrize("end_s", [100.0, 100.1, 1800.0])
def test_a_gate_that_ends_within_an_hour_keeps_its_bins_in_sum(tmp_path, end_s):
    """Its last sample stands for a moment beyond the end, perhaps in the next bin."""
    at_s = round(end_s - 50)
    one = piece("a", film([through(20)], 100), shift_us=at_s * 1_000_000)
    store = Store.open(tmp_path)
    ingest(store, [[one]], options=RunOptions(bins=5))
    gate = replace(CAMERA.gates[0], active_to_us=T0_US + round(end_s * 1e6))
    ended = replace(CAMERA, gates=(gate,))
    two = piece("b", film([], 10), shift_us=3 * HOUR_US // 4)
    ingest(store, [[two]], camera=ended)
    assert bins_of_each_hour(tmp_path, 5) == [1]


def test_a_camera_without_bins_gets_none(tmp_path):
    store = Store.open(tmp_path)
    ingest(store, [[piece("a", film([through(30)], 90))]], options=RunOptions(bins=15))
    other = replace(CAMERA, name="other")
    ingest(store, [[piece("b", film([through(30)], 90))]], camera=other)
    assert [p.name for p in (tmp_path / "bins_15").iterdir()] == ["dc-north"]
    assert store.kept_bins("other") == []


def test_bins_of_another_month_are_kept_too(tmp_path):
    store = Store.open(tmp_path)
    one, two = film([through(30)], 90), film([through(30), through(60)], 90)
    ingest(store, [[piece("a", one)]], options=RunOptions(bins=30))
    ingest(store, [[piece("b", two, shift_us=40 * 24 * HOUR_US)]])
    bins = pd.read_parquet(tmp_path / "bins_30")
    seen = bins[bins["n_trucks"] > 0]
    assert seen["bin_start_utc"].dt.month.nunique() == 2, from_us(T0_US)
    assert set(bins_of_each_hour(tmp_path, 30)) == {1, 2, None}
