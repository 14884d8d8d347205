"""Calibration factors of hour rows: given as a table, or read off the rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from truckcount.domain.exposure import CONTINUITY
from truckcount.errors import FeatureError

SECONDS_PER_MINUTE = 60.0
PRECISION = 7  # digits of a share: a third of a millisecond of an hour
LEAST_SHARE = 0.5  # of a clip can show an onset; less is no reading but noise


@dataclass(frozen=True, slots=True)
class Factor:
    """True trucks per counted truck, as an audit found it (features.md 5)."""

    ratio: float = 1.0
    se: float = 0.0
    """Standard error of the ratio: shared by all hours that use it."""
    tau2: float = 0.0
    """Residual variance per counted truck: independent between hours."""


UNCALIBRATED = Factor()


def find_factors(
    hours: pd.DataFrame, calibrations: pd.DataFrame | None = None
) -> dict[str, Factor]:
    """Return the factor of each calibration that the hours name.

    Parameters
    ----------
    calibrations : DataFrame, optional
        calibration_id, factor, factor_se, tau2. Without it the factors are read
        off the hours' own estimates: est = R n/f, se^2 = indep^2 + (n/f)^2 se_R^2.
        Of clips on a cycle f is what could show an onset, less than coverage_s: it
        is told by the error of hours that saw none, and taken as coverage_s where
        there is no such hour.

    Raises
    ------
    FeatureError
        When a calibration is not in the table, or cannot be read off.
    """
    if "calibration_id" not in hours.columns:
        return {}
    used = sorted(hours["calibration_id"].dropna().unique())
    if calibrations is not None:
        table = calibrations.drop_duplicates("calibration_id", keep="last")
        rows = table.set_index("calibration_id")
        lacking = [name for name in used if name not in rows.index]
        if lacking:
            msg = f"calibration {lacking[0]!r} of the hours is not in `calibrations`"
            raise FeatureError(msg)
        return {
            name: Factor(
                float(rows.loc[name, "factor"]),
                float(rows.loc[name, "factor_se"]),
                float(rows.loc[name, "tau2"]),
            )
            for name in used
        }
    codes, names = pd.factorize(hours["calibration_id"])
    columns = ("n_trucks", "n_trucks_est", "n_trucks_se_indep", "n_trucks_se")
    # of its own bin, be that an hour or a quarter of one
    minutes = _floats(hours["bin_minutes"]) if "bin_minutes" in hours else 60.0
    share = _floats(hours["coverage_s"]) / (SECONDS_PER_MINUTE * minutes)
    values = np.stack([*(_floats(hours[name]) for name in columns), share])
    is_duty = np.zeros(len(hours), np.bool_)
    if "source_kind" in hours.columns:
        is_duty = (hours["source_kind"] == "duty").to_numpy(np.bool_)
    # one sort, not one search through all hours for each of many calibrations
    order = np.argsort(codes, kind="stable")
    bounds = np.searchsorted(codes[order], np.arange(len(names) + 1))
    return {
        str(name): _read_off(
            *values[:, order[low:high]], is_duty=is_duty[order[low:high]], name=name
        )
        for name, low, high in zip(names, bounds, bounds[1:], strict=False)
    }


def _read_off(
    n: Any, est: Any, indep: Any, se: Any, f: Any, *, is_duty: Any, name: str
) -> Factor:
    """Read a factor off its hours or bins: arrays of shape (n,), f their coverage."""
    f = np.where(is_duty, f * _exposed_share(n, est, f, indep, is_duty), f)
    use = (n > 0) & (est > 0) & (f > 0)
    if not use.any() and (n > 0).any():
        msg = (
            f"no hour of calibration {name!r} was watched long enough for an estimate, "
            "from which its factor could be read: pass "
            "calibrations=load_calibrations(store)"
        )
        raise FeatureError(msg)
    if not use.any():
        return UNCALIBRATED  # no truck: the factor multiplies zero
    n, est, f, is_duty = n[use], est[use], f[use], is_duty[use]
    counted = n / f
    indep = indep[use] ** 2
    shared = se[use] ** 2 - indep
    ratio = float(est.sum() / counted.sum())
    se = float(np.sqrt(np.maximum(shared, 0)).sum() / counted.sum())
    # what exposure does not explain of the independent part; hours watched whole say
    # it without the over-dispersion phi of the others, and clips that saw one truck
    # without what they stray from one another
    exposure = ratio**2 * (n + CONTINUITY) * (1 - f) / f**2
    whole = f >= f.max() - 1e-9
    if (is_single := is_duty & (n == 1)).any():
        whole, exposure = is_single, ratio**2 * (1 - f) / f**2
    tau2 = (indep - exposure)[whole].sum() / counted[whole].sum()
    return Factor(ratio, se, float(max(tau2, 0.0)))


def _exposed_share(n: Any, est: Any, f: Any, indep: Any, is_duty: Any) -> float:
    """Read off which share of its clips' coverage could show an onset.

    A clip's first sample tells a state, no onset, and its last moments are too short
    for a passage: ten seconds count for 9.5. An hour that saw no truck has the error
    R sqrt(CONTINUITY (1 - f)) / f, and one that saw n the estimate R n / f: of the
    same coverage, they tell f without R. Arrays of shape (n,).
    """
    lengths = np.round(f, PRECISION)
    is_told = is_duty & (f > 0) & (indep > 0)
    is_bare, is_seen = is_told & (n == 0) & (est == 0), is_told & (n > 0) & (est > 0)
    shares = []
    for length in np.unique(lengths[is_bare]):
        alike = is_seen & (lengths == length)
        if alike.any():
            per_truck = est[alike].sum() / n[alike].sum()  # R / f
            bare = is_bare & (lengths == length)
            watched = 1 - indep[bare] ** 2 / (CONTINUITY * per_truck**2)
            shares.append(watched / f[bare])
    if not shares:
        return 1.0
    share = float(np.median(np.concatenate(shares)))
    return share if LEAST_SHARE <= share <= 1.0 else 1.0


def _floats(column: Any) -> Any:
    return column.to_numpy(dtype="float64", na_value=np.nan)
