"""Fresh residuals alarm when they shift, and rarely when they do not."""

import numpy as np
import pytest

from truckcount.features.cusum import H, average_run_length, run_cusum


def test_false_alarms_are_as_rare_as_the_approximation_says():
    rng = np.random.default_rng(4)
    runs = []
    for _ in range(60):
        alarm = run_cusum(rng.normal(size=4000).tolist()).alarm
        runs.append(4000 if alarm is None else alarm + 1)
    assert 220 < np.mean(runs) < 560  # 371 by Siegmund


@pytest.mark.parametrize(("shift", "windows"), [(0.0, 371), (0.5, 29), (1.0, 11)])
def test_run_lengths_are_those_of_the_specification(shift, windows):
    assert round(average_run_length(shift)) == windows
    assert average_run_length(-shift) == pytest.approx(average_run_length(shift))


@pytest.mark.parametrize("sign", [1, -1])
def test_the_change_is_dated_where_the_sum_last_stood_at_zero(sign):
    z = [0.0] * 30 + [2.0 * sign] * 10
    cusum = run_cusum(z)
    assert cusum.change == 30
    assert cusum.alarm == 30 + int(H / 1.75)
