"""The law in the store: any order and grouping of files gives the same tables."""

import itertools
import random
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.counting.simulate import GATE, T0_US, film, through
from tests.pipeline.pieces import CAMERA, HOUR_US, NOW_US, S_US, cut, ingest, piece
from truckcount.domain.scores import select_scores
from truckcount.errors import ConfigError
from truckcount.pipeline.config import RunOptions
from truckcount.store import Store
from truckcount.store.check import check_store

BOOKKEEPING = ["known_at_utc", "revision", "is_backfill"]
BEFORE_HOUR_US = -600 * S_US  # the day's film begins ten minutes before an hour
TRUCKS = [
    through(t, y, sign=sign)
    for t, y, sign in [
        (20, 0.4, 1), (80, 0.6, -1), (199, 0.4, 1), (260, 0.6, -1), (398, 0.5, 1),
        (598, 0.4, 1), (640, 0.6, -1), (799, 0.5, -1), (998, 0.4, 1), (1100, 0.5, 1),
    ]
]  # fmt: skip
DAY = film(TRUCKS, 1200, seed=3, miss=0.1)
EDGES = [0, 1000, 2000, 3001, 4003, 5000, 6000]  # with trucks on most of the cuts


def six_pieces():
    return cut(DAY, EDGES, shift_us=BEFORE_HOUR_US)


def read(store, table):
    return pd.read_parquet(store.root / table)


def tables(store):
    """Passages and hours less what tells when and by which run they were written."""
    passages = read(store, "passages").drop(columns="known_at_utc")
    hours = read(store, "hours").drop(columns=BOOKKEEPING)
    return passages.reset_index(drop=True), hours.reset_index(drop=True)


def latest_shas(store):
    history = read(store, "history").sort_values("revision")
    key = ["gate", "direction", "hour_start_utc"]
    return set(history.drop_duplicates(key, keep="last")["payload_sha"])


