"""Direction double count."""

import pytest

from tests.pitfalls.scenes import (
    CAMERA,
    HOUR_US,
    NOW_US,
    PLAIN,
    film,
    piece,
    publish,
    quiet,
    read,
    through,
)
from truckcount.store.check import check_store

DIRECTED = {"in", "out", "unknown"}


def kinds(store):
    return [set(g) for _, g in read(store).groupby("hour_start_utc")["direction"]]


@pytest.fixture
def scene():
    trucks = [through(10), through(40, sign=-1)]
    return [piece("a", film(trucks, 60)), quiet(60, "b", at_s=1800)]


def test_a_gate_that_loses_its_direction_is_not_counted_twice(tmp_path, scene):
    store = publish(tmp_path, scene[:1], camera=CAMERA)
    assert kinds(store) == [DIRECTED]
    publish(tmp_path, scene, camera=PLAIN, now_us=NOW_US + HOUR_US)
    assert kinds(store) == [{"any"}]
    assert read(store)["n_trucks"].sum() == 2
    assert read(store, "passages")["is_counted"].sum() == 2
    assert len(read(store, "history")) == 4, "history keeps what was said"
    assert check_store(tmp_path) == []


def test_and_back_again(tmp_path, scene):
    for k, camera in enumerate([CAMERA, PLAIN, CAMERA, PLAIN, CAMERA]):
        store = publish(tmp_path, scene, camera=camera, now_us=NOW_US + k * HOUR_US)
        assert kinds(store) == [DIRECTED if camera is CAMERA else {"any"}]
        assert read(store)["n_trucks"].sum() == 2
        assert check_store(tmp_path) == []
    history = read(store, "history")
    assert set(history["cause"]) == {"first", "config"}
    assert history.groupby("direction")["revision"].max().to_dict() == {
        "any": 2, "in": 3, "out": 3, "unknown": 3,
    }  # fmt: skip


def test_a_change_at_noon_leaves_the_morning_as_it_was(tmp_path, scene):
    store = publish(tmp_path, scene[:1], camera=CAMERA)
    noon = piece("c", film([through(10)], 60), shift_us=12 * HOUR_US)
    publish(tmp_path, [noon], camera=PLAIN, now_us=NOW_US + HOUR_US)
    found = kinds(store)
    assert found[0] == DIRECTED
    assert found[-1] == {"any"}
    assert all(kind in (DIRECTED, {"any"}) for kind in found)
    assert read(store)["n_trucks"].sum() == read(store, "passages")["is_counted"].sum()
    assert check_store(tmp_path) == []
