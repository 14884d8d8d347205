"""A teacher's doubts of a labelled truck are not taught; its veto is."""

import numpy as np

from truckcount.training.teacher import side_with_labels


def maps(**cells):
    out = np.zeros((6, 8), np.float32)
    for (y, x), p in cells.get("at", {}).items():
        out[y, x] = p
    return out


def test_a_suspected_labelled_truck_is_taught_as_sure():
    taught = maps(at={(2, 3): 0.4, (4, 6): 0.7})
    got = side_with_labels(taught, maps(at={(2, 3): 1.0}))
    assert got[2, 3] == 1.0
    assert got[4, 6] == np.float32(0.7)  # no label there: the teacher's word stays
    assert got.dtype == np.float32


def test_a_cell_beside_is_near_enough_to_agree():
    got = side_with_labels(maps(at={(2, 4): 0.3}), maps(at={(2, 3): 1.0}))
    assert got[2, 3] == 1.0
    assert got[2, 4] == np.float32(0.3)


def test_a_label_that_the_teacher_does_not_see_at_all_is_not_taught():
    taught = maps(at={(2, 3): 0.1})
    assert np.array_equal(side_with_labels(taught, maps(at={(2, 3): 1.0})), taught)


def test_the_slope_of_a_drawn_centre_is_not_a_centre():
    taught = maps(at={(2, 3): 0.4})
    assert np.array_equal(side_with_labels(taught, maps(at={(2, 3): 0.9})), taught)


def test_without_a_teacher_there_is_nothing_to_correct():
    nothing = np.zeros((0, 0), np.float32)
    assert side_with_labels(nothing, maps()).size == 0
