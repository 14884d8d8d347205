"""A quarter that is still running, against the same days of the year before."""

from datetime import date, datetime
from typing import Any

import pandas as pd

from truckcount.errors import FeatureError
from truckcount.features.calendars import (
    YEAR_SHIFT_DAYS,
    day_number,
    to_date,
    year_before,
)
from truckcount.features.growth import growth_of, measure_growth, panel
from truckcount.features.moments import Moment, moment_us
from truckcount.features.quarters import earliest_day, running_quarters, zones_of
from truckcount.features.rollup import rollup
from truckcount.features.sites import check_mapped, lines_with_hours, seen_in
from truckcount.store.layout import from_us

COLUMNS = (
    "ticker",
    "fiscal_year",
    "fiscal_quarter",
    "period_start",
    "n_days",
    "last_year_start",
    "qtd",
    "qtd_before",
    "before",
    "projection",
    "cov_w",
    "cov_w_before",
    *growth_of([]),
)


def qtd(
    hours: pd.DataFrame,
    calendar: pd.DataFrame,
    as_of: Moment,
    *,
    site_map: pd.DataFrame | None = None,
    **options: Any,
) -> pd.DataFrame:
    """Compare the whole local days of the running quarter with those of last year.

    Parameters
    ----------
    hours : DataFrame
        As known at ``as_of``, from the same quarter of the year before on.
    site_map : DataFrame, optional
        Adds gates up by ticker; without it all gates belong together.
    options
        As of `rollup`.

    Returns
    -------
    DataFrame
        One row per ticker whose quarter is running: fiscal_year, fiscal_quarter,
        n_days (whole days gone), qtd and qtd_before (matched gates alone),
        growth, log_growth, se_log_growth, cov_w, cov_w_before, before (the whole
        quarter of the year before, the same gates), projection
        (= qtd x before / qtd_before), n_matched, n_dropped, dropped_share.

    Raises
    ------
    FeatureError
        When an hour was known only after ``as_of``, or no gate of the map has hours.

    Notes
    -----
    Days are those of each ticker's sites. Where they lie in several zones, a day is
    over when it is over at all of them.
    """
    now = from_us(moment_us(as_of, "as_of"))
    _check_known(hours, now)
    if site_map is not None:
        check_mapped(seen_in(hours), site_map)
        site_map = lines_with_hours(hours, site_map)
    places = hours[["camera", "tz"]].drop_duplicates()
    zones_of_camera = places.groupby("camera", observed=True)["tz"].agg(set).to_dict()

    def day_of(ticker: str | None) -> date:
        mapped = _lines_of(site_map, ticker)
        if mapped is None:
            return earliest_day(now, places["tz"])
        return earliest_day(now, zones_of(mapped, zones_of_camera, now.date()))

    running = running_quarters(calendar, now, day_of)
    rows = []
    for ticker, quarters in running.groupby("ticker", dropna=False):
        mapped = _lines_of(site_map, None if pd.isna(ticker) else ticker)
        rows.append(_compare(hours, quarters, mapped, options))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _check_known(hours: pd.DataFrame, now: datetime) -> None:
    """Refuse hours that nobody knew then: they would look ahead."""
    if "known_at_utc" not in hours or "vintage" in hours:
        return  # what a simulated vintage pretends is its reader's to say
    newest = hours["known_at_utc"].max()
    if newest > now:
        msg = (
            f"the hours were known at {newest:%Y-%m-%dT%H:%MZ}, after as_of "
            f"{now:%Y-%m-%dT%H:%MZ}: load them with load_hours(store, as_of)"
        )
        raise FeatureError(msg)


def _lines_of(site_map: pd.DataFrame | None, ticker: str | None) -> pd.DataFrame | None:
    if site_map is None or ticker is None:
        return site_map
    return site_map[site_map.get("ticker", site_map["site"]) == ticker]


def _compare(
    hours: pd.DataFrame,
    quarters: pd.DataFrame,
    site_map: pd.DataFrame | None,
    options: dict[str, Any],
) -> dict[str, Any]:
    whole = quarters.assign(end_date=quarters["whole_end_date"])
    now, before, full = (
        rollup(hours, "FQ", c, site_map=site_map, **options)
        for c in (quarters, year_before(quarters), year_before(whole))
    )
    line = quarters.iloc[0]
    n_days = day_number(line["end_date"]) - day_number(line["start_date"]) + 1
    result: dict[str, Any] = {
        "ticker": line["ticker"],
        "fiscal_year": int(line["fiscal_year"]),
        "fiscal_quarter": int(line["fiscal_quarter"]),
        "period_start": pd.Timestamp(line["start_date"]),
        "n_days": n_days,
        "last_year_start": pd.Timestamp(
            to_date(day_number(line["start_date"]) - YEAR_SHIFT_DAYS)
        ),
    }
    pairs = panel(now, prior=before)
    matched = pairs[pairs["is_matched"]]
    keys = [k for k in ("ticker", "camera", "gate", "direction") if k in matched]
    last = matched[keys].merge(full[[*keys, "total"]], on=keys, how="left")["total"]
    qtd_now, qtd_before = matched["total"].sum(), matched["total_before"].sum()
    whole_before = (
        float(last.sum()) if len(last) and last.notna().all() else float("nan")
    )
    return result | {
        "qtd": float(qtd_now) if len(matched) else float("nan"),
        "qtd_before": float(qtd_before) if len(matched) else float("nan"),
        "before": whole_before,
        "projection": qtd_now * whole_before / qtd_before
        if qtd_before
        else float("nan"),
        "cov_w": float(matched["cov_w"].mean()),
        "cov_w_before": float(matched["cov_w_before"].mean()),
        **measure_growth(pairs),
    }
