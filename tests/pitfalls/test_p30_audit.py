"""30. Shared error and audit honesty: what an audit promises, it keeps."""

from dataclasses import replace

import numpy as np
import pytest

from tests.audit.stores import CAMERA, label_all, month_store, plan_small
from truckcount.audit.answers import Answer, save_answers
from truckcount.audit.calibrate import calibrate
from truckcount.domain.calibration import Calibration
from truckcount.errors import CalibrationError
from truckcount.store.audits_table import change_audits, read_audits

N_QUARTERS, N_HOURS, PER_HOUR = 200, 91 * 24, 330 / 24
FACTOR, FACTOR_SE, TAU2 = 1.1485, 0.0444, 0.264
Z90 = 1.645


def calibration(factor):
    return Calibration(
        calibration_id="c", camera="dc", gate="exit", direction="out", regime="all",
        method="ratio", factor=factor, factor_se=FACTOR_SE,
        factor_cv=FACTOR_SE / factor, tau2=TAU2, phi=1.0, n_windows=210,
        audit_ids=("a",), model_id="m", config_hash="0", valid_from_us=0,
        valid_to_us=None, known_at_us=0, status="active",
    )  # fmt: skip


def test_quarters_need_the_shared_error():
    """200 quarters, one measured factor each: 90 % intervals with it and without."""
    rng = np.random.default_rng(30)
    with_shared = without = 0
    for _ in range(N_QUARTERS):
        measured = calibration(rng.normal(FACTOR, FACTOR_SE))
        seen = rng.poisson(PER_HOUR, N_HOURS)
        truth = rng.normal(FACTOR * seen.sum(), (TAU2 * seen.sum()) ** 0.5)
        rows = {n: measured.estimate_hour(int(n), 1.0) for n in set(seen.tolist())}
        est, se, indep = np.array([rows[n] for n in seen.tolist()]).T
        v_indep = (indep**2).sum()
        shared = np.sqrt(np.maximum(se**2 - indep**2, 0)).sum()  # one factor: adds up
        error = abs(est.sum() - truth)
        with_shared += error <= Z90 * (v_indep + shared**2) ** 0.5
        without += error <= Z90 * (se**2).sum() ** 0.5
    assert 0.86 <= with_shared / N_QUARTERS <= 0.94
    assert without / N_QUARTERS < 0.30


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    store = month_store(tmp_path_factory.mktemp("p30") / "store")
    plan_small(store)
    label_all(store)
    return store


def test_a_changed_count_is_refused_unless_its_round_increases(labelled):
    row = read_audits(labelled.root)[0]
    other = Answer(clip=row.clip, count=row.y_human + 1, labeller=row.labeller)
    with pytest.raises(CalibrationError, match="a changed mind is a new round"):
        save_answers(labelled, [other])
    assert read_audits(labelled.root)[0] == row


@pytest.mark.parametrize("sizes", [(0, 20, 20), (20, 0, 20), (20, 20, 0)])
def test_a_stratum_with_pi_zero_cannot_be_drawn(labelled, sizes):
    with pytest.raises(CalibrationError, match="too few"):
        plan_small(labelled, per_stratum=sizes, seed=5)


def test_a_skipped_zero_stratum_gives_no_estimate(tmp_path):
    store = month_store(tmp_path / "store")
    plan_small(store)
    label_all(store)
    whole = read_audits(store.root)
    change_audits(store.root, CAMERA, lambda rows: [r for r in rows if r.x_machine])
    with pytest.raises(CalibrationError, match="no miss can be seen"):
        calibrate(store)
    change_audits(store.root, CAMERA, lambda _: [replace(r, pi=0.0) for r in whole])
    with pytest.raises(CalibrationError, match="pi must lie"):
        calibrate(store)
