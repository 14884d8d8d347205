"""Made-up firms, their sales and their trucks, and a store that watched them."""

import json
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from truckcount.features import fiscal_from_ends
from truckcount.store.schema import schema_of

Floats = npt.NDArray[np.float64]
FIRST_DAY = date(2019, 12, 30)  # a Monday
QUARTER_DAYS = 91
HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000
MODEL_YEARS = (3, 5)  # a new model begins with these fiscal years
DETECTED = (0.87, 0.957, 0.92)  # share of trucks that each model counts
RESTATED_AFTER_DAYS = 40  # of the quarter's end: after the decision and the report
DECISION_AFTER = pd.offsets.BusinessDay(5)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldOptions:
    """What the world is like; shares and standard deviations of log growth."""

    n_firms: int = 40
    n_quarters: int = 24
    firm_sd: float = 0.01
    market_sd: float = 0.02
    own_sd: float = 0.03
    consensus_sd: float = 0.02
    consensus_ar: float = 0.3
    kappa: float = 0.7
    kappa_sd: float = 0.2
    truck_sd: float = 0.03
    calibration_cv: float = 0.04
    outage_share: float = 0.08
    restated_share: float = 0.10
    restated_slope: float = 3.0
    """How much restated hours overstate trucks per unit of sales growth."""


@dataclass(frozen=True, slots=True)
class Sales:
    """Growth on the year before; arrays of shape (firms, quarters)."""

    growth: Floats
    consensus: Floats
    trucks: Floats
    """True log growth of trucks."""


@dataclass(frozen=True, slots=True)
class World:
    """A store and what a decision may know beside it."""

    store: Path
    sales: Sales
    site_map: pd.DataFrame
    calendar: pd.DataFrame
    bridges: pd.DataFrame
    decisions: pd.DataFrame
    n_cameras: int


def draw_sales(rng: np.random.Generator, options: WorldOptions) -> Sales:
    """Draw sales growth s, consensus c = s + e and true truck growth kappa s + v."""
    shape = options.n_firms, options.n_quarters
    growth = (
        options.firm_sd * rng.standard_normal((shape[0], 1))
        + options.market_sd * rng.standard_normal((1, shape[1]))
        + options.own_sd * rng.standard_normal(shape)
    )
    error = np.zeros(shape)
    shocks = options.consensus_sd * rng.standard_normal(shape)
    error[:, 0] = shocks[:, 0]
    keep = np.sqrt(1 - options.consensus_ar**2)
    for q in range(1, shape[1]):
        error[:, q] = options.consensus_ar * error[:, q - 1] + keep * shocks[:, q]
    kappa = options.kappa + options.kappa_sd * rng.standard_normal((shape[0], 1))
    if options.kappa == 0:
        kappa = np.zeros((shape[0], 1))
    trucks = kappa * growth + options.truck_sd * rng.standard_normal(shape)
    return Sales(growth, growth + error, trucks)


def measured_growth(
    rng: np.random.Generator, sales: Sales, options: WorldOptions
) -> Floats:
    """Measure truck growth without a store: true growth and two audits' errors.

    Counting noise is left out: a quarter holds thousands of trucks.
    """
    n_firms, n_quarters = sales.trucks.shape
    years = np.arange(n_quarters) // 4 + 1
    audits = options.calibration_cv * rng.standard_normal((n_firms, years.max() + 1))
    return sales.trucks + audits[:, years] - audits[:, years - 1]


