"""The raw tables of a store to frames, one camera at a time."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa

from truckcount.errors import FeatureError
from truckcount.features.files import StoreFiles
from truckcount.features.moments import MAX_US, MIN_US, Moment, moment_us, window_us
from truckcount.store.layout import day_of, month_of
from truckcount.store.schema import schema_of

TIME_OF = {"passages": "onset_utc", "segments": "start_utc", "scores": "t_utc"}
BIN_MINUTES = (5, 15, 30)


def load_passages(
    store: str | Path,
    camera: str,
    start: Any = None,
    end: Any = None,
    *,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Load a camera's passages with onset in [start, end)."""
    return _load(store, "passages", camera, (start, end), columns)


def load_segments(
    store: str | Path,
    camera: str,
    start: Any = None,
    end: Any = None,
    *,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Load a camera's segments that start in [start, end).

    Without bounds also the files that have no known start.
    """
    return _load(store, "segments", camera, (start, end), columns)


def load_scores(
    store: str | Path,
    camera: str,
    start: Any = None,
    end: Any = None,
    *,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Load a camera's scores with time in [start, end): millions of rows a month."""
    return _load(store, "scores", camera, (start, end), columns)


def load_bins(
    store: str | Path,
    camera: str,
    bin_minutes: int,
    start: Any = None,
    end: Any = None,
    *,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Load a camera's bins of 5, 15 or 30 minutes: the latest of each, no as-of.

    Their starts are in ``bin_start_utc``. Roll-ups take them as they take hours.
    """
    if bin_minutes not in BIN_MINUTES:
        msg = f"bin_minutes must be one of {BIN_MINUTES}, got {bin_minutes}"
        raise FeatureError(msg)
    return _load(store, f"bins_{bin_minutes:02d}", camera, (start, end), columns)


def load_calibrations(store: str | Path, as_of: Moment | None = None) -> pd.DataFrame:
    """Load the calibrations known at a moment; an empty frame where there are none."""
    files = StoreFiles.open(store)
    as_of_us = MAX_US if as_of is None else moment_us(as_of, "as_of")
    parts = [
        files.read("calibrations", camera, files.periods("calibrations", camera))
        for camera in files.cameras("calibrations")
    ]
    if not parts:
        return pd.DataFrame(columns=["calibration_id", "factor", "factor_se", "tau2"])
    table = pa.concat_tables(parts, promote_options="default")
    known = table["known_at_utc"].cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    is_known = known.to_numpy() + files.embargo_us <= as_of_us
    return table.filter(pa.array(is_known)).to_pandas()


def _load(
    store: str | Path,
    table: str,
    camera: str,
    bounds: tuple[Any, Any],
    columns: Sequence[str] | None,
) -> pd.DataFrame:
    files = StoreFiles.open(store)
    there = files.cameras(table)
    if camera not in there:
        has = ", ".join(there) if there else "none"
        msg = f"no {table} of camera {camera!r} in {store}; it has cameras {has}"
        if table.startswith("bins_"):
            bins = f"--bins {int(table.removeprefix('bins_'))}"
            msg += f"; make them with `truckcount recount {store} {bins}`"
        raise FeatureError(msg)
    low, high = window_us(*bounds)
    time = TIME_OF.get(table, "bin_start_utc")
    wanted = schema_of(table).names if columns is None else list(columns)
    odd = [name for name in wanted if name not in schema_of(table).names]
    if odd:
        names = ", ".join(schema_of(table).names)
        msg = f"no column {odd[0]!r} in {table}; columns are {names}"
        raise FeatureError(msg)
    periods = _within(files.periods(table, camera), low, high)
    found = files.read(table, camera, periods, list(dict.fromkeys([*wanted, time])))
    if (low, high) != (MIN_US, MAX_US):
        t_us = found[time].cast(pa.int64()).fill_null(MAX_US).to_numpy()
        found = found.filter(pa.array((t_us >= low) & (t_us < high)))
    order = [(time, "ascending"), ("gate", "ascending"), ("direction", "ascending")]
    found = found.sort_by([o for o in order if o[0] in found.column_names])
    return found.select(wanted).to_pandas()


def _within(periods: Sequence[str], low: int, high: int) -> list[str]:
    """Return the months or days that may hold times of [low, high)."""

    def spell(t_us: int, period: str) -> str:
        return day_of(t_us) if len(period) > 7 else month_of(t_us)

    return [
        p
        for p in periods
        if (low == MIN_US or spell(low, p) <= p)
        and (high == MAX_US or p <= spell(high - 1, p))
    ]
