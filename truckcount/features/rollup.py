"""Hours to totals of days, weeks, months and fiscal quarters, with their errors."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from truckcount.errors import FeatureError
from truckcount.features.bridges import bridge_to_latest, read_bridges
from truckcount.features.calendars import (
    Frequency,
    bins_between,
    day_number,
    known_calendar,
    spans_between,
    to_date,
)
from truckcount.features.columns import (
    BY_ESTIMATE,
    ESTIMATES,
    HourColumns,
    positions_of,
)
from truckcount.features.factors import find_factors
from truckcount.features.grid import US_PER_HOUR, US_PER_MINUTE, Grid, make_grid
from truckcount.features.moments import Int64s, spell
from truckcount.features.sites import (
    DEPARTING,
    check_mapped,
    check_tickers,
    departing_lines,
    seen_in,
)
from truckcount.features.totals import Total, measure_phi, measure_total

By = Literal["gate", "site", "ticker"]
GateKey = tuple[str, str, str]
NEEDED = ("camera", "gate", "direction", "n_trucks", "coverage_s", "tz")
FISCAL = ("fiscal_year", "fiscal_quarter", "weeks")
FOREVER = 10**6  # days

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Local days [start, end) since 1970, and what they are called."""

    start: int
    end: int
    names: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class _Part:
    """What one gate and direction gives to a total."""

    gate: str
    weight: float
    total: Total
    is_complete: bool

    @property
    def spelled(self) -> str:
        """Spell the gate, and what it is multiplied by where that is not 1."""
        return self.gate if self.weight == 1 else f"{self.weight:g}*{self.gate}"

    @property
    def configs(self) -> str:
        """Spell what the gate was counted with in the period, several joined by +."""
        return f"{self.gate}={'+'.join(sorted(self.total.configs))}"


