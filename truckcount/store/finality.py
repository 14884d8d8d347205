"""When an hour is final: seen whole, or too old to change of itself."""

from truckcount.store.stamps import MINUTE_US, US_PER_S

HOUR_US = 60 * MINUTE_US
LATE_US = 72 * HOUR_US  # known later than this after its end, an hour is backfill
FULL_SHARE = 3599 / 3600
MAX_CLOCK_SD_S = 300.0  # an hour whose clock is worse is not final before 72 h


def is_final_at(
    now_us: int, *, start_us: int, bin_us: int, watched_s: float, clock_sd_s: float
) -> bool:
    """Tell whether a bin is final at a moment (features.md 3.3).

    Parameters
    ----------
    start_us, bin_us : int
        Begin, microseconds UTC, and length of the bin.
    watched_s : float
        Covered and unusable seconds in it.
    """
    is_full = watched_s >= FULL_SHARE * bin_us / US_PER_S
    is_old = now_us >= start_us + bin_us + LATE_US
    return is_old or (is_full and clock_sd_s <= MAX_CLOCK_SD_S)