def make_world(folder: Path, rng: np.random.Generator, options: WorldOptions) -> World:
    """Write the store of a world; only ``history``, which decisions read."""
    sales = draw_sales(rng, options)
    (folder / "_meta").mkdir(parents=True)
    meta = folder / "_meta" / "store.json"
    meta.write_text(json.dumps({"schema_version": 1}), encoding="utf-8")
    tickers = [f"F{k:02d}" for k in range(options.n_firms)]
    maps, bridges = [], []
    for k, ticker in enumerate(tickers):
        n_years = -(-options.n_quarters // 4)
        audit_errors = options.calibration_cv * rng.standard_normal(n_years)
        n_cameras = int(rng.choice([1, 2, 3, 4], p=[0.85, 0.1, 0.03, 0.02]))
        for number in range(n_cameras):
            camera = f"{ticker.lower()}-{number}"
            table = _watch(rng, camera, ticker, sales, k, audit_errors, options)
            _write_months(folder / "history" / camera, table)
            maps.append({"camera": camera, "gate": "exit", "ticker": ticker})
            for old, new in (("model0", "model1"), ("model1", "model2")):
                bridges.append({"camera": camera, "from_hash": old, "to_hash": new})
    site_map = pd.DataFrame(maps).assign(site=lambda m: m["ticker"])
    ends = [
        FIRST_DAY + timedelta(days=QUARTER_DAYS * q - 1)
        for q in range(options.n_quarters + 1)
    ]
    calendars = [fiscal_from_ends(ends, first_year=1, ticker=t) for t in tickers]
    closes = pd.DatetimeIndex([pd.Timestamp(e, tz="UTC") for e in ends[5:]])
    times = (closes + DECISION_AFTER).as_unit("us")
    decisions = pd.MultiIndex.from_product([tickers, times]).to_frame(index=False)
    decisions.columns = pd.Index(["ticker", "decision_utc"])
    return World(
        store=folder,
        sales=sales,
        site_map=site_map,
        calendar=pd.concat(calendars, ignore_index=True),
        # audits put every model on the scale of true trucks: nothing is left to scale
        bridges=pd.DataFrame(bridges).assign(gate="exit", ratio=1.0),
        decisions=decisions,
        n_cameras=len(site_map),
    )


def _watch(
    rng: np.random.Generator,
    camera: str,
    ticker: str,
    sales: Sales,
    firm: int,
    audit_errors: Floats,
    options: WorldOptions,
) -> pa.Table:
    """Watch one gate: hours with outages, some restated late."""
    n_hours = options.n_quarters * QUARTER_DAYS * 24
    hour = np.arange(n_hours)
    quarter = hour // (24 * QUARTER_DAYS)
    year = quarter // 4
    model = sum((year >= y - 1).astype(int) for y in MODEL_YEARS)
    level = np.zeros(options.n_quarters)
    for q in range(options.n_quarters):
        level[q] = (level[q - 4] if q >= 4 else 0.0) + sales.trucks[firm, q] * (q >= 4)
    clock, weekday = hour % 24, hour // 24 % 7
    shape = 0.3 + np.exp(-((clock - 14) ** 2) / 20)
    rate = rng.uniform(8, 20) * shape * np.where(weekday >= 5, 0.35, 1.0)
    rate *= np.exp(level[quarter]) * np.array(DETECTED)[model]
    n = rng.poisson(rate)
    coverage = np.where(_outages(rng, n_hours, options.outage_share), 0.0, 3600.0)
    is_late = (rng.random(n_hours) < options.restated_share) & (coverage > 0)
    overstated = np.exp(options.restated_slope * sales.growth[firm, quarter])
    restated = rng.poisson(rate * overstated)
    quarter_end = (quarter + 1) * QUARTER_DAYS * 24
    first_known = hour + 1.3
    late_known = quarter_end + 24 * RESTATED_AFTER_DAYS
    rows = np.concatenate([hour, hour[is_late]])
    return _to_table(
        camera,
        ticker,
        hour=rows,
        n=np.concatenate([n, restated[is_late]]),
        coverage=coverage[rows],
        known_hours=np.concatenate([first_known, late_known[is_late]]),
        revision=np.concatenate([np.ones(n_hours), np.full(is_late.sum(), 2.0)]),
        model=model[rows],
        year=year[rows],
        audit_errors=audit_errors,
        cv=options.calibration_cv,
    )


def _outages(rng: np.random.Generator, n_hours: int, share: float) -> Floats:
    """Draw outages of 6 to 30 hours; every other camera's begin on weekends."""
    is_dark = np.zeros(n_hours, np.bool_)
    is_weekend_heavy = rng.random() < 0.5
    for _ in range(round(share * n_hours / 18)):
        begin = rng.integers(0, n_hours)
        if is_weekend_heavy:
            begin = begin // 168 * 168 + rng.integers(5 * 24, 6 * 24 + 12)
        is_dark[begin : begin + rng.integers(6, 31)] = True
    return is_dark


def _to_table(
    camera: str,
    ticker: str,
    *,
    hour: npt.NDArray[np.int64],
    n: npt.NDArray[np.int64],
    coverage: Floats,
    known_hours: Floats,
    revision: Floats,
    model: npt.NDArray[np.int64],
    year: npt.NDArray[np.int64],
    audit_errors: Floats,
    cv: float,
) -> pa.Table:
    start_us = (FIRST_DAY - date(1970, 1, 1)).days * DAY_US
    hour_us = start_us + HOUR_US * hour
    seen = coverage > 0
    factor = np.exp(audit_errors)[year] / np.array(DETECTED)[model]
    est = np.where(seen, factor * n, np.nan)
    shared = cv * est
    time = pa.timestamp("us", tz="UTC")
    audits = [f"{ticker}-audit-{y + 1}" for y in range(len(audit_errors))]
    values = {
        "hour_start_utc": pa.array(hour_us).cast(time),
        "n_trucks": pa.array(n.astype(np.int32), mask=~seen),
        "coverage_s": pa.array(coverage),
        "n_trucks_est": pa.array(est, mask=~seen),
        "n_trucks_se": pa.array(shared, mask=~seen),
        "n_trucks_se_indep": pa.array(np.zeros(len(n)), mask=~seen),
        "known_at_utc": pa.array(
            (start_us + HOUR_US * known_hours).astype(np.int64)
        ).cast(time),
        "revision": pa.array(revision.astype(np.int32)),
        "config_hash": pa.array([f"model{m}" for m in range(3)]).take(pa.array(model)),
        "calibration_id": pa.array(audits).take(pa.array(year)),
        "local_start": pa.array(hour_us).cast(pa.timestamp("us")),
    }
    constants = {
        "camera": camera, "gate": "exit", "direction": "out", "tz": "UTC",
        "bin_minutes": 60, "source_kind": "video", "model_id": "m@sha256:0",
        "cause": "first", "payload_sha": "0" * 12, "is_final": True,
        "is_backfill": False,
    }  # fmt: skip
    arrays = [
        values[f.name]
        if f.name in values
        else pa.repeat(pa.scalar(constants.get(f.name, 0), f.type), len(n))
        for f in schema_of("history")
    ]
    return pa.Table.from_arrays(arrays, schema=schema_of("history"))


def _write_months(folder: Path, table: pa.Table) -> None:
    folder.mkdir(parents=True)
    known = table["known_at_utc"].cast(pa.timestamp("us")).to_numpy()
    months = known.astype("datetime64[M]")
    order = np.argsort(months, kind="stable")
    table, months = table.take(pa.array(order)), months[order]
    starts = np.flatnonzero(np.r_[True, months[1:] != months[:-1]])
    names = [f.name for f in table.schema if pa.types.is_string(f.type)]
    for low, high in zip(starts, np.r_[starts[1:], len(months)], strict=True):
        pq.write_table(
            table.slice(low, high - low),
            folder / f"{months[low]}.parquet",
            write_statistics=False,
            use_dictionary=names,
        )