def rollup(
    hours: pd.DataFrame,
    freq: Frequency = "D",
    calendar: pd.DataFrame | None = None,
    by: By = "gate",
    site_map: pd.DataFrame | None = None,
    *,
    calibrations: pd.DataFrame | None = None,
    validity: Mapping[tuple[str, str], tuple[int | None, int | None]] | None = None,
    bridges: pd.DataFrame | None = None,
    phi: float | Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Estimate trucks per period of local days, missed hours by their own cells.

    Parameters
    ----------
    hours : DataFrame
        Of `load_hours`, or bins; with eight weeks before the first period where
        there are any, since a period's missed hours are judged by them.
    freq : {"D", "W", "M", "FQ"}
        Days, weeks from Monday, months, or the quarters of ``calendar``.
    by : {"gate", "site", "ticker"}
        Gates, each direction of its own; or departures through the exits of
        ``site_map``. Gates with a ``site_map``: its exits alone, each times its
        weight, with their ticker.
    validity : mapping of (camera, gate) to (from_us, to_us), optional
        Without it a gate's first and last row bound it.
    bridges : DataFrame, optional
        camera, gate, from_hash, to_hash, ratio: new over old on the same days, of
        counts times their factors; so 1 where audits of both put them on one scale.
        Of two for one pair the one with the later ``known_at_utc`` counts.
    phi : float or mapping of camera to float, optional
        Over-dispersion of missed hours; without it, that of each gate's own weeks
        in ``hours``, see `totals.measure_phi`.

    Returns
    -------
    DataFrame
        Keys; period_start and period_end (dates, half-open); total, se, se_indep;
        cov_w, cov_time, share_imputed, n_hours, n_hours_null, is_complete (all of
        the period inside validity), n_gates and gates (which, with direction and
        weight); shared (standard error by calibration),
        config_hash (several joined by ``+``), configs (the same gate by gate, for
        `panel`), max_known_at_utc. A total is null
        where cov_w is below 0.60, and where that of one of its gates is.

    Notes
    -----
    A sum of n_trucks is no total: it takes an outage for a quiet time.
    An hour of clips on a cycle, or of stills, counts as watched wholly where it has
    an estimate, and its standard error says how little that rests on. Where too many
    clips were lost for one, it counts for the seconds that were watched.
    """
    _check(hours, freq, calendar, by, site_map)
    if site_map is not None:
        check_mapped(seen_in(hours), site_map)
    gates = list(_gates(hours, calibrations, validity, bridges))
    lines = list(_lines(gates, by, site_map))
    rows: dict[tuple[Any, ...], list[_Part]] = {}
    known = None if calendar is None else _fiscal_periods(calendar)
    if known is not None and site_map is not None:
        check_tickers({dict(name)["ticker"] for name, *_ in lines}, known)
    measured: dict[GateKey, float] = {}
    minutes = hours["bin_minutes"].iloc[0] if "bin_minutes" in hours and lines else 60
    bin_us = int(minutes) * US_PER_MINUTE
    for name, key, grid, weight, span in lines:
        grids_phi = _phi_of(key, grid, phi, measured)
        for period in _periods(grid, freq, known, dict(name).get("ticker"), span):
            low, high = max(period.start, span[0]), min(period.end, span[1])
            total = measure_total(grid, low, high, phi=grids_phi)
            if total is not None:
                whole = _hours_of(period, grid.zone, bin_us)
                is_complete = total.n_hours >= whole - 1e-6
                part = _Part("/".join(key), weight, total, is_complete)
                rows.setdefault((name, period), []).append(part)
    if rows:
        return _to_frame(rows)
    # a year that was not watched yet has the columns of every other
    keys: tuple[str, ...] = ("ticker",) if by == "ticker" else ("ticker", "site")
    if by == "gate":
        keys = (*(keys[:1] if site_map is not None else ()), *NEEDED[:3])
    fiscal = () if known is None else zip(FISCAL, (0, 0, 0.0), strict=True)
    nothing = Period(start=0, end=1, names=tuple(fiscal))
    part = _Part("", 1.0, Total.nothing(), is_complete=False)
    return _to_frame({(tuple((key, "") for key in keys), nothing): [part]}).iloc[:0]


def _phi_of(
    key: GateKey,
    grid: Grid,
    given: float | Mapping[str, float] | None,
    measured: dict[GateKey, float],
) -> float:
    """Return what was given for a gate's camera, or measure it once."""
    if given is not None:
        return given if isinstance(given, float | int) else given.get(key[0], 1.0)
    if key not in measured:
        measured[key] = measure_phi(grid)
    return measured[key]


def daily(hours: pd.DataFrame, **options: Any) -> pd.DataFrame:
    """Roll up to local days; options as of `rollup`."""
    return rollup(hours, "D", **options)


def fiscal_quarter(
    hours: pd.DataFrame, calendar: pd.DataFrame, **options: Any
) -> pd.DataFrame:
    """Roll up to fiscal quarters; options as of `rollup`."""
    return rollup(hours, "FQ", calendar, **options)


def _check(
    hours: pd.DataFrame,
    freq: str,
    calendar: pd.DataFrame | None,
    by: str,
    site_map: pd.DataFrame | None,
) -> None:
    needed: tuple[str, ...] = NEEDED
    if "source_kind" in hours and hours["source_kind"].isin(BY_ESTIMATE).any():
        needed += ESTIMATES
    lacking = [name for name in needed if name not in hours.columns]
    if lacking:
        msg = f"a roll-up needs the column {lacking[0]!r}; load it, too"
        raise FeatureError(msg)
    if (freq == "FQ") != (calendar is not None):
        msg = "freq='FQ' and a calendar go together: see features.fiscal445"
        raise FeatureError(msg)
    if by not in ("gate", "site", "ticker"):
        msg = f"by must be gate, site or ticker, got {by!r}"
        raise FeatureError(msg)
    if by != "gate" and site_map is None:
        msg = f"by={by!r} needs a site_map: camera, gate, site, ticker, weight"
        raise FeatureError(msg)


def _gates(
    hours: pd.DataFrame,
    calibrations: pd.DataFrame | None,
    validity: Mapping[tuple[str, str], tuple[int | None, int | None]] | None,
    bridges: pd.DataFrame | None,
) -> Iterator[tuple[GateKey, Grid]]:
    factors = find_factors(hours, calibrations)
    lines = read_bridges(bridges)
    has_bins = "bin_minutes" in hours and (hours["bin_minutes"] != 60).any()
    if not has_bins and "utc_offset_min" in hours:
        _warn_of_half_hours(hours)
    if has_bins and hours["bin_minutes"].nunique() > 1:
        lengths = ", ".join(map(str, sorted(hours["bin_minutes"].unique())))
        msg = f"rows of several lengths ({lengths} minutes): roll each up by itself"
        raise FeatureError(msg)
    columns = HourColumns.of(hours)
    for key, positions in positions_of(hours, ("camera", "gate", "direction")):
        camera, gate, direction = key
        rows = columns.take(positions)
        _check_once((camera, gate, direction), rows.start_us)
        yield (
            (camera, gate, direction),
            make_grid(
                rows,
                factors,
                active=(validity or {}).get((camera, gate), (None, None)),
                bridge=bridge_to_latest(rows, lines.get((camera, gate), ())),
            ),
        )


def _lines(
    gates: Sequence[tuple[GateKey, Grid]], by: By, site_map: pd.DataFrame | None
) -> Iterator[
    tuple[tuple[tuple[str, str], ...], GateKey, Grid, float, tuple[int, int]]
]:
    """Yield what each grid counts for: name, gate, grid, weight, days [from, to)."""
    always = (-FOREVER, FOREVER)
    if by == "gate" and site_map is None:
        for key, grid in gates:
            yield _gate_name(key), key, grid, 1.0, always
        return
    for line in departing_lines(site_map).itertuples():
        span = (
            always[0] if pd.isna(line.valid_from) else day_number(line.valid_from),
            always[1] if pd.isna(line.valid_to) else day_number(line.valid_to),
        )
        for key, grid in gates:
            if key[:2] == (line.camera, line.gate) and key[2] in DEPARTING:
                names: tuple[tuple[str, str], ...] = (("ticker", line.ticker),)
                if by == "site":
                    names = (*names, ("site", line.site))
                if by == "gate":
                    names = (*names, *_gate_name(key))
                yield names, key, grid, float(line.weight), span


def _gate_name(key: GateKey) -> tuple[tuple[str, str], ...]:
    return tuple(zip(("camera", "gate", "direction"), key, strict=True))


def _periods(
    grid: Grid,
    freq: Frequency,
    fiscal: dict[str | None, list[Period]] | None,
    ticker: str | None,
    span: tuple[int, int],
) -> Iterator[Period]:
    inside = grid.day[grid.due > 0]
    inside = inside[(inside >= span[0]) & (inside < span[1])]
    if not len(inside):
        return
    first, last = int(inside.min()), int(inside.max())
    if fiscal is None:
        for start, end in spans_between(freq, first, last):
            yield Period(start=start, end=end)
        return
    if ticker is None and len(fiscal.keys() - {None}) > 1:
        msg = "the calendar has several tickers: give a site_map that tells whose gate"
        raise FeatureError(msg)
    wanted = list(fiscal) if ticker is None else [None, ticker]
    for name in wanted:
        for period in fiscal.get(name, ()):
            if period.start <= last and period.end > first:
                yield period


def _fiscal_periods(calendar: pd.DataFrame) -> dict[str | None, list[Period]]:
    """Return each ticker's quarters; None stands for all tickers."""
    periods: dict[str | None, list[Period]] = {}
    for row in known_calendar(calendar).itertuples():
        start, end = day_number(row.start_date), day_number(row.end_date) + 1
        told = int(row.fiscal_year), int(row.fiscal_quarter), float(row.weeks)
        names = tuple(zip(FISCAL, told, strict=True))
        ticker = None if pd.isna(row.ticker) else str(row.ticker)
        periods.setdefault(ticker, []).append(Period(start=start, end=end, names=names))
    return periods


def _hours_of(period: Period, zone: str, bin_us: int) -> float:
    return bins_between(period.start, period.end, zone, bin_us) * bin_us / US_PER_HOUR


def _to_frame(
    rows: Mapping[tuple[Any, ...], list[_Part]],
) -> pd.DataFrame:
    order = sorted(rows, key=lambda k: (tuple(v for _, v in k[0]), k[1].start))
    records = []
    for name, period in order:
        record = dict(name)
        record["period_start"] = pd.Timestamp(to_date(period.start))
        record["period_end"] = pd.Timestamp(to_date(period.end))
        record.update(period.names)
        records.append(record | _combine(rows[name, period]))
    frame = pd.DataFrame.from_records(records)
    # the smallest int64 says that no row is known, and is NaT in numpy, too
    known = frame["max_known_at_utc"].to_numpy(np.int64).view("datetime64[us]")
    frame["max_known_at_utc"] = pd.DatetimeIndex(known).tz_localize("UTC")
    return frame


def _combine(parts: Sequence[_Part]) -> dict[str, Any]:
    """Add gates up; one null total makes the sum null, shared errors add linearly."""
    shared: dict[str, float] = {}
    for p in parts:
        for name, amount in p.total.shared.items():
            shared[name] = shared.get(name, 0.0) + p.weight * amount
    total = sum(p.weight * p.total.total for p in parts)
    indep = sum(p.weight**2 * p.total.var_indep for p in parts)
    volumes = np.array([p.weight * np.nan_to_num(p.total.total) for p in parts])
    weights = volumes if volumes.sum() > 0 else np.ones(len(parts))
    cov_w = float(np.average([p.total.cov_w for p in parts], weights=weights))
    if np.isnan(total):
        cov_w = float(np.mean([p.total.cov_w for p in parts]))
    n_hours = sum(p.total.n_hours for p in parts)
    configs = sorted({c for p in parts for c in p.total.configs})
    return {
        "total": total,
        "se": float(np.sqrt(indep + sum(v**2 for v in shared.values()))),
        "se_indep": float(np.sqrt(indep)),
        "cov_w": cov_w,
        "cov_time": sum(p.total.cov_time * p.total.n_hours for p in parts) / n_hours,
        "share_imputed": 1.0 - cov_w,
        "n_hours": n_hours,
        "n_hours_null": sum(p.total.n_hours_null for p in parts),
        "is_complete": all(p.is_complete for p in parts),
        "n_gates": len(parts),
        "gates": "+".join(sorted(p.spelled for p in parts)),
        "shared": tuple(sorted(shared.items())),
        "config_hash": "+".join(configs),
        "configs": ";".join(sorted(p.configs for p in parts)),
        "max_known_at_utc": max(p.total.known_us for p in parts),
    }


def _check_once(key: GateKey, start_us: Int64s) -> None:
    """Refuse a moment with several rows: nobody knows which of them would count."""
    moments, n_rows = np.unique(start_us, return_counts=True)
    if len(moments) < len(start_us):
        first = spell(int(moments[n_rows > 1][0]))
        msg = (
            f"{'/'.join(key)} has several rows for {first}: "
            "`history` holds every revision, and a frame that was put together may "
            "hold an hour twice; take one row an hour, as load_hours does"
        )
        raise FeatureError(msg)


def _warn_of_half_hours(hours: pd.DataFrame) -> None:
    is_odd = hours["utc_offset_min"].to_numpy(np.int64) % 60 != 0
    for camera in hours.loc[is_odd, "camera"].unique():
        log.warning(
            "camera %s: its zone is not whole hours from UTC, so that local days cut "
            "hours; roll up `load_bins(store, %r, 15)` for exact days",
            camera,
            camera,
        )
