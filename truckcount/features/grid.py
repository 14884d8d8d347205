"""Hour rows of one gate and direction to arrays over every bin of its validity."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from truckcount.features.factors import UNCALIBRATED, Factor
from truckcount.features.moments import Int64s, as_us

Floats = npt.NDArray[np.float64]
US_PER_MINUTE = 60_000_000
US_PER_HOUR = 3_600_000_000
N_CELLS = 168  # local day of week x local hour


@dataclass(frozen=True, slots=True)
class Grid:
    """Bins of one gate and direction in order of local day; arrays of shape (n,)."""

    zone: str
    day: Int64s
    """Local day, days since 1970."""
    cell: Int64s
    """24 x day of week + hour, local."""
    due: Floats
    """Hours of the bin inside the gate's validity."""
    seen: Floats
    """Hours of it that were watched."""
    n: Floats
    """Trucks counted, times the calibration factor; 0 where nobody watched."""
    n_squared: Floats
    """The same times the factor squared: what Poisson variance multiplies."""
    residual: Floats
    """Counting variance of it: tau2 per counted truck."""
    shared: Floats
    """Its standard error that all bins of one calibration have in common."""
    calibration: Int64s
    """Index into ``calibrations``; -1 is none."""
    calibrations: tuple[str, ...]
    config: Int64s
    """Index into ``configs``; -1 where there is no row."""
    configs: tuple[str, ...]
    known_us: Int64s
    """When the row became known; the smallest int64 where there is none."""

    def between(self, first_day: int, end_day: int) -> slice:
        """Return the bins of local days in [first_day, end_day)."""
        low, high = np.searchsorted(self.day, [first_day, end_day])
        return slice(int(low), int(high))


