"""P30 shared error: a factor that is wrong is wrong in every hour of the quarter."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd

from tests.features.fill import hours_frame
from truckcount.features import rollup
from truckcount.features.factors import Factor
from truckcount.features.grid import make_grid
from truckcount.features.totals import measure_total

N_QUARTERS = 200
TRUE_RATIO, SE = 1.10, 0.04
Z90 = 1.645
MONDAY = 20_458


def test_p30_intervals_hold_with_shared_error_and_not_without():
    rng = np.random.default_rng(30)
    rate = np.tile(np.r_[np.full(120, 14.0), np.full(48, 4.0)], 13)
    blank = make_grid(hours_frame("2026-01-05", np.ones(91 * 24)), {})
    held = {"shared": 0, "independent": 0}
    for _ in range(N_QUARTERS):
        truth = rng.poisson(rate)
        counted = rng.binomial(truth, 1 / TRUE_RATIO)
        factor = Factor(TRUE_RATIO + SE * rng.standard_normal(), SE, 0.11)
        grid = replace(
            blank,
            n=factor.ratio * counted,
            n_squared=factor.ratio**2 * counted,
            residual=factor.tau2 * counted,
            shared=factor.se * counted,
            calibration=np.zeros(len(counted), np.int64),
            calibrations=("c",),
        )
        total = measure_total(grid, MONDAY, MONDAY + 91)
        missed = abs(total.total - truth.sum())
        indep = math.sqrt(total.var_indep)
        held["independent"] += missed <= Z90 * indep
        held["shared"] += missed <= Z90 * math.hypot(indep, total.shared["c"])
    assert 0.86 <= held["shared"] / N_QUARTERS <= 0.94
    assert held["independent"] / N_QUARTERS < 0.30


def test_p30_two_cameras_on_one_gate_count_once_for_their_site():
    hours = pd.concat(
        [hours_frame("2026-01-05", np.full(24, 7), camera=c) for c in ("a", "b")]
    )
    site_map = pd.DataFrame(
        {"camera": ["a", "b"], "gate": "dock-exit", "site": "n", "weight": [1.0, 0.0]}
    )
    (day,) = rollup(hours, "D", by="site", site_map=site_map).to_dict("records")
    assert day["total"] == 24 * 7
