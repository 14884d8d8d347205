"""Totals of two periods to growth over the cameras that both of them have."""

import math
from collections.abc import Container, Iterable, Sequence
from datetime import date
from typing import Any, Literal

import numpy as np
import pandas as pd

from truckcount.errors import FeatureError
from truckcount.features.calendars import YEAR_SHIFT_DAYS
from truckcount.features.holiday_calendar import find_holidays
from truckcount.features.totals import MIN_COV_W

Lag = Literal["previous", "year"]
KEYS = ["ticker", "site", "camera", "gate", "direction"]
CARRIED = [
    "total",
    "se_indep",
    "shared",
    "cov_w",
    "config_hash",
    "configs",
    "is_complete",
    "n_gates",
    "gates",
    "n_days",
]
FISCAL = ["fiscal_year", "fiscal_quarter"]


def panel(
    totals: pd.DataFrame, lag: Lag = "previous", *, prior: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Pair each period's totals with those of the period before, or a year before.

    Parameters
    ----------
    totals : DataFrame
        Of `rollup`, by gate.
    prior : DataFrame, optional
        Totals to compare with, under the names of the periods they are compared
        to: those of ``year_before(calendar)``.

    Returns
    -------
    DataFrame
        One row per gate and pair: columns of both periods (``_before``),
        is_matched, and reason where not: ``new``, ``gone``, ``coverage`` (cov_w
        below 0.60), ``validity`` (a period is not wholly inside it), ``gates`` (a
        site or ticker of other gates or weights: what a camera more sees is no
        growth), ``config`` (another model, polygon or threshold, and no bridge).
    """
    if lag not in ("previous", "year"):  # it would be compared with itself
        msg = f"lag must be 'previous' or 'year', got {lag!r}"
        raise FeatureError(msg)
    keys = _keys(totals)
    now = _days(totals)
    before = now if prior is None else _days(prior)
    now = now.assign(pair=_pair_names(now, "same"))
    before = before.assign(pair=_pair_names(before, lag if prior is None else "same"))
    for side in (now, before):
        _check_once(side, [*keys, "pair"])
    columns = [*keys, "pair", "period_start", "period_end", *CARRIED]
    both = now[[*columns, *(c for c in FISCAL if c in now)]].merge(
        before[columns], on=[*keys, "pair"], how="outer", suffixes=("", "_before")
    )
    # only where there are two periods to compare at all
    starts = both.groupby("pair", sort=False)["period_start"].transform("count")
    starts_before = both.groupby("pair", sort=False)["period_start_before"]
    both = both[(starts > 0) & (starts_before.transform("count") > 0)].copy()
    for name in ("period_start", "period_end", *(c for c in FISCAL if c in both)):
        both[name] = both.groupby("pair")[name].transform("first")
    both["reason"] = [_reason(row) for row in both.to_dict("records")]
    both["is_matched"] = both["reason"] == ""
    order = ["period_start", *keys]
    return both.drop(columns="pair").sort_values(order, ignore_index=True)


def panel_index(totals: pd.DataFrame) -> pd.DataFrame:
    """Chain the growth of matched cameras to an index, 1 in the first whole period.

    From each period to the next. Growth over a year is no link of such a chain: see
    `yoy`. Null before a period that lies wholly inside the validity of some camera
    and has a total: recording seldom begins with a period.

    Returns
    -------
    DataFrame
        [ticker,] period_start, index, growth, se_log_growth, n_matched,
        n_dropped, dropped_share (of the volume of both periods) and dropped: which
        cameras and why. The index of a pair without a match is null, and so is
        all after it: the chain is broken.
    """
    pairs = panel(totals)
    rows = []
    first = totals.groupby("ticker") if "ticker" in totals else [(None, totals)]
    for ticker, own in first if len(totals) else ():
        named = {} if ticker is None else {"ticker": ticker}
        value, reached = 1.0, _base(own)
        begun = sorted(t for t in own["period_start"].unique() if t < reached)
        rows += [{**named, "period_start": t, "index": math.nan} for t in begun]
        rows.append({**named, "period_start": reached, "index": value})
        mine = pairs if ticker is None else pairs[pairs["ticker"] == ticker]
        # others may have begun before: to these, all its cameras were new then
        mine = mine[mine["period_start"] > reached]
        for start, group in mine.groupby("period_start"):
            grown = measure_growth(group)
            is_next = (group["period_start_before"].dropna() == reached).any()
            value = value * (grown["growth"] + 1.0) if is_next else math.nan
            reached = start
            rows.append({**named, "period_start": start, "index": value, **grown})
    keys = ["ticker"] if "ticker" in totals else []
    columns = [*keys, "period_start", "index", *growth_of([])]
    frame = pd.DataFrame(rows, columns=columns)
    counts = dict.fromkeys(("n_matched", "n_dropped"), "Int64")
    return frame.astype(counts)


def yoy(
    totals: pd.DataFrame,
    *,
    prior: pd.DataFrame | None = None,
    holidays: Iterable[date] | str | None = None,
) -> pd.DataFrame:
    """Compare each total with that of a year before, weekday with weekday.

    Days and weeks are compared with those 364 days before, months and fiscal
    quarters with their namesakes, by the day. A year of 53 weeks shifts what
    follows it: then give ``prior``, the totals of ``year_before(calendar)``.

    Parameters
    ----------
    holidays : dates or region code, optional
        ``holiday_mismatch`` is true where one of two days is a holiday, or one of
        two longer periods has more of them. A region, as ``US`` or ``DE-BY``, needs
        the extra ``calendar``.

    Returns
    -------
    DataFrame
        The rows of `panel` with growth, log_growth, se_log_growth, and the
        period's n_matched and dropped_share. Where both years stand under one
        calibration its error cancels.

    Raises
    ------
    FeatureError
        When the extra is not installed, or does not know the region.
    """
    pairs = panel(totals, "year", prior=prior)
    grown = [growth_of([row]) for row in pair_records(pairs)]
    for name in ("growth", "log_growth", "se_log_growth"):
        pairs[name] = np.array([g[name] for g in grown], "float64")
    by_period = pairs.groupby("period_start")
    pairs["n_matched"] = by_period["is_matched"].transform("sum").astype("int64")
    volume = pairs[["total", "total_before"]].sum(axis=1)
    lost = volume.where(~pairs["is_matched"], 0.0)
    starts = pairs["period_start"]
    whole = volume.groupby(starts).transform("sum")
    pairs["dropped_share"] = lost.groupby(starts).transform("sum") / whole
    if holidays is not None:
        pairs["holiday_mismatch"] = _mismatch(pairs, holidays)
    return pairs


def _base(totals: pd.DataFrame) -> pd.Timestamp:
    """Return the first period that others can be compared with, or the first."""
    starts = totals["period_start"]
    whole = starts[totals["is_complete"].astype(bool) & totals["total"].notna()]
    return (whole if len(whole) else starts).min()


def measure_growth(pairs: pd.DataFrame) -> dict[str, Any]:
    """Measure the growth over all matched pairs of `panel` together.

    Returns
    -------
    dict
        growth, log_growth, se_log_growth, se_log_growth_indep (without what
        calibrations share; NaN without a match), n_matched, n_dropped,
        dropped_share, dropped.
    """
    return growth_of(pair_records(pairs))


def pair_records(pairs: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of `panel` as `growth_of` takes them."""
    # times are slow to make objects of, and growth needs none
    needed = [c for c in pairs.columns if not c.startswith("period_")]
    records: list[dict[str, Any]] = pairs[needed].to_dict("records")
    return records


def growth_of(pairs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Measure growth as `measure_growth` does, of rows that were read before."""
    matched = [r for r in pairs if r["is_matched"]]
    lost = [r for r in pairs if not r["is_matched"]]
    left, volume = _volume(lost), _volume(pairs)
    result = {
        "growth": math.nan,
        "log_growth": math.nan,
        "se_log_growth": math.nan,
        "se_log_growth_indep": math.nan,
        "n_matched": len(matched),
        "n_dropped": len(lost),
        "dropped_share": left / volume if volume > 0 else math.nan,
        "dropped": ", ".join(
            f"{r.get('camera', r.get('ticker'))}: {r['reason']}" for r in lost
        ),
    }
    now, before = (
        sum(r["total" + end] / r["n_days" + end] for r in matched)
        for end in ("", "_before")
    )
    if now > 0 and before > 0:
        result["growth"] = now / before - 1.0
        result["log_growth"] = math.log(now / before)
        result["se_log_growth"], result["se_log_growth_indep"] = _se_of_log(matched)
    return result


def _volume(pairs: Sequence[dict[str, Any]]) -> float:
    totals = [r[name] for r in pairs for name in ("total", "total_before")]
    return float(sum(t for t in totals if not math.isnan(t)))


def _se_of_log(matched: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """Return the standard error of log growth, and its independent part.

    What both sides share cancels.
    """
    variance = 0.0
    relative: dict[str, float] = {}
    for sign, end in ((1.0, ""), (-1.0, "_before")):
        total = sum(r["total" + end] for r in matched)
        variance += sum(r["se_indep" + end] ** 2 for r in matched) / total**2
        for row in matched:
            for name, amount in row["shared" + end]:
                relative[name] = relative.get(name, 0.0) + sign * amount / total
    shared = sum(v**2 for v in relative.values())
    return math.sqrt(variance + shared), math.sqrt(variance)


def _reason(row: dict[str, Any]) -> str:
    if pd.isna(row["cov_w_before"]):
        return "new"
    if pd.isna(row["cov_w"]):
        return "gone"
    is_null = pd.isna(row["total"]) or pd.isna(row["total_before"])
    if is_null or min(row["cov_w"], row["cov_w_before"]) < MIN_COV_W:
        return "coverage"
    if not (row["is_complete"] and row["is_complete_before"]):
        return "validity"
    if row["gates"] != row["gates_before"]:
        return "gates"
    # a gate that changed within a period is on no scale, whatever the other has
    if "+" in row["configs"] or row["configs"] != row["configs_before"]:
        return "config"
    return ""


def _keys(totals: pd.DataFrame) -> list[str]:
    keys = [name for name in KEYS if name in totals.columns]
    if not keys or not {"configs", "gates"} <= set(totals.columns):
        msg = "want totals of `rollup`: one row per camera (or site) and period"
        raise FeatureError(msg)
    return keys


def _check_once(totals: pd.DataFrame, keys: Sequence[str]) -> None:
    """Refuse a period that stands twice: each would be paired with each."""
    twice = totals[totals.duplicated(keys)]
    if len(twice):
        row = twice.iloc[0]
        name = "/".join(str(row[k]) for k in keys[:-1])
        msg = (
            f"{name} has two totals that begin on {row['period_start']:%Y-%m-%d}: "
            "roll-ups that overlap were put together, or periods of several lengths"
        )
        raise FeatureError(msg)


def _days(totals: pd.DataFrame) -> pd.DataFrame:
    days = (totals["period_end"] - totals["period_start"]).dt.days
    return totals.assign(n_days=days.astype("float64"))


def _pair_names(
    totals: pd.DataFrame, lag: Literal["same", "previous", "year"]
) -> list[str]:
    """Name the pair that each row belongs to, by the later period of it."""
    if "fiscal_year" in totals:
        quarter = totals["fiscal_year"] * 4 + totals["fiscal_quarter"] - 1
        quarter += {"same": 0, "previous": 1, "year": 4}[lag]
        return [f"{q // 4}Q{q % 4 + 1}" for q in quarter]
    starts = totals["period_start"]
    if lag == "previous":
        starts = totals["period_end"]  # the next one begins where this one ends
    elif lag == "year" and (totals["n_days"] >= 28).all():
        starts = [s + pd.DateOffset(years=1) for s in starts]
    elif lag == "year":
        starts = starts + pd.Timedelta(days=YEAR_SHIFT_DAYS)
    return [f"{s:%Y-%m-%d}" for s in starts]


def _mismatch(pairs: pd.DataFrame, holidays: Iterable[date] | str) -> list[bool]:
    book: Any
    if isinstance(holidays, str):
        book = find_holidays(holidays)
    else:
        book = {date(d.year, d.month, d.day) for d in holidays}
    now, before = (
        _count_days(pairs["period_start" + end], pairs["period_end" + end], book)
        for end in ("", "_before")
    )
    return [
        None not in (n, n_before) and n != n_before
        for n, n_before in zip(now, before, strict=True)
    ]


def _count_days(
    starts: Iterable[Any], ends: Iterable[Any], book: Container[date]
) -> list[int | None]:
    """Count the days of each period that a book holds; None where there is none."""
    return [
        None
        if pd.isna(start)
        else sum(d.date() in book for d in pd.date_range(start, end, inclusive="left"))
        for start, end in zip(starts, ends, strict=True)
    ]
