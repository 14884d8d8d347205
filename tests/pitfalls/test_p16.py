"""Censored truck."""

from tests.counting.simulate import Truck
from tests.pitfalls.scenes import S_US, film, piece, publish, quiet, read

STANDING = Truck(keys=((0, 0.5, 0.5), (60, 0.5, 0.5)))


def test_a_truck_that_stands_there_after_a_gap_is_not_counted(tmp_path):
    resumed = piece("b", film([STANDING], 60), shift_us=660 * S_US)
    (hour,) = read(publish(tmp_path, [quiet(60, "a"), resumed])).to_dict("records")
    assert hour["n_trucks"] == 0
    assert hour["n_censored"] == 1