def make_grid(
    rows: pd.DataFrame,
    factors: dict[str, Factor],
    *,
    active: tuple[int | None, int | None] = (None, None),
    bridge: dict[str, float] | None = None,
) -> Grid:
    """Lay the rows of one gate and direction on the grid of its bins.

    Parameters
    ----------
    rows : DataFrame
        Hours, or bins with ``bin_start_utc``, of one gate and direction.
    active : (from_us, to_us)
        The gate's validity; None is the first or the last row.
    bridge : mapping of config_hash to float, optional
        What to multiply the counts of a configuration by, to have them on the
        scale of the latest one, which stands first; they then go by its name.
    """
    minutes = int(rows["bin_minutes"].iloc[0]) if "bin_minutes" in rows else 60
    bin_us = minutes * US_PER_MINUTE
    start_us = as_us(rows["hour_start_utc" if minutes == 60 else "bin_start_utc"])
    low = int(start_us.min()) if active[0] is None else active[0]
    high = int(start_us.max()) + bin_us if active[1] is None else active[1]
    first = low // bin_us * bin_us
    n_bins = max(0, -(-(high - first) // bin_us))
    starts = first + bin_us * np.arange(n_bins, dtype=np.int64)
    inside = np.minimum(starts + bin_us, high) - np.maximum(starts, low)
    at = (start_us - first) // bin_us
    use = (at >= 0) & (at < n_bins)
    if not use.all():
        rows, at = rows[use], at[use]
    zone = str(rows["tz"].iloc[0]) if len(rows) else "UTC"
    day, cell = _local(starts, zone)
    values = _row_values(rows, factors, bridge or {})
    due = inside / US_PER_HOUR
    spread = {name: _spread(v, at, n_bins) for name, v in values.items()}
    spread["seen"] = np.minimum(spread["seen"], due)
    names: dict[str, Any] = {}
    renamed: dict[str, str] = {}
    if bridge:
        renamed = dict.fromkeys(bridge, next(iter(bridge)))
    for name, column in (("calibration", "calibration_id"), ("config", "config_hash")):
        names[name], names[name + "s"] = _encode(
            rows, column, at, n_bins, renamed if name == "config" else {}
        )
    known = np.full(n_bins, np.iinfo(np.int64).min)
    if "known_at_utc" in rows:
        known[at] = as_us(rows["known_at_utc"])
    # where clocks go back over midnight, local days do not rise with UTC
    order = np.argsort(day, kind="stable")
    return Grid(
        zone=zone,
        day=day[order],
        cell=cell[order],
        due=due[order],
        known_us=known[order],
        calibrations=names["calibrations"],
        configs=names["configs"],
        calibration=names["calibration"][order],
        config=names["config"][order],
        **{name: v[order] for name, v in spread.items()},
    )


def _row_values(
    rows: pd.DataFrame, factors: dict[str, Factor], bridge: dict[str, float]
) -> dict[str, Floats]:
    seen = _floats(rows, "coverage_s") / 3600.0
    n = np.nan_to_num(_floats(rows, "n_trucks"))
    if "calibration_id" in rows and factors:
        codes, names = pd.factorize(rows["calibration_id"])
        # code -1, of no calibration, is the last of these
        used = [*(factors.get(str(name), UNCALIBRATED) for name in names), UNCALIBRATED]
        table = np.array([[v.ratio, v.se, v.tau2] for v in used])
        ratio, se, tau2 = table[codes].T
    else:
        ratio, se, tau2 = np.ones_like(n), np.zeros_like(n), np.zeros_like(n)
    if bridge:
        codes, names = pd.factorize(rows["config_hash"])
        scale = np.array([*(bridge.get(str(name), 1.0) for name in names), 1.0])[codes]
        ratio, se, tau2 = ratio * scale, se * scale, tau2 * scale**2
    values = {
        "seen": seen,
        "n": ratio * n,
        "n_squared": ratio**2 * n,
        "residual": tau2 * n,
        "shared": se * n,
    }
    if "source_kind" in rows and "n_trucks_est" in rows:
        _take_stills(rows, values)
    return values


def _take_stills(rows: pd.DataFrame, values: dict[str, Floats]) -> None:
    """Stills see no onsets: their hour's estimate stands for the whole hour."""
    est = _floats(rows, "n_trucks_est")
    is_still = (rows["source_kind"] == "stills").to_numpy() & ~np.isnan(est)
    if not is_still.any():
        return
    indep = _floats(rows, "n_trucks_se_indep")[is_still] ** 2
    total = _floats(rows, "n_trucks_se")[is_still] ** 2
    hours = (
        rows["bin_minutes"].to_numpy()[is_still] / 60 if "bin_minutes" in rows else 1
    )
    for name, value in (
        ("seen", hours),
        ("n", est[is_still]),
        ("n_squared", est[is_still]),
        ("residual", np.nan_to_num(indep)),
        ("shared", np.sqrt(np.maximum(np.nan_to_num(total - indep), 0))),
    ):
        values[name][is_still] = value


def _local(starts_us: Int64s, zone: str) -> tuple[Int64s, Int64s]:
    times = pd.DatetimeIndex(starts_us.astype("datetime64[us]"), tz="UTC")
    local = times.tz_convert(zone).tz_localize(None).to_numpy()
    hours = local.astype("datetime64[h]").astype(np.int64)
    day = hours // 24
    return day, (day + 3) % 7 * 24 + hours % 24  # 1970-01-01 was a Thursday


def _spread(values: Floats, at: Int64s, n_bins: int) -> Floats:
    result = np.zeros(n_bins)
    result[at] = values
    return result


def _encode(
    rows: pd.DataFrame,
    column: str,
    at: Int64s,
    n_bins: int,
    renamed: dict[str, str],
) -> tuple[Int64s, tuple[str, ...]]:
    codes = np.full(n_bins, -1, np.int64)
    if column not in rows:
        return codes, ()
    found, names = pd.factorize(rows[column])
    spelled = [renamed.get(str(name), str(name)) for name in names]
    unique = list(dict.fromkeys(spelled))
    places = np.array([*(unique.index(name) for name in spelled), -1], np.int64)
    codes[at] = places[found]
    return codes, tuple(unique)


def _floats(rows: pd.DataFrame, name: str) -> Floats:
    values = rows[name].to_numpy(dtype="float64", na_value=np.nan)
    return np.array(values, dtype=np.float64)
