"""The map from gates to sites and tickers, as it was known at a moment."""

import logging
from collections.abc import Collection, Iterable
from datetime import datetime

import pandas as pd

from truckcount.errors import FeatureError

COLUMNS = ("camera", "gate", "site")
ROLES = ("exit", "entry", "internal")
DEPARTING = ("out", "any")

log = logging.getLogger(__name__)


def check_site_map(site_map: pd.DataFrame) -> pd.DataFrame:
    """Check a site map and fill in what may be left out.

    Parameters
    ----------
    site_map : DataFrame
        camera, gate, site; optionally role (``exit``), ticker (the site), weight
        (1), valid_from and valid_to (dates, half-open), known_at_utc. Two cameras
        on one gate: one has weight 1, the other 0.

    Raises
    ------
    FeatureError
        When a gate counts twice at one time for one ticker, or for more than 1.
    """
    for name in COLUMNS:
        if name not in site_map.columns:
            msg = f"the site map has no column {name!r}; it needs {', '.join(COLUMNS)}"
            raise FeatureError(msg)
    filled = site_map.copy()
    for name, value in (("role", "exit"), ("weight", 1.0)):
        if name not in filled:
            filled[name] = value
    if "ticker" not in filled:
        filled["ticker"] = filled["site"]
    for name in ("valid_from", "valid_to", "known_at_utc"):
        if name not in filled:
            filled[name] = pd.NaT
    filled["valid_from"] = pd.to_datetime(filled["valid_from"])
    filled["valid_to"] = pd.to_datetime(filled["valid_to"])
    filled["known_at_utc"] = pd.to_datetime(filled["known_at_utc"], utc=True)
    odd = filled[~filled["role"].isin(ROLES)]
    if len(odd):
        msg = f"role {odd['role'].iloc[0]!r} in the site map is none of {ROLES}"
        raise FeatureError(msg)
    _check_weights(filled)
    return filled


def known_site_map(site_map: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """Return the lines known at a moment; a later line replaces one of its key."""
    known = pd.to_datetime(site_map["known_at_utc"], utc=True)
    rows = site_map[known.isna() | (known <= as_of)]
    rows = rows.sort_values("known_at_utc", na_position="first", kind="stable")
    key = ["camera", "gate", "ticker", "valid_from"]
    return rows.drop_duplicates(key, keep="last")


def departing_lines(site_map: pd.DataFrame) -> pd.DataFrame:
    """Return the lines that count: exits with a weight above 0."""
    filled = check_site_map(site_map)
    return filled[(filled["role"] == "exit") & (filled["weight"] > 0)]


def check_mapped(seen: Iterable[tuple[str, str, str]], site_map: pd.DataFrame) -> None:
    """Say which exits of a site map have no hours: totals are without them.

    Parameters
    ----------
    seen : iterable of (camera, gate, direction)
        Of the hours at hand.

    Raises
    ------
    FeatureError
        When there are hours, and none of an exit, as those of another direction.
    """
    told = sorted(set(seen))
    there = {key[:2] for key in told if key[2] in DEPARTING}
    exits = departing_lines(site_map)[["camera", "gate"]]
    wanted = set(exits.itertuples(index=False, name=None))
    lacking = sorted(wanted - there)
    if not told or not lacking:
        return
    names = ", ".join("/".join(key) for key in lacking)
    has = ", ".join("/".join(key) for key in told)
    if len(lacking) == len(wanted):
        msg = (
            f"no exit of the site map is in the hours: it has {names}, they have "
            f"{has}; correct the map, or load the direction `out` (`any`) of its gates"
        )
        raise FeatureError(msg)
    log.warning(
        "totals are without exits of the site map that have no hours: %s; there are %s",
        names, has,
    )  # fmt: skip


def check_tickers(wanted: set[str], told: Collection[str | None]) -> None:
    """Say which tickers of a site map have no quarter: they have no total.

    Parameters
    ----------
    told : collection of str or None
        Tickers of the calendar; None stands for all.

    Raises
    ------
    FeatureError
        When none of them has one.
    """
    lacking = sorted(wanted.difference(told))
    if None in told or not lacking:
        return
    has = ", ".join(sorted(name for name in told if name is not None)) or "none"
    msg = f"the calendar has no quarter of {', '.join(lacking)}; it has those of {has}"
    if len(lacking) == len(wanted):
        raise FeatureError(msg)
    log.warning(msg)


def seen_in(hours: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return each (camera, gate, direction) of a frame of hours."""
    keys = hours[["camera", "gate", "direction"]].drop_duplicates()
    return list(keys.itertuples(index=False, name=None))


def lines_with_hours(hours: pd.DataFrame, site_map: pd.DataFrame) -> pd.DataFrame:
    """Return the lines of a site map whose gates the hours have."""
    there = {key[:2] for key in seen_in(hours) if key[2] in DEPARTING}
    keys = site_map[["camera", "gate"]].itertuples(index=False, name=None)
    return site_map[[key in there for key in keys]]


def _check_weights(site_map: pd.DataFrame) -> None:
    low, high = pd.Timestamp.min, pd.Timestamp.max
    rows = site_map[site_map["role"] == "exit"]
    several = rows.duplicated(["camera", "gate"], keep=False) | (rows["weight"] > 1)
    rows = rows[several]  # one line of weight 1 or less is right by itself
    for (camera, gate), lines in rows.groupby(["camera", "gate"]):
        spans = [
            (
                low if pd.isna(r.valid_from) else r.valid_from,
                high if pd.isna(r.valid_to) else r.valid_to,
                r,
            )
            for r in lines.itertuples()
        ]
        for start, _, _ in spans:
            now = [r for a, b, r in spans if a <= start < b]
            told = {(r.ticker, r.known_at_utc) for r in now}
            if len(told) < len(now):
                tickers = sorted({r.ticker for r in now})
                msg = (
                    f"camera {camera!r}, gate {gate!r}: the site map counts it twice "
                    f"at {start:%Y-%m-%d} (tickers {', '.join(tickers)}); make the "
                    "validities disjoint"
                )
                raise FeatureError(msg)
            latest = {}
            for r in sorted(now, key=lambda r: (pd.notna(r.known_at_utc), r.Index)):
                latest[r.ticker] = r.weight
            if sum(latest.values()) > 1 + 1e-9:
                msg = (
                    f"camera {camera!r}, gate {gate!r}: weights add up to "
                    f"{sum(latest.values()):g} at {start:%Y-%m-%d}; the tickers of a "
                    "shared gate must not exceed 1"
                )
                raise FeatureError(msg)
