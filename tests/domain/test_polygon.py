"""Many points against a polygon: the same as one by one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from truckcount.counting.polygon import is_inside
from truckcount.domain.polygon import contains

points = st.tuples(*[st.integers(0, 12).map(lambda k: k / 12)] * 2)


@given(st.lists(points, min_size=3, max_size=8), st.lists(points, min_size=1))
def test_columns_say_what_each_point_says(polygon, seen):
    x, y = np.array(seen).T
    one_by_one = [is_inside(polygon, a, b) for a, b in seen]
    assert contains(polygon, x, y).tolist() == one_by_one
