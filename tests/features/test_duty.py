"""Ten seconds of film every five minutes: hours, and the days made of them."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.counting.simulate import GATE, T0_US, film, through
from tests.features.fill import hours_frame
from tests.store.fill import passage
from truckcount.counting import (
    CountingOptions,
    count_hours,
    count_passages,
    measure_coverage,
)
from truckcount.domain.calibration import Calibration
from truckcount.domain.scores import concat_scores
from truckcount.errors import FeatureError
from truckcount.features import daily, panel_index, rollup
from truckcount.features.factors import find_factors
from truckcount.features.grid import make_grid
from truckcount.features.totals import measure_phi

ESTIMATES = ["n_trucks_est", "n_trucks_se", "n_trucks_se_indep"]
CLIP_S, DAY_S, HOUR_US = 10.0, 86_400.0, 3_600_000_000
PLAIN = replace(GATE, in_vector=None)
OPTIONS = CountingOptions()
BLIND_S = 0.2 + OPTIONS.min_on_s  # of a clip: its first sample, and its end


def clips_of(starts_s, arrivals_s=()):
    """The scores of clips that begin then, trucks driving through as they arrive."""
    arrivals = np.sort(np.asarray(arrivals_s, float))
    parts = []
    for k, start in enumerate(starts_s):
        low, high = np.searchsorted(arrivals, [start - 4, start + CLIP_S])
        trucks = [
            through(t - start, 0.3 + 0.4 * (j % 2))
            for j, t in enumerate(arrivals[low:high], low)
        ]
        scene = film(trucks, CLIP_S, seed=k)
        parts.append(replace(scene, t_us=scene.t_us + round(start * 1e6)))
    return concat_scores(parts)


BLANK = hours_frame("2026-01-01", np.ones(24), source_kind="duty")


def hours_of(passages, coverage):
    """Count a day as a run does, and read it as `load_hours` would."""
    rows = count_hours(
        passages, coverage, PLAIN, from_us=T0_US, to_us=T0_US + 24 * HOUR_US,
        source_kind="duty", options=OPTIONS,
    )  # fmt: skip
    told = {
        name: np.array([getattr(r, name) for r in rows], float)
        for name in ("coverage_s", *ESTIMATES)
    }
    n = pd.array([r.n_trucks for r in rows], "Int32")
    return BLANK.assign(n_trucks=n, **told)


class Cycle:
    """A day of clips whose passages are drawn, not filmed: for many days."""

    def __init__(self, starts_s):
        self.starts_s = np.asarray(starts_s, float)
        self.coverage = measure_coverage(clips_of(starts_s), OPTIONS)

    def watch(self, arrivals_s):
        """Return the hours of a day; a clip sees what comes while it can tell."""
        at = np.searchsorted(self.starts_s, arrivals_s, "right") - 1
        since = arrivals_s - self.starts_s[np.maximum(at, 0)]
        is_seen = (at >= 0) & (since >= 0.2) & (since < CLIP_S - OPTIONS.min_on_s)
        passages = [passage(t, gate=GATE.name) for t in arrivals_s[is_seen]]
        return hours_of(passages, self.coverage)


def draw_day(rng, per_hour):
    return np.sort(rng.uniform(0, DAY_S, rng.poisson(24 * per_hour)))


EVERY_5_MIN = np.arange(0, DAY_S, 300)


def test_a_filmed_day_of_clips_has_a_total():
    arrivals = draw_day(np.random.default_rng(1), 240)
    scores = clips_of(EVERY_5_MIN, arrivals)
    hours = hours_of(
        count_passages(scores, PLAIN, OPTIONS), measure_coverage(scores, OPTIONS)
    )
    assert hours["coverage_s"].to_numpy() == pytest.approx(120)
    (day,) = daily(hours).to_dict("records")
    assert day["cov_w"] == 1.0
    assert day["n_hours_null"] == 0
    assert abs(day["total"] - len(arrivals)) < 3 * day["se"]
    seen = hours["n_trucks"].sum()
    # nearly all of it is that a thirtieth of the day was watched
    f = (CLIP_S - BLIND_S) / 300
    assert day["total"] == pytest.approx(seen / f)
    assert day["se"] == pytest.approx((seen * (1 - f)) ** 0.5 / f, rel=0.15)


@pytest.mark.parametrize(("per_hour", "lost_h"), [(12, 0), (60, 8)])
def test_days_of_clips_are_unbiased_and_intervals_hold(per_hour, lost_h):
    """A third of a day may be lost: what is left is scaled up, and so is its error."""
    rng = np.random.default_rng((per_hour, lost_h))
    hour = EVERY_5_MIN // 3600
    cycle = Cycle(EVERY_5_MIN[(hour < 9) | (hour >= 9 + lost_h)])
    days = [draw_day(rng, per_hour) for _ in range(200)]
    watched = [cycle.watch(d).assign(camera=f"c{k:03d}") for k, d in enumerate(days)]
    found = daily(pd.concat(watched))
    assert found["cov_w"].to_numpy() == pytest.approx(1 - lost_h / 24)
    errors = found["total"].to_numpy() - [len(day) for day in days]
    ses = found["se"].to_numpy()
    assert abs(errors.mean()) < 3 * errors.std() / len(errors) ** 0.5
    assert 0.92 <= (np.abs(errors) <= 1.96 * ses).mean() <= 0.98
    # three standard errors of a spread found in 200 days
    assert np.sqrt((ses**2).mean()) == pytest.approx(errors.std(), rel=0.15)


def test_half_a_day_without_clips_is_null_and_a_third_is_wider():
    arrivals = draw_day(np.random.default_rng(2), 60)
    third, half = (
        Cycle(EVERY_5_MIN[12 * lost_h :]).watch(arrivals) for lost_h in (8, 12)
    )
    (none,) = daily(half).to_dict("records")
    assert np.isnan(none["total"])
    assert np.isnan(none["se"])
    assert none["cov_w"] == pytest.approx(0.5)
    (day,) = daily(third).to_dict("records")
    seen = third.iloc[8:]
    assert day["n_hours_null"] == 8
    assert day["total"] == pytest.approx(1.5 * seen["n_trucks_est"].sum())
    # what the clips stray is scaled up with them, the trucks of eight hours are
    # Poisson, and hours without a truck allow for half a truck once
    v, is_bare = seen["n_trucks_se_indep"] ** 2, seen["n_trucks"] == 0
    strayed = v[~is_bare].sum() + v[is_bare].max()
    missed = seen["n_trucks_est"].sum() / 16 * 8
    assert day["se"] ** 2 == pytest.approx(1.5**2 * strayed + 1.5 * missed)


def test_hours_that_lost_half_of_their_clips_say_so_in_their_error():
    arrivals = draw_day(np.random.default_rng(3), 60)
    plan = np.arange(0, DAY_S, 60)
    kept = daily(Cycle(plan).watch(arrivals)).iloc[0]
    halved = daily(Cycle(plan[::2]).watch(arrivals)).iloc[0]
    assert halved["cov_w"] == 1.0
    # (1 - f) / f of f = 9.5 / 60 and of half of it
    assert halved["se"] / kept["se"] == pytest.approx(1.478, rel=0.1)


def test_hours_with_too_few_clips_for_an_estimate_count_for_their_seconds():
    arrivals = draw_day(np.random.default_rng(4), 60)
    every_10_min = EVERY_5_MIN[::2]
    hours = Cycle(every_10_min).watch(arrivals)
    assert hours["n_trucks_est"].isna().all()
    (day,) = daily(hours).to_dict("records")
    assert day["cov_w"] == pytest.approx(60 / 3600)
    assert np.isnan(day["total"])
    # and six of a day's hours weigh nothing beside the eighteen that kept the plan
    is_lost = (EVERY_5_MIN >= 18 * 3600) & (EVERY_5_MIN % 600 > 0)
    (day,) = daily(Cycle(EVERY_5_MIN[~is_lost]).watch(arrivals)).to_dict("records")
    assert day["cov_w"] == pytest.approx((18 + 6 / 60) / 24)
    assert abs(day["total"] - len(arrivals)) < 3 * day["se"]


def test_a_day_in_which_no_clip_saw_a_truck_is_in_doubt_by_one_hours_half_truck():
    hours = Cycle(EVERY_5_MIN).watch(np.array([]))
    (day,) = daily(hours).to_dict("records")
    assert day["total"] == 0
    assert day["se"] == pytest.approx(hours["n_trucks_se"].max())
    assert day["se"] > 20


CALIBRATION = Calibration(
    calibration_id="c", camera="dc-01", gate="dock-exit", direction="out",
    regime="all", method="ratio", factor=1.2, factor_se=0.05, factor_cv=0.0417,
    tau2=0.3, phi=1.0, n_windows=210, audit_ids=("a",), model_id="m",
    config_hash="old", valid_from_us=0, valid_to_us=None, known_at_us=0,
    status="active",
)  # fmt: skip


@pytest.mark.parametrize("is_given", [False, True])
def test_factor_and_bridge_are_applied_once(is_given):
    arrivals = draw_day(np.random.default_rng(5), 60)
    bare = Cycle(EVERY_5_MIN).watch(arrivals).assign(config_hash="old")
    carried = bare.assign(calibration_id="c")
    carried[ESTIMATES] = [
        CALIBRATION.apply(est, se)
        for est, se in zip(bare["n_trucks_est"], bare["n_trucks_se"], strict=True)
    ]
    latest = carried.iloc[:1].assign(config_hash="new", n_trucks=0, coverage_s=0.0)
    latest["hour_start_utc"] += np.timedelta64(24, "h")
    latest[ESTIMATES] = np.nan
    both = pd.concat([carried, latest])
    options = {}
    if is_given:
        table = {"calibration_id": "c", "factor": 1.2, "factor_se": 0.05, "tau2": 0.3}
        options["calibrations"] = pd.DataFrame([table])
    bridges = pd.DataFrame(
        [{"camera": "dc-01", "gate": "dock-exit", "from_hash": "old",
          "to_hash": "new", "ratio": 1.1}]
    )  # fmt: skip
    plain = daily(bare).iloc[0]
    day = daily(carried, **options).iloc[0]
    bridged = daily(both, bridges=bridges, **options).iloc[0]
    assert day["total"] == pytest.approx(1.2 * plain["total"])
    assert day["shared"] == (("c", pytest.approx(0.05 * plain["total"])),)
    residual = 0.3 * plain["total"]
    assert day["se_indep"] ** 2 == pytest.approx(
        (1.2 * plain["se_indep"]) ** 2 + residual
    )
    for name in ("total", "se", "se_indep"):
        assert bridged[name] == pytest.approx(1.1 * day[name])


def calibrate(hours):
    """Carry the factor into hours that have an estimate; all of them name it."""
    carried = hours.assign(calibration_id="c")
    carried[ESTIMATES] = [
        CALIBRATION.apply(est, se)
        for est, se in zip(hours["n_trucks_est"], hours["n_trucks_se"], strict=True)
    ]
    return carried


@pytest.mark.parametrize("per_hour", [12, 60])
def test_the_factor_read_off_clips_is_the_audits(per_hour):
    """Of a clip's ten seconds 9.5 can show an onset: those are no calibration."""
    rng = np.random.default_rng(per_hour)
    cycle = Cycle(EVERY_5_MIN)
    days = [cycle.watch(draw_day(rng, per_hour)) for _ in range(5)]
    factor = find_factors(calibrate(pd.concat(days)))["c"]
    assert factor.ratio == pytest.approx(CALIBRATION.factor, rel=1e-6)
    assert factor.se == pytest.approx(CALIBRATION.factor_se, rel=1e-6)
    assert factor.tau2 == pytest.approx(CALIBRATION.tau2, rel=1e-6)


