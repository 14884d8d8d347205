"""Clock step."""

from dataclasses import replace

import pytest

from tests.pitfalls.scenes import PLAIN, S_US, film, piece, publish, read, through
from truckcount.store.check import check_store


def test_a_recorder_that_steps_back_counts_no_moment_twice(tmp_path):
    """Its second file begins 40 s before the first ended."""
    times = [10, 50, 100, 130, 200, 260]
    scene = film([through(t) for t in times], 300)
    first, second = scene[:750], scene[750:]
    files = [piece("a", first), piece("b", second, shift_us=-40 * S_US)]
    store = publish(tmp_path, files)
    (hour,) = read(store).to_dict("records")
    assert hour["coverage_s"] == pytest.approx(260)
    lost = [t for t in times if 150 <= t < 190]
    assert hour["n_trucks"] == len(times) - len(lost)
    assert check_store(tmp_path) == []


def test_a_clock_an_hour_wrong_is_put_right_and_said(tmp_path):
    right = publish(tmp_path / "right", [piece("a", film([through(30)], 60))])
    shifted = replace(PLAIN, clock_shift_s=3600.0)
    one = piece("a", film([through(30)], 60))
    one = replace(one, record=replace(one.record, clock_offset_s=3600.0))
    store = publish(tmp_path / "shifted", [one], camera=shifted)
    assert read(store)["clock_offset_s"].tolist() == [3600.0]
    assert read(store)["n_trucks"].sum() == read(right)["n_trucks"].sum()
