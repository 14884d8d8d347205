"""Moments as people give them to microseconds; a moment without a zone is refused."""

from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from truckcount.errors import FeatureError, NaiveTimeError
from truckcount.store.layout import from_us, to_us

Int64s = npt.NDArray[np.int64]
Moment = datetime | str
MIN_US = -(2**62)
MAX_US = 2**62


def moment_us(value: Any, name: str) -> int:
    """Return an aware moment as microseconds since 1970.

    Parameters
    ----------
    value : datetime, Timestamp or ISO-8601 str
        With a zone or an offset, as ``2026-03-03T06:00Z``.

    Raises
    ------
    NaiveTimeError
        When it has none: 06:00 where?
    """
    moment = _parse(value, name) if isinstance(value, str) else value
    if not isinstance(moment, datetime) or pd.isna(moment):
        msg = f"{name} must be a moment with a zone, got {value!r}"
        raise NaiveTimeError(msg)
    if moment.utcoffset() is None:
        msg = (
            f"{name}={value!s} has no zone: say which moment it is, as "
            f"{moment:%Y-%m-%dT%H:%M}Z or with tz='America/Chicago'"
        )
        raise NaiveTimeError(msg)
    return to_us(moment.astimezone(UTC))


def bound_us(value: Any, name: str, default: int) -> int:
    """Return a bound as microseconds; a plain date is midnight UTC, None the default.

    Raises
    ------
    NaiveTimeError
        When it has a time of day and no zone.
    """
    if value is None:
        return default
    if isinstance(value, str) and len(value) == 10:
        return to_us(_parse(value, name).replace(tzinfo=UTC))
    if isinstance(value, date) and not isinstance(value, datetime):
        return to_us(datetime(value.year, value.month, value.day, tzinfo=UTC))
    return moment_us(value, name)


def window_us(start: Any, end: Any) -> tuple[int, int]:
    """Return [start, end) as microseconds, each as `bound_us` takes it.

    Raises
    ------
    FeatureError
        When there is no time between them: nothing would be found, and nobody told.
    """
    low, high = bound_us(start, "start", MIN_US), bound_us(end, "end", MAX_US)
    if low >= high:
        msg = (
            f"no time lies between start={start!s} and end={end!s}, which is left "
            "out: a single day ends with the next one"
        )
        raise FeatureError(msg)
    return low, high


def spell(t_us: int) -> str:
    """Spell microseconds as ``2026-03-02T05:00Z``."""
    return f"{from_us(t_us):%Y-%m-%dT%H:%MZ}"


def as_us(values: Any) -> Int64s:
    """Return a column of aware times as int64 microseconds, whatever its unit.

    Raises
    ------
    NaiveTimeError
        When its times have no zone, or are text, as those of a CSV.
    """
    if getattr(getattr(values, "dt", None), "tz", None) is None:
        msg = (
            f"{values.name!r} holds {values.dtype}, no times with a zone: make them "
            "with pd.to_datetime(column, utc=True)"
        )
        raise NaiveTimeError(msg)
    times = np.asarray(values.dt.tz_convert("UTC").dt.tz_localize(None))
    result: Int64s = times.astype("datetime64[us]").astype(np.int64)
    return result


def _parse(text: str, name: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        msg = f"{name}={text!r} is no ISO-8601 time like 2026-03-03T06:00Z"
        raise FeatureError(msg) from error
