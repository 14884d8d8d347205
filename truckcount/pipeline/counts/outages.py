"""Hours that nobody watched: rows of null between those that were."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence

from truckcount.counting import unwatched_row
from truckcount.domain.camera import Gate
from truckcount.domain.hour import HourRow
from truckcount.pipeline.counts.camera_spans import CameraSpans
from truckcount.pipeline.counts.timeline import Interval
from truckcount.store.layout import from_us

logger = logging.getLogger(__name__)

HOUR_US = 3_600_000_000
PROVISIONAL_AFTER_US = 15 * 60 * 1_000_000  # features.md section 13
MAX_NULL_HOURS = 400 * 24  # fill no longer outage with null rows than the scores live
FOREVER_US = 2**62


def outage_hours(
    gate: Gate,
    spans: CameraSpans,
    windows: Sequence[Interval],
    known: Callable[[int, int], set[int]],
    now_us: int | None,
) -> list[int]:
    """Find the hours to fill: between files, and within the gate's validity.

    Parameters
    ----------
    windows : sequence of (low_us, high_us)
        What was counted just now.
    known : function of (low_us, high_us)
        Gives the hours between that have rows, and perhaps others.

    Returns
    -------
    list of int
        Starts, microseconds UTC.

    Notes
    -----
    A gate without an ``active_to`` is filled till now, but not farther than 400 days
    from the end of its camera's newest file: this host's clock may be years ahead.
    """
    now_us = time.time_ns() // 1000 if now_us is None else now_us
    found: set[int] = set()
    for low, high in _between_files(spans, windows):
        if (high - low) // HOUR_US <= MAX_NULL_HOURS:
            found |= set(range(low, high, HOUR_US))
    if gate.active_from_us is not None:
        # an archive's camera has no begin in cameras.toml, and needs no rows till now
        until = now_us - PROVISIONAL_AFTER_US
        if gate.active_to_us is not None:
            until = min(until, gate.active_to_us + HOUR_US - 1)
        until = _near_files(gate, until, spans, windows)
        begin = gate.active_from_us // HOUR_US * HOUR_US
        found |= set(range(begin, until // HOUR_US * HOUR_US, HOUR_US))
    if not found:
        return []
    found -= known(min(found), max(found) + HOUR_US)
    return sorted(t for t in found if is_valid(gate, t, t + HOUR_US))


def _near_files(
    gate: Gate, until_us: int, spans: CameraSpans, windows: Sequence[Interval]
) -> int:
    """Bound the hours that a clock asks for by what files tell of the time."""
    newest, _ = spans.neighbours(FOREVER_US, FOREVER_US)
    told = [high for _, high in windows] + ([] if newest is None else [newest])
    last = max(told, default=until_us) + MAX_NULL_HOURS * HOUR_US
    if until_us <= last:
        return until_us
    logger.warning(
        "gate %s: no null hours from %s till now, %s: its camera's newest file is over "
        "400 days old; set this host's clock right, or give the gate an active_to",
        gate.name,
        f"{from_us(last):%Y-%m-%d}",
        f"{from_us(until_us):%Y-%m-%d}",
    )
    return last


def unwatched_rows(
    gate: Gate, starts: Sequence[int], bin_minutes: int = 60
) -> list[HourRow]:
    """Return the rows of whole hours that nobody watched, in bins."""
    step = bin_minutes * 60_000_000
    return [
        unwatched_row(gate, direction, t, bin_minutes)
        for start in starts
        for t in range(start, start + HOUR_US, step)
        for direction in gate.directions
    ]


def is_valid(gate: Gate, low_us: int, high_us: int) -> bool:
    """Tell whether a bin lies, with some part, in the gate's validity."""
    begins = gate.active_from_us is None or high_us > gate.active_from_us
    return begins and (gate.active_to_us is None or low_us < gate.active_to_us)


def _between_files(
    spans: CameraSpans, windows: Sequence[Interval]
) -> Iterator[Interval]:
    """Give the whole hours between each window and its neighbours in time."""
    for low, high in windows:
        before, after = spans.neighbours(low, high)
        if before is not None:
            yield -(-before // HOUR_US) * HOUR_US, low
        if after is not None:
            yield high, after // HOUR_US * HOUR_US