def test_the_factor_of_clips_of_uneven_length_is_near():
    rng = np.random.default_rng(6)
    days = []
    for _ in range(8):  # one clip of an hour lost here and there: other coverages
        is_kept = rng.random(len(EVERY_5_MIN)) > 0.03
        days.append(Cycle(EVERY_5_MIN[is_kept]).watch(draw_day(rng, 30)))
    factor = find_factors(calibrate(pd.concat(days)))["c"]
    assert factor.ratio == pytest.approx(CALIBRATION.factor, rel=0.002)


def weeks_of_clips(rng, n_weeks, per_hour, lost=()):
    """Weeks of twelve clips an hour; ``lost`` tells the lost hours of all."""
    f = 9.5 / 300
    n = rng.poisson(per_hour * f, n_weeks * 168).astype(float)
    se = np.sqrt(np.maximum(n, 0.5) * (1 - f)) / f
    est = n / f
    coverage = np.full(len(n), 120.0)
    for column, value in ((n, 0), (est, np.nan), (se, np.nan), (coverage, 0)):
        column[list(lost)] = value
    return hours_frame(
        "2026-01-05", n, coverage, source_kind="duty", n_trucks_est=est,
        n_trucks_se=se, n_trucks_se_indep=se,
    )  # fmt: skip


