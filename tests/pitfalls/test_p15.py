"""Short coverage zero."""

import pytest

from tests.pitfalls.scenes import publish, quiet, read


def test_forty_quiet_seconds_are_a_zero_without_an_estimate(tmp_path):
    (hour,) = read(publish(tmp_path, [quiet(40)])).to_dict("records")
    assert hour["n_trucks"] == 0
    assert hour["coverage_s"] == pytest.approx(40)
    assert hour["coverage_s"] / 3600 == pytest.approx(0.011, abs=2e-4)
    assert hour["n_trucks_est"] is None or hour["n_trucks_est"] != hour["n_trucks_est"]
    assert not hour["is_final"]
