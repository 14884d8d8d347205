"""Scores come back from the store as they went in, each moment once."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.counting.simulate import GATE, T0_US, film, scores_of, through
from tests.store.fill import segment
from truckcount.counting import CountingOptions, count_passages
from truckcount.domain.sample import FLAG_DARK
from truckcount.store import Store

DAY_US = 86_400_000_000
ALWAYS = (T0_US - 10 * DAY_US, T0_US + 10 * DAY_US)


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path)


def named(scores, name, shift_us=0):
    return replace(scores, segment_ids=(name,), t_us=scores.t_us + shift_us)


def read(store, won, window=ALWAYS, gate="main"):
    return store.read_scores("cam", gate, window, won)


def test_scores_come_back_bit_by_bit_and_count_the_same(store):
    scores = film([through(2), through(9, sign=-1)], 20, seed=4, miss=0.2)
    scores.quality_flags[30:40] = FLAG_DARK
    store.write_scores("cam", {"main": scores}, "h")
    back = read(store, {"s": [ALWAYS]})
    assert back == scores
    options = CountingOptions()
    assert count_passages(back, GATE, options) == count_passages(scores, GATE, options)


box = st.tuples(*[st.floats(0, 1)] * 5)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(box, max_size=3), min_size=1, max_size=12))
def test_any_peaks_come_back(tmp_path_factory, rows):
    store = Store.open(tmp_path_factory.mktemp("store"))
    scores = scores_of(rows)
    store.write_scores("cam", {"main": scores}, "h")
    assert read(store, {"s": [ALWAYS]}) == scores


def test_midnight_divides_files_not_scores(store):
    scores = named(film([through(2)], 20), "s", -10_000_000)
    store.write_scores("cam", {"main": scores}, "h")
    names = [p.name for p in sorted((store.root / "scores" / "cam").iterdir())]
    assert names == ["2025-12-31.parquet", "2026-01-01.parquet"]
    assert read(store, {"s": [ALWAYS]}) == scores


def test_a_window_and_won_times_choose_the_samples(store):
    a, b = named(film([], 20), "a"), named(film([], 20), "b", 10_100_000)
    store.write_scores("cam", {"main": a}, "h")
    store.write_scores("cam", {"main": b}, "h")
    ends = (T0_US, T0_US + 20_000_000, T0_US + 40_000_000)
    both = read(store, {"a": [ends[:2]], "b": [ends[1:]]})
    assert np.all(np.diff(both.t_us) > 0)
    assert len(both) == 100 + 50
    t_s = (both.t_us - T0_US) / 1e6
    ids = np.array(both.segment_ids)[both.segment]
    assert set(ids[t_s < 20]) == {"a"}
    assert set(ids[t_s >= 20]) == {"b"}
    inner = read(store, {"a": [ALWAYS]}, (T0_US + 1_000_000, T0_US + 2_000_000))
    assert inner.t_us.tolist() == a.t_us[5:10].tolist()


def test_a_segment_scored_again_replaces_its_rows_alone(store):
    a, b = named(film([], 4), "a"), named(film([], 4), "b", 5_000_000)
    for scores in (a, b):
        store.write_scores("cam", {"main": scores, "other": scores}, "h")
    better = named(film([through(0)], 4), "a")
    store.write_scores("cam", {"main": better, "other": better}, "h2")
    assert read(store, {"a": [ALWAYS]}) == better
    assert read(store, {"b": [ALWAYS]}) == b
    frame = pd.read_parquet(store.root / "scores")
    assert frame.groupby("config_hash")["segment_id"].unique().to_dict() == {
        "h": ["b"], "h2": ["a"],
    }  # fmt: skip


def test_stored_scores_are_found_by_their_hash(store):
    store.write_scores("cam", {"main": named(film([], 4), "a")}, "h")
    record = segment(segment_id="a", config_hash="h")
    assert store.has_scores("cam", record, "h")
    assert not store.has_scores("cam", record, "h2")
    assert not store.has_scores("cam", replace(record, segment_id="b"), "h")
    assert not store.has_scores("cam", replace(record, start_us=None), "h")
    assert not store.has_scores("other", record, "h")


def test_scores_of_two_models_are_no_scores(store):
    """A run with other weights was killed between the days of one file."""
    scores = named(film([], 20), "a", -10_000_000)
    record = segment(segment_id="a", config_hash="h")
    record = replace(record, start_us=T0_US - 10_000_000, end_us=T0_US + 10_000_000)
    store.write_scores("cam", {"main": scores}, "h")
    assert store.has_scores("cam", record, "h")
    store.write_scores("cam", {"main": scores[:50]}, "h2")
    assert not store.has_scores("cam", record, "h")


def test_an_empty_store_has_no_scores(store):
    assert len(read(store, {"a": [ALWAYS]})) == 0
    store.write_scores("cam", {"main": film([], 4)[:0]}, "h")
    assert not (store.root / "scores").exists()


def test_columns_tell_presence_and_exposure(store):
    scores = film([through(2)], 10)
    scores.quality_flags[-5:] = FLAG_DARK
    store.write_scores("cam", {"main": scores}, "h")
    frame = pd.read_parquet(store.root / "scores")
    assert set(frame["state"]) == {-1, 0, 1}
    assert (frame["state"] == 1).sum() == (scores.score_u8 >= 128).sum()
    assert (frame["state"] == -1).sum() == 5
    assert frame["dt_s"].to_numpy() == pytest.approx(0.2)
    assert str(frame["n_present"].dtype) == "Int16"