def assert_same(a, b):
    for ours, theirs in zip(tables(a), tables(b), strict=True):
        pd.testing.assert_frame_equal(ours, theirs)
    assert latest_shas(a) == latest_shas(b)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The day as one run over one file would have it, but in six files."""
    store = Store.open(tmp_path_factory.mktemp("whole"))
    ingest(store, [six_pieces()])
    return store


def test_the_day_is_counted(whole):
    hours = read(whole, "hours")
    assert hours["n_trucks"].sum() == len(TRUCKS)
    by_hour = hours.groupby("hour_start_utc")["n_trucks"].sum()
    assert by_hour.tolist() == [6, 4], "the onset decides, not the end"
    assert set(hours["direction"]) == {"in", "out", "unknown"}
    assert check_store(whole.root) == []


@pytest.mark.parametrize("seed", range(5))
def test_any_order_and_grouping_of_pieces_gives_the_same_tables(tmp_path, whole, seed):
    rng = random.Random(seed)
    pieces = six_pieces()
    rng.shuffle(pieces)
    edges = sorted({0, len(pieces), *rng.choices(range(7), k=seed)})
    store = Store.open(tmp_path)
    ingest(store, [pieces[a:b] for a, b in itertools.pairwise(edges)])
    assert_same(store, whole)
    assert check_store(store.root) == []


def test_one_file_or_six_give_the_same_hours(tmp_path, whole):
    store = Store.open(tmp_path)
    ingest(store, [[piece("day", DAY, shift_us=BEFORE_HOUR_US)]])
    ours, theirs = tables(store), tables(whole)
    pd.testing.assert_frame_equal(ours[1], theirs[1])
    ids = ["segment_id_onset", "segment_id_offset"]
    pd.testing.assert_frame_equal(
        ours[0].drop(columns=ids), theirs[0].drop(columns=ids)
    )


def test_a_late_piece_fills_in_and_leaves_a_trace(tmp_path, whole):
    store = Store.open(tmp_path)
    pieces = six_pieces()
    ingest(store, [pieces[:2] + pieces[3:]])
    before = read(store, "hours")
    assert before["n_trucks"].sum() < len(TRUCKS)
    ingest(store, [[pieces[2]]], now_us=NOW_US + HOUR_US)
    assert_same(store, whole)
    history = read(store, "history")
    assert set(history["cause"]) == {"first", "late_segment"}
    first = history[history["revision"] == 1]
    kept = first[before.columns].sort_values(["direction", "hour_start_utc"])
    pd.testing.assert_frame_equal(
        kept.reset_index(drop=True),
        before.sort_values(["direction", "hour_start_utc"]).reset_index(drop=True),
    )


def test_publishing_again_changes_no_byte(tmp_path):
    store = Store.open(tmp_path)
    ingest(store, [six_pieces()])
    files = {
        p: (p.stat().st_mtime_ns, p.read_bytes()) for p in tmp_path.rglob("*.parquet")
    }
    ingest(store, [six_pieces()[2:4], six_pieces()], now_us=NOW_US + 60 * S_US)
    assert files == {
        p: (p.stat().st_mtime_ns, p.read_bytes()) for p in tmp_path.rglob("*.parquet")
    }


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_files_that_overlap_count_a_truck_once(tmp_path, order):
    """09:00-09:20 and 09:15-09:35 with three trucks in both."""
    trucks = [through(t) for t in (100, 950, 1020, 1150, 1800)]
    both = film(trucks, 2100, seed=1)
    again = film(trucks, 2100, seed=2)  # the same scene, coded and scored otherwise
    files = [piece("a", both[:6000]), piece("b", again[4500:])]
    store = Store.open(tmp_path)
    ingest(store, [[files[i]] for i in order])
    hours = read(store, "hours")
    assert hours["n_trucks"].sum() == 5
    assert hours["coverage_s"].unique() == pytest.approx([2100])
    assert check_store(store.root) == []


def test_a_copy_with_other_bytes_changes_nothing(tmp_path, whole):
    store = Store.open(tmp_path)
    ingest(store, [six_pieces()])
    copy = piece("zz-remuxed", DAY[1000:2000], shift_us=BEFORE_HOUR_US)
    ingest(store, [[copy]])
    assert_same(store, whole)


def test_a_hole_is_missing_coverage_and_an_unwatched_hour_is_null(tmp_path):
    store = Store.open(tmp_path)
    late = film([through(30)], 120)
    ingest(store, [[piece("a", film([through(30)], 900))]])
    ingest(store, [[piece("b", late, shift_us=3 * HOUR_US + 600 * S_US)]])
    hours = read(store, "hours")
    hours = hours[hours["direction"] == "in"].sort_values("hour_start_utc")
    assert hours["n_trucks"].tolist() == [1, pd.NA, pd.NA, 1]
    assert hours["coverage_s"].tolist() == pytest.approx([900, 0, 0, 120])
    assert hours["max_gap_s"].tolist() == pytest.approx([2700, 3600, 3600, 2880])
    assert hours["n_trucks_est"].isna().tolist() == [False, True, True, True]


def test_filling_an_outage_gives_what_no_outage_gave(tmp_path):
    files = [
        piece(name, film([through(30)], 120), shift_us=hour * HOUR_US)
        for name, hour in [("a", 0), ("b", 2), ("c", 5)]
    ]
    stores = [Store.open(tmp_path / name) for name in ("forth", "back", "once")]
    ingest(stores[0], [[f] for f in files])
    ingest(stores[1], [[files[2]], [files[0]], [files[1]]])
    ingest(stores[2], [files])
    assert_same(stores[0], stores[2])
    assert_same(stores[1], stores[2])
    assert len(read(stores[2], "hours")) == 6 * 3


@pytest.mark.parametrize("minutes", [5, 15, 30])
def test_finer_bins_add_up_to_the_hours(tmp_path, minutes):
    store = Store.open(tmp_path)
    ingest(store, [[p] for p in six_pieces()], options=RunOptions(bins=minutes))
    hours, bins = read(store, "hours"), read(store, f"bins_{minutes:02d}")
    assert len(bins) == len(hours) * 60 // minutes
    bins["hour_start_utc"] = bins["bin_start_utc"].dt.floor("h")
    key = ["gate", "direction", "hour_start_utc"]
    columns = ["n_trucks", "coverage_s", "unusable_s", "n_samples", "onsets"]
    for column in columns:
        sums = bins.groupby(key)[column].sum(min_count=1)
        want = hours.set_index(key)[column]
        assert sums.astype(float).to_dict() == pytest.approx(
            want.astype(float).to_dict()
        )


def test_a_new_threshold_is_a_revision_of_cause_config(tmp_path):
    store = Store.open(tmp_path)
    ingest(store, [six_pieces()])
    strict = replace(CAMERA, gates=(replace(GATE, thresholds=(("on_score", 0.99),)),))
    ingest(store, [six_pieces()], camera=strict, now_us=NOW_US + HOUR_US)
    history = read(store, "history")
    assert set(history[history["revision"] == 2]["cause"]) == {"config"}
    assert read(store, "hours")["n_trucks"].sum() == 0
    assert not read(store, "passages")["is_counted"].any()
    assert check_store(store.root) == []


def test_a_threshold_that_ends_every_track_between_two_samples_is_refused(tmp_path):
    store = Store.open(tmp_path / "store")
    hasty = replace(GATE, thresholds=(("fill_s", 0.1),))
    with pytest.raises(ConfigError, match=r"not seen for 0\.1 s is lost"):
        ingest(store, [six_pieces()], camera=replace(CAMERA, gates=(hasty,)))
    assert not (store.root / "hours").exists()


def test_many_runs_within_a_minute_do_not_run_ahead_of_the_clock(tmp_path):
    store = Store.open(tmp_path)
    ingest(store, [[p] for p in six_pieces()])
    history = read(store, "history")
    assert history["revision"].max() >= 3
    ahead = history["known_at_utc"] - pd.Timestamp(NOW_US, unit="us", tz="UTC")
    assert ahead.max() <= pd.Timedelta(minutes=2)
    chains = history.sort_values("revision").groupby(["direction", "hour_start_utc"])
    assert all(chain["known_at_utc"].is_monotonic_increasing for _, chain in chains)
    assert all(chain["known_at_utc"].is_unique for _, chain in chains)


def test_stills_have_samples_but_no_onsets(tmp_path):
    store = Store.open(tmp_path)
    camera = replace(CAMERA, source_kind="stills")
    every_20_s = np.arange(len(DAY)) % 100 == 0
    ingest(store, [[piece("a", select_scores(DAY, every_20_s))]], camera=camera)
    hours = read(store, "hours")
    assert hours["n_trucks"].isna().all()
    assert (hours["n_samples"] > 0).all()
    assert check_store(store.root) == []


def test_local_time_is_that_of_the_site(whole):
    hours = read(whole, "hours")
    assert set(hours["utc_offset_min"]) == {-360}
    shift = hours["hour_start_utc"].dt.tz_localize(None) - hours["local_start"]
    assert set(shift) == {pd.Timedelta(hours=6)}
    assert set(hours["local_dow"]) == {2}, "2025-12-31 in Chicago, a Wednesday"
    assert pd.Timestamp(T0_US, unit="us").day_name() == "Thursday"
