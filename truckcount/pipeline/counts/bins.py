"""Which bins a camera is counted in: hours, those asked for, needed, and kept."""

import functools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from truckcount.store.layout import from_us

HALF_MONTHS = 24


@functools.lru_cache(maxsize=256)
def is_odd_zone(zone: str, year: int) -> bool:
    """Tell whether local days cut UTC hours at some time of a year.

    Examples
    --------
    >>> is_odd_zone("Asia/Kolkata", 2026), is_odd_zone("America/Chicago", 2026)
    (True, False)
    """
    first = datetime(year, 1, 1, tzinfo=UTC)
    moments = (first + timedelta(days=15 * k) for k in range(HALF_MONTHS + 1))
    offsets = (m.astimezone(ZoneInfo(zone)).utcoffset() for m in moments)
    return any(o is not None and o % timedelta(hours=1) for o in offsets)


def bins_of(
    zone: str, asked: int, low_us: int, high_us: int, kept: Sequence[int] = ()
) -> list[int]:
    """Return the minutes of the bins to write for a window, the shortest first.

    Parameters
    ----------
    kept : sequence of int
        Minutes of the bins that the camera has in its store: they go on.
    """
    years = {from_us(low_us).year, from_us(high_us - 1).year}
    is_odd = any(is_odd_zone(zone, year) for year in years)
    return sorted({60, asked, *kept, *([15] if is_odd else [])})
