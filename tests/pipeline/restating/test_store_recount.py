"""Counting again what is stored: what changes is shown, revised, and nothing else."""

from dataclasses import replace

import pandas as pd
import pytest

from tests.counting.simulate import film, through
from tests.pipeline.pieces import CAMERA, HOUR_US, NOW_US, WEIGHTS, ingest, piece
from truckcount.errors import ConfigError
from truckcount.pipeline.config import RunOptions, scoring_hash
from truckcount.pipeline.restating import store_recount
from truckcount.pipeline.restating.store_recount import RecountOptions, recount_store
from truckcount.store import Store
from truckcount.store.check import check_store

WHOLE = replace(CAMERA, gates=(replace(CAMERA.gates[0], name="frame"),))


@pytest.fixture
def store(tmp_path, monkeypatch):
    """Three hours with 2, 1 and 0 weak trucks, and one strong each."""
    monkeypatch.setattr(store_recount, "find_weights", lambda _: WEIGHTS)
    monkeypatch.setattr(store_recount, "known_camera", lambda _book, _name: WHOLE)
    monkeypatch.setattr(
        "tests.pipeline.pieces.DIGEST",
        scoring_hash(WHOLE, WEIGHTS.model_id, RunOptions()),
    )
    store = Store.open(tmp_path / "store")
    digest = scoring_hash(WHOLE, WEIGHTS.model_id, RunOptions())
    files = []
    for k, n_weak in enumerate((2, 1, 0)):
        trucks = [through(10), *(through(20 + 10 * i, p=0.65) for i in range(n_weak))]
        one = piece(f"f{k}", film(trucks, 60), shift_us=k * HOUR_US)
        files.append(replace(one, record=replace(one.record, config_hash=digest)))
    ingest(store, [files], camera=WHOLE, now_us=NOW_US)
    return store


def trucks(store):
    frame = pd.read_parquet(store.root / "hours")
    return frame.groupby("hour_start_utc")["n_trucks"].sum().tolist()


def recount(store, **options):
    return recount_store(
        store.root, RunOptions(store=store.root), RecountOptions(**options)
    )


STRICT = (("on_score", 0.85), ("track_score", 0.75))


def test_a_higher_threshold_is_shown_and_then_revised(store):
    assert trucks(store) == [3, 2, 1]
    (dry,) = recount(store, thresholds=STRICT, is_dry_run=True)
    assert trucks(store) == [3, 2, 1]
    (done,) = recount(store, thresholds=STRICT)
    assert dry.comparison == done.comparison
    assert (dry.n_revisions, done.n_revisions) == (0, 9)
    assert trucks(store) == [1, 1, 1]
    shown = done.comparison
    assert (shown.sum_old, shown.sum_new) == (6, 3)
    assert (shown.n_hours, shown.n_changed) == (3, 2)
    assert [w.difference for w in shown.worst] == [-2, -1]
    assert done.n_camera_hours == 3
    history = pd.read_parquet(store.root / "history")
    assert set(history[history["revision"] == 2]["cause"]) == {"config"}
    assert check_store(store.root) == []


def test_there_and_back_is_as_it_was(store):
    before = pd.read_parquet(store.root / "passages")
    recount(store, thresholds=STRICT)
    (back,) = recount(store)
    assert back.comparison.sum_new == 6
    after = pd.read_parquet(store.root / "passages")
    names = [n for n in before.columns if n not in {"known_at_utc"}]
    pd.testing.assert_frame_equal(after[names], before[names])
    assert recount(store)[0].n_revisions == 0


def test_hours_outside_from_and_to_keep_their_counts(store):
    low = int(pd.read_parquet(store.root / "hours")["hour_start_utc"].min().timestamp())
    begin = low * 1_000_000 + HOUR_US
    (done,) = recount(store, thresholds=STRICT, from_us=begin, to_us=begin + HOUR_US)
    assert done.n_camera_hours == 1
    assert trucks(store) == [3, 1, 1]
    assert check_store(store.root) == []


def test_scores_of_another_polygon_are_not_counted_again(store, monkeypatch):
    gate = replace(WHOLE.gates[0], polygon=((0, 0), (1, 0), (1, 1)))
    monkeypatch.setattr(
        store_recount, "known_camera", lambda _b, _n: replace(WHOLE, gates=(gate,))
    )
    with pytest.raises(ConfigError, match="restate"):
        recount(store)


def test_a_camera_that_is_not_there_is_an_error(store):
    with pytest.raises(ConfigError, match="dc-north"):
        recount_store(
            store.root, RunOptions(store=store.root, camera="gone"), RecountOptions()
        )
