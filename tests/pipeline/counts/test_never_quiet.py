"""A road that is never quiet: counted as one fold, at a cost that does not grow."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.counting.simulate import GATE, T0_US, film, through
from tests.pipeline.counts.test_recount import assert_same
from tests.pipeline.pieces import (
    CAMERA,
    DIGEST,
    HOUR_US,
    S_US,
    WEIGHTS,
    cut,
    ingest,
    piece,
)
from truckcount.counting import CountingOptions, GateCounter, count_passages
from truckcount.counting.coverage import BusyCounter
from truckcount.counting.fold import GateFold
from truckcount.domain.scores import concat_scores, select_scores
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.counts.camera_counter import CameraCounter
from truckcount.pipeline.counts.windows import quiet_cuts
from truckcount.store import Store
from truckcount.store.check import check_store
from truckcount.store.deletion import delete_day
from truckcount.store.fold_states import FoldStates, states_path

SLOWLY = RunOptions(sample_fps=0.5)  # a long film of few samples
FOUND = (("fill_s", 2.5), ("seam_s", 5.0))
ROAD = replace(CAMERA, gates=(replace(GATE, thresholds=FOUND),))
COUNTING = CountingOptions().with_overrides(FOUND)
PERIOD_S, N_PERIODS = 600, 26  # 4 h 20 min: longer than a quiet moment is looked for
START_US = T0_US + 21 * HOUR_US  # so that midnight lies within


def never_quiet():
    """A truck enters every 50 s and takes 60: there is always one in view."""
    trucks = [
        through(t, 0.3 + 0.4 * (t // 50 % 2), seconds=60.0, sign=1 - 2 * (t // 50 % 2))
        for t in range(-50, PERIOD_S + 50, 50)
    ]
    period = film(trucks, PERIOD_S, seed=5)
    thin = select_scores(period, np.arange(len(period)) % 10 == 0)
    parts = [
        replace(thin, t_us=thin.t_us - T0_US + START_US + k * PERIOD_S * S_US)
        for k in range(N_PERIODS)
    ]
    return concat_scores(parts)


FILM = never_quiet()
N = len(FILM)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    store = Store.open(tmp_path_factory.mktemp("whole"))
    ingest(store, [cut(FILM, [0, N])], camera=ROAD, options=SLOWLY)
    return store


def test_the_road_has_no_quiet_moment_and_all_its_trucks_are_counted(whole):
    assert quiet_cuts(FILM, COUNTING) == []
    found = count_passages(FILM, ROAD.gates[0], COUNTING)
    hours = pd.read_parquet(whole.root / "hours")
    assert hours["n_trucks"].sum() == sum(p.is_counted for p in found)
    assert hours["n_trucks"].sum() == pytest.approx(N * 2 / 50, abs=2)


def without_ids(store):
    """Passages and hours less what tells which file they came from, and when."""
    ids = ["segment_id_onset", "segment_id_offset", "known_at_utc"]
    passages = pd.read_parquet(store.root / "passages").drop(columns=ids)
    dull = ["known_at_utc", "revision", "is_backfill"]
    hours = pd.read_parquet(store.root / "hours").drop(columns=dull)
    return passages.reset_index(drop=True), hours.reset_index(drop=True)


@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(st.integers(1, N - 2), min_size=2, max_size=5, unique=True),
    st.randoms(use_true_random=False),
    st.integers(1, 3),
)
def test_any_split_in_any_order_gives_the_same(
    tmp_path_factory, whole, edges, rng, at_once
):
    files = cut(FILM, [0, *sorted(edges), N])
    if rng.random() < 0.5:
        rng.shuffle(files)
    store = Store.open(tmp_path_factory.mktemp("split"))
    groups = [files[k : k + at_once] for k in range(0, len(files), at_once)]
    ingest(store, groups, camera=ROAD, options=SLOWLY)
    for ours, theirs in zip(without_ids(store), without_ids(whole), strict=True):
        pd.testing.assert_frame_equal(ours, theirs)
    assert check_store(store.root) == []


def files_in_order():
    return cut(FILM, [*range(0, N, 660), N])


def counter_of(store, states=None):
    return CameraCounter(
        store,
        ROAD,
        store.segments(CAMERA.name),
        weights=WEIGHTS,
        options=SLOWLY,
        seals=store.seals(CAMERA.name),
        states=states,
    )


@pytest.fixture(scope="module")
def in_order(tmp_path_factory):
    """The same film as a recorder writes it: twelve files of 22 minutes."""
    store = Store.open(tmp_path_factory.mktemp("in_order"))
    ingest(store, [[one] for one in files_in_order()], camera=ROAD, options=SLOWLY)
    return store


def test_a_new_file_costs_its_hour_and_not_the_day_before_it(in_order):
    last = files_in_order()[-1].record
    states = FoldStates(in_order.root, CAMERA.name)
    (window,) = counter_of(in_order, states).windows([(last.start_us, last.end_us)])
    assert window[1] - window[0] <= 2 * HOUR_US
    (window,) = counter_of(in_order).windows([(last.start_us, last.end_us)])
    assert window[0] == START_US, "without what is kept, all of it"


def sight(state):
    """A state less the names of files, and the numbers that only order tracks."""
    tracks = [
        [one["n_obs"], one["sum_p"], [seen[:-1] for seen in one["obs"]]]
        for one in state["counter"]["tracks"]
    ]
    return json.loads(json.dumps([state["since_us"], tracks, state["busy"]]))


def assert_states_are_those_of_the_whole(store, scores):
    rows = json.loads(states_path(store.root, CAMERA.name).read_bytes())["rows"]
    assert rows
    fold = GateFold(
        GateCounter(ROAD.gates[0], COUNTING, 1280 / 720), BusyCounter(COUNTING)
    )
    fold.process(scores, sorted(row["at_us"] for row in rows))
    for row in rows:
        assert sight(row["state"]) == sight(fold.states[row["at_us"]])


def test_what_is_kept_is_the_state_of_the_whole_fold(in_order, tmp_path):
    assert_states_are_those_of_the_whole(in_order, FILM)
    # quiet for a while at 0:55: a file of an hour lies across it
    at = (FILM.t_us - START_US) / S_US
    quiet = select_scores(FILM, (at < 3300) | (at >= 3420))
    store = Store.open(tmp_path)
    files = cut(quiet, [0, 1600, 3200, len(quiet)])
    ingest(store, [[one] for one in files], camera=ROAD, options=SLOWLY)
    assert_states_are_those_of_the_whole(store, quiet)


def test_files_in_order_give_what_one_file_gives(in_order, whole):
    for ours, theirs in zip(without_ids(in_order), without_ids(whole), strict=True):
        pd.testing.assert_frame_equal(ours, theirs)


def test_a_truck_that_stands_there_for_hours_is_counted_in_its_hour(tmp_path):
    """Its passage ends when it leaves: the hour it came in is counted again."""
    scene = replace(FILM)
    n = len(scene)
    standing = np.zeros(n, scene.peaks.dtype)
    share = 65535
    standing["x"], standing["y"] = 0.5 * share, 0.75 * share
    standing["w"], standing["h"], standing["p"] = 0.1 * share, 0.05 * share, 200
    came, left = 500, n - 750
    drive = np.linspace(-0.05, 0.5, 20)
    standing["x"][came : came + 20] = np.clip(drive, 0, 1) * share
    standing["x"][left : left + 20] = np.linspace(0.5, 1.0, 20) * share
    is_there = (np.arange(n) >= came) & (np.arange(n) < left + 20)
    order = np.argsort(
        np.concatenate([np.repeat(np.arange(n), np.diff(scene.peak_start)),
                        np.arange(n)[is_there]]), kind="stable",
    )  # fmt: skip
    scene = replace(
        scene,
        peaks=np.concatenate([scene.peaks, standing[is_there]])[order],
        peak_start=scene.peak_start + np.concatenate([[0], np.cumsum(is_there)]),
    )
    stores = [Store.open(tmp_path / name) for name in ("once", "parts")]
    edges = [*range(0, n, 1320), n]
    ingest(stores[0], [cut(scene, edges)], camera=ROAD, options=SLOWLY)
    ingest(stores[1], [[one] for one in cut(scene, edges)], camera=ROAD, options=SLOWLY)
    assert_same(stores[0], stores[1])
    found = count_passages(scene, ROAD.gates[0], COUNTING)
    longest = max(found, key=lambda p: p.offset_us - p.onset_us)
    assert longest.offset_us - longest.onset_us > 2 * HOUR_US
    stored = pd.read_parquet(stores[1].root / "passages")
    assert stored["dwell_s"].max() == pytest.approx(longest.dwell_s)


def test_a_late_file_changes_what_follows_as_if_it_had_come_in_time(tmp_path, whole):
    files = files_in_order()
    late = files.pop(6)
    store = Store.open(tmp_path)
    ingest(store, [[one] for one in files], camera=ROAD, options=SLOWLY)
    ingest(store, [[late]], camera=ROAD, options=SLOWLY)
    for ours, theirs in zip(without_ids(store), without_ids(whole), strict=True):
        pd.testing.assert_frame_equal(ours, theirs)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b"{"),
        lambda path: path.write_bytes(
            json.dumps(json.loads(path.read_bytes()) | {"format": 0}).encode()
        ),
    ],
    ids=["lost", "cut short", "of another version"],
)
def test_what_is_kept_may_be_lost(tmp_path, whole, spoil):
    store = Store.open(tmp_path)
    files = files_in_order()
    ingest(store, [[one] for one in files[:-2]], camera=ROAD, options=SLOWLY)
    spoil(states_path(store.root, CAMERA.name))
    ingest(store, [[one] for one in files[-2:]], camera=ROAD, options=SLOWLY)
    for ours, theirs in zip(without_ids(store), without_ids(whole), strict=True):
        pd.testing.assert_frame_equal(ours, theirs)


def test_what_is_kept_is_void_when_scores_were_changed_by_others(tmp_path):
    """As by a killed run, an older truckcount, or a restored backup."""
    store = Store.open(tmp_path)
    files = files_in_order()
    ingest(store, [[one] for one in files[:-1]], camera=ROAD, options=SLOWLY)
    assert FoldStates(store.root, CAMERA.name).find(*first_state(store))
    kept = states_path(store.root, CAMERA.name).read_bytes()
    other = replace(files[5].scores, score_u8=files[5].scores.score_u8 // 2)
    store.write_scores(CAMERA.name, {GATE.name: other}, DIGEST)
    states_path(store.root, CAMERA.name).write_bytes(kept)
    assert FoldStates(store.root, CAMERA.name).find(*first_state(store)) is None


def test_new_scores_leave_the_states_before_them(tmp_path):
    store = Store.open(tmp_path)
    files = files_in_order()
    ingest(store, [[one] for one in files[:-1]], camera=ROAD, options=SLOWLY)
    rows = json.loads(states_path(store.root, CAMERA.name).read_bytes())["rows"]
    at = sorted(row["at_us"] for row in rows)
    again = files[-3]
    store.write_scores(CAMERA.name, {GATE.name: again.scores}, DIGEST)
    states = FoldStates(store.root, CAMERA.name)
    found = states.find(GATE.name, rows[0]["key"], 2**62)
    assert found is not None
    assert found[0] == max(t for t in at if t <= again.record.start_us)
    assert found[0] < at[-1]


def first_state(store):
    row = json.loads(states_path(store.root, CAMERA.name).read_bytes())["rows"][0]
    return row["gate"], row["key"], 2**62


def test_a_deleted_day_leaves_no_state(tmp_path):
    store = Store.open(tmp_path)
    ingest(store, [[one] for one in files_in_order()], camera=ROAD, options=SLOWLY)
    path = states_path(store.root, CAMERA.name)
    assert path.exists()
    delete_day(store.root, CAMERA.name, T0_US)
    assert not path.exists()


def test_a_quiet_road_keeps_no_state(tmp_path):
    quiet = [piece(f"q{k}", film([through(30)], 60), shift_us=k * 60 * S_US)
             for k in range(4)]  # fmt: skip
    store = Store.open(tmp_path)
    ingest(store, [[one] for one in quiet])
    assert not states_path(store.root, CAMERA.name).exists()
