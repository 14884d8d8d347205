"""Hour boundary."""

import pytest

from tests.counting.simulate import Truck
from tests.pitfalls.scenes import HOUR_US, S_US, film, piece, publish, read

# inside the gate (0.2-0.8) from the second given on, for nine seconds
ACROSS = Truck(
    keys=((56.0, -0.1, 0.5), (58.0, 0.2, 0.5), (67.0, 0.8, 0.5), (68, 1, 0.5))
)


def hours_of(tmp_path, truck):
    scene = film([truck], 120, noise=0.0)
    return read(publish(tmp_path, [piece("a", scene, shift_us=HOUR_US - 60 * S_US)]))


def test_a_truck_counts_in_the_hour_of_its_onset_and_is_busy_in_both(tmp_path):
    hours = hours_of(tmp_path, ACROSS)
    assert hours["n_trucks"].tolist() == [1, 0]
    assert hours["busy_s"].tolist() == pytest.approx([2, 7], abs=0.4)


def test_an_onset_at_the_full_hour_belongs_to_the_new_one(tmp_path):
    later = Truck(keys=tuple((t + 2.0, x, y) for t, x, y in ACROSS.keys))
    store = tmp_path
    hours = hours_of(store, later)
    assert hours["n_trucks"].tolist() == [0, 1]
    passages = read(publish(store), "passages")
    assert passages["onset_utc"].dt.minute.tolist() == [0]
