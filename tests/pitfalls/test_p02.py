"""Overlapping files."""

import pytest

from tests.pitfalls.scenes import S_US, film, piece, publish, read, through


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["in order", "reversed"])
def test_trucks_in_both_of_two_files_count_once(tmp_path, order):
    """0:00-0:20 and 0:15-0:35 with three trucks from 0:15 to 0:20."""
    times = [920, 1000, 1100]
    files = [
        piece("a", film([through(t) for t in times], 1200)),
        piece("b", film([through(t - 900) for t in times], 1200), shift_us=900 * S_US),
    ]
    store = publish(tmp_path, *([files[k]] for k in order))
    (hour,) = read(store).to_dict("records")
    assert hour["n_trucks"] == 3
    assert hour["coverage_s"] == pytest.approx(2100)
