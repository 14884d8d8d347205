"""A store and a list of decisions to what was known at each of them."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pandas as pd

from truckcount.errors import FeatureError, NaiveTimeError
from truckcount.features.calendars import year_before
from truckcount.features.files import StoreFiles
from truckcount.features.growth import growth_of, pair_records, panel
from truckcount.features.load import Vintage
from truckcount.features.moments import as_us
from truckcount.features.quarters import (
    DayOf,
    earliest_day,
    ended_quarters,
    running_quarters,
    zones_of,
)
from truckcount.features.replay import Replay
from truckcount.features.rollup import rollup
from truckcount.features.sites import (
    check_mapped,
    check_site_map,
    known_site_map,
    lines_with_hours,
)
from truckcount.features.tables import load_calibrations
from truckcount.features.totals import PROFILE_DAYS

Quarter = Literal["ended", "running"]
READ = (
    "camera",
    "gate",
    "direction",
    "hour_start_utc",
    "source_kind",
    "n_trucks",
    "coverage_s",
    "n_trucks_est",
    "n_trucks_se",
    "n_trucks_se_indep",
    "known_at_utc",
    "config_hash",
    "calibration_id",
    "tz",
)
COLUMNS = (
    "ticker",
    "decision_utc",
    "fiscal_year",
    "fiscal_quarter",
    "period_start",
    "period_end",
    "trucks",
    "trucks_before",
    "cov_w",
    "cov_w_before",
    "growth",
    "log_growth",
    "se_log_growth",
    "se_log_growth_indep",
    "n_matched",
    "n_dropped",
    "dropped_share",
    "dropped",
    "max_known_at_utc",
    "vintage",
)
log = logging.getLogger(__name__)
ZONE_SLACK = pd.Timedelta(days=1)
YEAR = timedelta(days=364)


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelSpec:
    """What `asof_panel` computes; all tables are append-only with known_at_utc."""

    site_map: pd.DataFrame
    calendar: pd.DataFrame
    bridges: pd.DataFrame | None = None
    quarter: Quarter = "ended"
    """The last quarter that had ended at all sites, or the one running."""
    vintage: Vintage = "strict"
    phi: float | None = None
    """Over-dispersion of missed hours; None measures it on what was known."""


def asof_panel(
    store: str | Path, decisions: pd.DataFrame, spec: PanelSpec
) -> pd.DataFrame:
    """Compute one row of features per decision, from what was known then.

    Parameters
    ----------
    decisions : DataFrame
        ticker, decision_utc (aware).

    Returns
    -------
    DataFrame
        ticker, decision_utc, fiscal_year, fiscal_quarter, period_start,
        period_end, trucks and trucks_before (matched gates, this year and 364
        days before), log_growth, se_log_growth, cov_w, cov_w_before, n_matched,
        n_dropped, dropped_share, max_known_at_utc, vintage. Null where nothing
        could be matched.

    Raises
    ------
    NaiveTimeError
        When a decision has no zone.
    FeatureError
        When a fact entered that was not known: a bug, never to be caught.

    Notes
    -----
    A quarter's dates are local dates of the ticker's sites, in the zones that their
    hours told by then. Where the sites lie in several zones, a day or a quarter has
    ended when it has ended at all of them. In a mirror, hours and calibrations count
    as known ten minutes later than they say, when a push had brought them.
    """
    if not isinstance(decisions["decision_utc"].dtype, pd.DatetimeTZDtype):
        msg = "decision_utc has no zone: localize it, as with dt.tz_localize('UTC')"
        raise NaiveTimeError(msg)
    _check_spec(spec)
    spec = replace(spec, site_map=check_site_map(spec.site_map))
    wanted = list(decisions["ticker"].unique())
    _warn_of_no_calendar(spec.calendar, wanted)
    times = sorted(decisions["decision_utc"].unique())
    window = _window(times, spec, wanted)
    replay = Replay.open(
        store, READ, window=window, as_of_us=_us(times[-1]), vintage=spec.vintage
    )
    _check_names(replay, decisions, spec.site_map)
    calibrations = _delay(load_calibrations(store), StoreFiles.open(store).embargo_us)
    rows: list[dict[str, Any]] = []
    for time in times:
        tickers = decisions.loc[decisions["decision_utc"] == time, "ticker"].unique()
        rows += _at(replay, pd.Timestamp(time), list(tickers), spec, calibrations)
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    late = frame[frame["max_known_at_utc"] > frame["decision_utc"]]
    if len(late):
        row = late.iloc[0]
        msg = (
            f"{row['ticker']} at {row['decision_utc']} used a fact known at "
            f"{row['max_known_at_utc']}: this is a bug in truckcount, please report it"
        )
        raise FeatureError(msg)
    order = decisions[["ticker", "decision_utc"]]
    return order.merge(frame, on=["ticker", "decision_utc"], how="left")


def _check_spec(spec: PanelSpec) -> None:
    for name, known in (("quarter", Quarter), ("vintage", Vintage)):
        value = getattr(spec, name)
        if value not in get_args(known):
            words = " or ".join(map(repr, get_args(known)))
            msg = f"{name} of the PanelSpec must be {words}, got {value!r}"
            raise FeatureError(msg)


def _warn_of_no_calendar(calendar: pd.DataFrame, tickers: Iterable[str]) -> None:
    bare = sorted(set(tickers).difference(calendar["ticker"].dropna()))
    if bare and calendar["ticker"].notna().all():
        log.warning(
            "the calendar has no quarter of %s: their features are null",
            ", ".join(bare),
        )


def _own_calendars(
    calendar: pd.DataFrame, tickers: Iterable[str], time: pd.Timestamp
) -> pd.DataFrame:
    """Give each ticker that told no quarter by then those that are for all."""
    for_all = calendar[calendar["ticker"].isna()]
    told = calendar[calendar["ticker"].notna()]
    told_by_then = _known(told, time)
    has_told = set() if told_by_then is None else set(told_by_then["ticker"])
    bare = sorted(set(tickers).difference(has_told))
    parts = [told, *(for_all.assign(ticker=ticker) for ticker in bare)]
    return pd.concat([part for part in parts if len(part)] or [calendar])


def _check_names(
    replay: Replay, decisions: pd.DataFrame, site_map: pd.DataFrame
) -> None:
    """Say which tickers have no site, and which sites no hours: their rows are null."""
    wanted = set(decisions["ticker"])
    if strange := sorted(wanted.difference(site_map["ticker"])):
        log.warning(
            "the site map has no ticker %s: their features are null", ", ".join(strange)
        )
    lines = site_map[site_map["ticker"].isin(wanted)]
    if len(lines):
        check_mapped(replay.list_gates(), lines)


def _at(
    replay: Replay,
    time: pd.Timestamp,
    tickers: list[str],
    spec: PanelSpec,
    calibrations: pd.DataFrame,
) -> list[dict[str, Any]]:
    """Compute the rows of all decisions of one moment."""
    site_map = known_site_map(spec.site_map, time)
    site_map = site_map[site_map["ticker"].isin(tickers)]
    cameras = sorted(set(site_map["camera"]))
    day_of = _local_days(replay, time, cameras, site_map)
    quarters = _quarters(spec, time, day_of, tickers)
    quarters = quarters[quarters["ticker"].isin(tickers)]
    bridges = _known(spec.bridges, time)
    told = _known(calibrations, time)
    options: dict[str, Any] = {
        "site_map": site_map,
        "calibrations": told if told is not None and len(told) else None,
        "bridges": bridges,
        "phi": spec.phi,
    }
    now = before = pd.DataFrame()
    if len(quarters):
        now = _totals(replay, time, quarters, cameras, options)
        before = _totals(replay, time, year_before(quarters), cameras, options)
    pairs = panel(now, prior=before) if len(now) and len(before) else pd.DataFrame()
    told_at = [_latest_known(t, time) for t in (spec.calendar, site_map, bridges, told)]
    newest = max(told_at)
    quarter_of = {q["ticker"]: q for q in quarters.to_dict("records")}
    pairs_of: dict[str, list[dict[str, Any]]] = {}
    for pair in pair_records(pairs) if len(pairs) else ():
        pairs_of.setdefault(pair["ticker"], []).append(pair)
    known_of = [
        t.groupby("ticker")["max_known_at_utc"].max().to_dict()
        for t in (now, before)
        if len(t)
    ]
    rows = []
    for ticker in tickers:
        row: dict[str, Any] = {"ticker": ticker, "decision_utc": time}
        if ticker in quarter_of:
            line = quarter_of[ticker]
            row |= {
                "fiscal_year": int(line["fiscal_year"]),
                "fiscal_quarter": int(line["fiscal_quarter"]),
                "period_start": pd.Timestamp(line["start_date"]),
                "period_end": pd.Timestamp(line["end_date"]) + pd.Timedelta(days=1),
            }
        row |= _features(pairs_of.get(ticker, [])) | {
            "max_known_at_utc": max(
                [newest, *(known[ticker] for known in known_of if ticker in known)]
            ),
            "vintage": spec.vintage,
        }
        rows.append(row)
    return rows


def _totals(
    replay: Replay,
    time: pd.Timestamp,
    quarters: pd.DataFrame,
    cameras: list[str],
    options: dict[str, Any],
) -> pd.DataFrame:
    low = pd.Timestamp(min(quarters["start_date"]), tz="UTC")
    high = pd.Timestamp(max(quarters["end_date"]), tz="UTC") + pd.Timedelta(days=1)
    low = low - pd.Timedelta(days=PROFILE_DAYS) - ZONE_SLACK
    hours = replay.at(
        _us(time), window=(_us(low), _us(high + ZONE_SLACK)), cameras=cameras
    )
    if not len(hours):
        return pd.DataFrame()
    lines = lines_with_hours(hours, options["site_map"])
    lines = lines[lines["ticker"].isin(quarters["ticker"])]  # others are told later
    return rollup(hours, "FQ", quarters, **options | {"site_map": lines})


def _features(pairs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    if not pairs:
        nothing = dict.fromkeys(("trucks", "trucks_before", "log_growth"), np.nan)
        return {**nothing, "n_matched": 0, "n_dropped": 0}
    matched = [pair for pair in pairs if pair["is_matched"]]

    def values(name: str) -> npt.NDArray[np.float64]:
        return np.array([pair[name] for pair in matched], np.float64)

    return {
        "trucks": values("total").sum() if matched else np.nan,
        "trucks_before": values("total_before").sum() if matched else np.nan,
        "cov_w": values("cov_w").mean() if matched else np.nan,
        "cov_w_before": values("cov_w_before").mean() if matched else np.nan,
        **growth_of(pairs),
    }


def _quarters(
    spec: PanelSpec, time: pd.Timestamp, day_of: DayOf, tickers: Iterable[str]
) -> pd.DataFrame:
    """Return the quarter of each ticker; what it told later is not known to be its."""
    calendar = _own_calendars(spec.calendar, tickers, time)
    find = running_quarters if spec.quarter == "running" else ended_quarters
    return find(calendar, time.to_pydatetime(), day_of)


def _local_days(
    replay: Replay, time: pd.Timestamp, cameras: list[str], site_map: pd.DataFrame
) -> DayOf:
    """Return what tells the day that all sites of a ticker have reached."""
    zones_of_camera = replay.zones_at(_us(time), cameras)
    now = time.tz_convert("UTC").to_pydatetime()
    lines_of = dict(list(site_map.groupby("ticker")))

    def day_of(ticker: str | None) -> date:
        lines = lines_of.get(ticker)
        found = () if lines is None else zones_of(lines, zones_of_camera, now.date())
        return earliest_day(now, found)

    return day_of


def _window(
    times: list[Any], spec: PanelSpec, tickers: Sequence[str]
) -> tuple[int, int]:
    """Return the hours that any of the decisions may need, whatever their zones."""
    starts = [pd.Timestamp(times[0]).date()]
    for time in map(pd.Timestamp, times):
        for n_days in (-1, 0, 1):
            day = time.tz_convert("UTC").date() + timedelta(days=n_days)
            used = _quarters(spec, time, _always(day), tickers)
            starts += list(used["start_date"])
    slack = YEAR + timedelta(days=PROFILE_DAYS) + ZONE_SLACK
    first = pd.Timestamp(min(starts), tz="UTC")
    return _us(first - slack), _us(pd.Timestamp(times[-1]))


def _always(day: date) -> DayOf:
    return lambda _: day


def _delay(table: pd.DataFrame, embargo_us: int) -> pd.DataFrame:
    """Take a mirror's lines as known when they could be read there, as its hours."""
    if not embargo_us or "known_at_utc" not in table:
        return table
    known = pd.to_datetime(table["known_at_utc"], utc=True)
    return table.assign(known_at_utc=known + pd.Timedelta(embargo_us, "us"))


def _known(table: pd.DataFrame | None, time: pd.Timestamp) -> pd.DataFrame | None:
    if table is None or "known_at_utc" not in table:
        return table
    known = pd.to_datetime(table["known_at_utc"], utc=True)
    return table[known.isna() | (known <= time)]


def _latest_known(table: pd.DataFrame | None, time: pd.Timestamp) -> pd.Timestamp:
    """Return when the newest used line of a table became known."""
    beginning = pd.Timestamp(0, tz="UTC")
    known = _known(table, time)
    if known is None or "known_at_utc" not in known or not len(known):
        return beginning
    latest = pd.to_datetime(known["known_at_utc"], utc=True).max()
    return beginning if pd.isna(latest) else latest


def _us(time: Any) -> int:
    return int(as_us(pd.Series([pd.Timestamp(time)]))[0])
