"""A change is recounted as far as it reaches, and no farther: the law at any length."""

import random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.counting.simulate import T0_US, film, through
from tests.pipeline.counts.test_recount import assert_same
from tests.pipeline.pieces import (
    CAMERA,
    DIGEST,
    HOUR_US,
    NOW_US,
    S_US,
    WEIGHTS,
    cut,
    ingest,
)
from truckcount.counting import CountingOptions, count_passages
from truckcount.domain.scores import select_scores
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.counts.camera_counter import CameraCounter
from truckcount.pipeline.counts.windows import quiet_cuts, split_days, whole_segments
from truckcount.store import Store
from truckcount.store.check import check_store

OPTIONS = CountingOptions()
GATE = CAMERA.gates[0]
N_HOURS = 2
TIMES = [20, 300, 1400, 3598, 3900, 4000, 7100]
FILM = film(
    [through(t, sign=1 - 2 * (t % 2)) for t in TIMES], 3600 * N_HOURS, miss=0.05
)
EDGES = [*range(0, len(FILM), 4500), len(FILM)]  # a file each quarter of an hour


def quarters():
    return cut(FILM, EDGES)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    store = Store.open(tmp_path_factory.mktemp("whole"))
    ingest(store, [quarters()])
    return store


def test_the_film_is_counted(whole):
    hours = pd.read_parquet(whole.root / "hours")
    assert hours["n_trucks"].sum() == len(TIMES)
    assert hours["coverage_s"].tolist() == pytest.approx([3600] * 3 * N_HOURS, abs=0.3)


@pytest.mark.parametrize("seed", range(3))
def test_files_of_one_long_stretch_in_any_order_give_the_same(tmp_path, whole, seed):
    rng = random.Random(seed)
    pieces = quarters()
    rng.shuffle(pieces)
    store = Store.open(tmp_path)
    ingest(store, [pieces[k : k + 2] for k in range(0, len(pieces), 2)])
    assert_same(store, whole)
    assert check_store(store.root) == []


def counter_of(store):
    return CameraCounter(
        store,
        CAMERA,
        store.segments(CAMERA.name),
        weights=WEIGHTS,
        options=RunOptions(),
        seals=store.seals(CAMERA.name),
    )


def test_a_new_file_is_counted_with_its_hour_and_not_with_the_day_before_it(whole):
    last = quarters()[-1].record
    (window,) = counter_of(whole).windows([(last.start_us, last.end_us)])
    assert window == (T0_US + HOUR_US, T0_US + 2 * HOUR_US)


def test_a_truck_in_the_way_widens_the_window(whole):
    """At 0:59:59 one is under way: the file from 1:00 on may change hour 0."""
    fifth = quarters()[4].record
    assert fifth.start_us == T0_US + HOUR_US
    (window,) = counter_of(whole).windows([(fifth.start_us, fifth.end_us)])
    assert window == (T0_US, T0_US + 2 * HOUR_US)


@settings(max_examples=25)
@given(st.data())
def test_counting_from_any_quiet_cut_on_gives_the_same_passages(data):
    times = data.draw(st.lists(st.integers(0, 500), min_size=1, max_size=6))
    scores = film([through(t) for t in times], 560, seed=sum(times), miss=0.1)
    every = count_passages(scores, GATE, OPTIONS)
    cuts = quiet_cuts(scores, OPTIONS)
    for low, high in cuts:
        for moment in {low, (low + high) // 2, high}:
            k = int(np.searchsorted(scores.t_us, moment))
            after = [p for p in every if p.onset_us >= moment]
            before = [p for p in every if p.onset_us < moment]
            found = count_passages(scores[k:], GATE, OPTIONS)
            assert [p.onset_us for p in found] == [p.onset_us for p in after]
            assert found == after
            assert count_passages(scores[:k], GATE, OPTIONS) == before


def test_a_road_that_is_never_quiet_has_no_cut():
    scores = film([through(t) for t in range(0, 300, 20)], 300)
    assert quiet_cuts(scores, OPTIONS) == []
    assert quiet_cuts(scores[:0], OPTIONS) == []


def test_a_gap_is_a_cut_whatever_stood_there():
    scores = film([through(0, seconds=60)], 60)
    keep = (scores.t_us < T0_US + 20 * S_US) | (scores.t_us >= T0_US + 30 * S_US)
    ((low, high),) = quiet_cuts(select_scores(scores, keep), OPTIONS)
    assert T0_US + 19 * S_US < low < high == T0_US + 30 * S_US


def test_days_part_a_window_and_segments_stay_whole(whole):
    assert split_days((T0_US - HOUR_US, T0_US + 25 * HOUR_US)) == [
        (T0_US - HOUR_US, T0_US),
        (T0_US, T0_US + 24 * HOUR_US),
        (T0_US + 24 * HOUR_US, T0_US + 25 * HOUR_US),
    ]
    spans = counter_of(whole).spans.around(T0_US, T0_US + 24 * HOUR_US)
    low, high = whole_segments(spans, spans[1].start_us + 5, spans[2].start_us + 5, 0)
    assert (low, high) == (spans[1].start_us, spans[2].end_us)


def test_the_digest_of_the_pieces_is_that_of_the_store(whole):
    assert whole.has_scores(CAMERA.name, quarters()[0].record, DIGEST)
    assert NOW_US > T0_US
