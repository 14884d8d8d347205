"""Hour rows of one gate and direction to arrays over every bin of its validity."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from truckcount.features.columns import HourColumns, Names
from truckcount.features.factors import UNCALIBRATED, Factor
from truckcount.features.moments import Int64s

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
    """Hours of it that were watched; all of them where clips or stills tell of it."""
    n: Floats
    """Trucks counted, times the calibration factor; 0 where nobody watched."""
    n_squared: Floats
    """The same times the factor squared: what Poisson variance multiplies."""
    residual: Floats
    """Counting variance of it: tau2 per counted truck."""
    sampling: Floats
    """Variance of it where it was estimated from clips or stills."""
    continuity: Floats
    """Variance that half a truck more would give it, where clips saw none."""
    shared: Floats
    """Its standard error that all bins of one calibration have in common."""
    calibration: Int64s
    """Index into ``calibrations``; -1 is none."""
    calibrations: tuple[str, ...]
    """What errors are shared by: ids, and ``dwell:<config_hash>`` of stills whose mean
    dwell was given and not audited."""
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
    rows: pd.DataFrame | HourColumns,
    factors: dict[str, Factor],
    *,
    active: tuple[int | None, int | None] = (None, None),
    bridge: dict[str, float] | None = None,
) -> Grid:
    """Lay the rows of one gate and direction on the grid of its bins.

    Parameters
    ----------
    rows : DataFrame or HourColumns
        Hours, or bins with ``bin_start_utc``, of one gate and direction.
    active : (from_us, to_us)
        The gate's validity; None is the first or the last row.
    bridge : mapping of config_hash to float, optional
        What to multiply the counts of a configuration by, to have them on the
        scale of the latest one, which stands first; they then go by its name.
    """
    rows = HourColumns.of(rows) if isinstance(rows, pd.DataFrame) else rows
    bin_us = rows.minutes * US_PER_MINUTE
    start_us = rows.start_us
    low = int(start_us.min()) if active[0] is None else active[0]
    high = int(start_us.max()) + bin_us if active[1] is None else active[1]
    first = low // bin_us * bin_us
    n_bins = max(0, -(-(high - first) // bin_us))
    starts = first + bin_us * np.arange(n_bins, dtype=np.int64)
    inside = np.minimum(starts + bin_us, high) - np.maximum(starts, low)
    at = (start_us - first) // bin_us
    use = (at >= 0) & (at < n_bins)
    if not use.all():
        rows, at = rows.take(use), at[use]
    zone = _latest_zone(rows)
    day, cell = _local(starts, zone)
    due = inside / US_PER_HOUR
    values = _row_values(rows, factors, bridge or {}, inside[at] / bin_us)
    spread = {name: _spread(v, at, n_bins) for name, v in values.items()}
    spread["seen"] = np.minimum(spread["seen"], due)
    renamed = dict.fromkeys(bridge, next(iter(bridge))) if bridge else {}
    shared_by = _shared_by(rows, values["shared"])
    calibration, calibrations = _encode(shared_by, at, n_bins, {})
    config, configs = _encode(rows.config, at, n_bins, renamed)
    known = np.full(n_bins, np.iinfo(np.int64).min)
    if rows.known_us is not None:
        known[at] = rows.known_us
    # where clocks go back over midnight, local days do not rise with UTC
    order = np.argsort(day, kind="stable")
    return Grid(
        zone=zone,
        day=day[order],
        cell=cell[order],
        due=due[order],
        known_us=known[order],
        calibrations=calibrations,
        configs=configs,
        calibration=calibration[order],
        config=config[order],
        **{name: v[order] for name, v in spread.items()},
    )


def _latest_zone(rows: HourColumns) -> str:
    """Return the zone of the newest row: one that was corrected holds for all.

    A camera does not move; rows from before the correction say where it was believed
    to be, and their days would begin at another hour than those after it.
    """
    if not len(rows):
        return "UTC"
    return rows.zone.names[int(rows.zone.codes[rows.start_us.argmax()])]


def _row_values(
    rows: HourColumns,
    factors: dict[str, Factor],
    bridge: dict[str, float],
    share: Floats,
) -> dict[str, Floats]:
    """Return what each row gives to its bin.

    Parameters
    ----------
    share : float array, shape (n,)
        Of each bin inside the gate's validity.
    """
    n = np.nan_to_num(rows.n_trucks)
    ratio, se, tau2 = np.ones_like(n), np.zeros_like(n), np.zeros_like(n)
    if rows.calibration is not None and factors:
        ratio, se, tau2 = (
            rows.calibration.spread(
                {name: getattr(v, field) for name, v in factors.items()},
                getattr(UNCALIBRATED, field),
            )
            for field in ("ratio", "se", "tau2")
        )
    scale = np.ones_like(n)
    if bridge and rows.config is not None:
        scale = rows.config.spread(bridge, 1.0)
        ratio, se, tau2 = ratio * scale, se * scale, tau2 * scale**2
    values = {
        "seen": rows.coverage_s / 3600.0,
        "n": ratio * n,
        "n_squared": ratio**2 * n,
        "residual": tau2 * n,
        "shared": se * n,
        "sampling": np.zeros_like(n),
        "continuity": np.zeros_like(n),
    }
    _take_estimates(rows, values, ratio, scale, share)
    return values


def _take_estimates(
    rows: HourColumns,
    values: dict[str, Floats],
    ratio: Floats,
    scale: Floats,
    share: Floats,
) -> None:
    """Let the estimate of clips on a cycle and of stills stand for the whole hour.

    Ten seconds every five minutes are a plan that was kept, no outage: that most
    of the hour went by unseen is in the estimate's standard error. Clips too few
    for an estimate are left as what they are, some seconds watched.

    Parameters
    ----------
    ratio, scale : float array, shape (n,)
        Factor with bridge, which the estimate has without; the bridge alone.
    share : float array, shape (n,)
        Of each bin inside the gate's validity: an estimate is of the whole bin.
    """
    if rows.est is None or rows.se is None or rows.se_indep is None:
        return
    is_told = ~np.isnan(rows.est)
    kinds = [kind for kind in (rows.is_still, rows.is_duty) if kind is not None]
    use = is_told & np.logical_or.reduce(kinds)
    if not use.any():
        return
    scale, ratio = (scale * share)[use], ratio[use]
    est = rows.est[use] * scale
    indep, total = (
        np.nan_to_num((se[use] * scale) ** 2) for se in (rows.se_indep, rows.se)
    )
    # Each hour's error allows for half a truck where its clips saw none. A day of
    # 24 such hours is not twelve trucks in doubt: totals add the half truck once.
    is_bare = np.zeros(len(est), np.bool_)
    if rows.is_duty is not None:
        is_bare = rows.is_duty[use] & (rows.n_trucks[use] == 0)
    for name, value in (
        ("seen", 1.0 if rows.bin_hours is None else rows.bin_hours[use]),
        ("n", est),
        ("n_squared", ratio * est),
        ("residual", 0.0),
        ("shared", np.sqrt(np.maximum(total - indep, 0))),
        ("sampling", np.where(is_bare, 0.0, indep)),
        ("continuity", np.where(is_bare, indep, 0.0)),
    ):
        values[name][use] = value


def _shared_by(rows: HourColumns, shared: Floats) -> Names | None:
    """Name what each row shares its error with: its calibration, or its dwell."""
    if rows.is_still is None or rows.config is None:
        return rows.calibration
    none = np.full(len(rows), -1)
    names = rows.calibration if rows.calibration is not None else Names(none, ())
    is_bare = rows.is_still & (names.codes < 0) & (shared > 0)
    dwells = tuple(f"dwell:{name}" for name in rows.config.names)
    codes = np.where(is_bare, len(names.names) + rows.config.codes, names.codes)
    return Names(codes, names.names + dwells)


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
    column: Names | None, at: Int64s, n_bins: int, renamed: dict[str, str]
) -> tuple[Int64s, tuple[str, ...]]:
    """Spread a column over the bins; return its codes, and the names in use."""
    codes = np.full(n_bins, -1, np.int64)
    if column is None:
        return codes, ()
    used, found = np.unique(column.codes, return_inverse=True)
    spelled = [
        None if k < 0 else renamed.get(column.names[k], column.names[k]) for k in used
    ]
    unique = list(dict.fromkeys(name for name in spelled if name is not None))
    places = [-1 if name is None else unique.index(name) for name in spelled]
    codes[at] = np.array(places, np.int64)[found]
    return codes, tuple(unique)
