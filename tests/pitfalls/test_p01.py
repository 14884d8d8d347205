"""Seam double count."""

import pytest

from tests.pitfalls.scenes import film, piece, publish, read, through


def test_a_truck_across_the_cut_of_two_files_is_one(tmp_path):
    scene = film([through(55, seconds=10)], 120)
    files = [piece("a", scene[:300]), piece("b", scene[300:], shift_us=100_000)]
    for order in (files, files[::-1]):
        store = publish(tmp_path / order[0].record.segment_id, *([f] for f in order))
        (hour,) = read(store).to_dict("records")
        assert hour["n_trucks"] == 1
        assert hour["n_censored"] == 0
        assert hour["coverage_s"] == pytest.approx(120.1), "the bridge is covered"