def test_weeks_of_clips_are_compared_with_one_another():
    hours = weeks_of_clips(np.random.default_rng(6), 6, 60)
    weeks = rollup(hours, "W")
    assert weeks["total"].notna().all()
    index = panel_index(weeks)
    assert index["index"].notna().all()
    assert (index["index"] - 1).abs().max() < 0.25


def test_what_clips_stray_by_themselves_is_no_over_dispersion():
    """Measured without it, phi is about 30: one over the share that was watched."""
    lost = [w * 168 + (11 * w + h) % 168 for w in range(0, 24, 4) for h in range(40)]
    measured = [
        measure_phi(
            make_grid(weeks_of_clips(np.random.default_rng(k), 24, 60, lost), {})
        )
        for k in range(8)
    ]
    assert np.mean(measured) < 15


def test_a_few_trucks_seen_by_clips_make_no_profile():
    """A truck seen in a thirtieth of the time is one truck, not thirty."""
    rng = np.random.default_rng(8)
    lost = range(8 * 168 + 9, 8 * 168 + 17)
    hours = weeks_of_clips(rng, 9, 0.6, lost)
    assert hours["n_trucks"].sum() < 48
    assert hours["n_trucks_est"].sum() > 336
    day = daily(hours).iloc[8 * 7]
    assert day["cov_w"] == pytest.approx(16 / 24)


def test_an_estimate_without_its_error_is_asked_for():
    hours = weeks_of_clips(np.random.default_rng(9), 1, 60)
    with pytest.raises(FeatureError, match="'n_trucks_se'"):
        daily(hours.drop(columns="n_trucks_se"))


def test_an_estimate_counts_for_the_part_of_its_hour_inside_validity():
    hours = weeks_of_clips(np.random.default_rng(10), 1, 60).iloc[:24]
    low = hours["hour_start_utc"].iloc[0].value // 1000
    active = low + HOUR_US // 2, low + 24 * HOUR_US
    (day,) = daily(hours, validity={("dc-01", "dock-exit"): active}).to_dict("records")
    est = hours["n_trucks_est"]
    assert day["total"] == pytest.approx(est.sum() - est.iloc[0] / 2, rel=1e-6)
