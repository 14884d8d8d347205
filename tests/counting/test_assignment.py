"""Assignment: the least total cost, as SciPy finds it, and SciPy only where needed."""

import subprocess
import sys

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from truckcount.counting.assignment import FORBIDDEN, assign


@given(
    rows=st.integers(1, 6),
    columns=st.integers(1, 6),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=400, deadline=None)
def test_is_what_scipy_finds(rows: int, columns: int, share: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    cost = rng.random((rows, columns))
    cost[rng.random(cost.shape) < share] = FORBIDDEN
    pairs = assign(cost.tolist())
    found = {
        (int(i), int(j)) for i, j in zip(*linear_sum_assignment(cost), strict=True)
    }
    assert set(pairs) == {p for p in found if cost[p] < FORBIDDEN}
    assert pairs == sorted(pairs)


def test_two_rows_that_want_one_column_share_at_the_least_total() -> None:
    assert assign([[0.1, 0.2], [0.1, 0.9]]) == [(0, 1), (1, 0)]


def test_no_allowed_pair_is_no_pair() -> None:
    assert assign([[FORBIDDEN] * 3] * 2) == []


def test_a_quiet_road_needs_no_scipy() -> None:
    code = (
        "import sys, truckcount.counting as c\n"
        "from truckcount.counting.assignment import assign\n"
        "assert assign([[0.1, 0.9], [0.8, 0.2]]) == [(0, 0), (1, 1)]\n"
        "sys.exit('scipy' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
