"""When each gate should have hours, and which of those it lacks."""

import csv
import io
import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from truckcount.errors import FeatureError, MissingHoursError
from truckcount.features.files import StoreFiles
from truckcount.features.moments import (
    MAX_US,
    MIN_US,
    Int64s,
    bound_us,
    moment_us,
    spell,
)
from truckcount.features.revisions import HOUR_US

GRACE_US = 6 * HOUR_US  # a row may be so late before its absence is an error
GateKey = tuple[str, str]
Validity = Mapping[GateKey, tuple[int | None, int | None]]


def read_validity(files: StoreFiles, as_of_us: int = MAX_US) -> Validity:
    """Return each gate's [active_from, active_to) in microseconds; None is unsaid.

    From the lines of ``_meta/gates.csv`` known by then (camera, gate,
    active_from_utc, active_to_utc, known_at_utc; a later line replaces an earlier
    one), else from the store's copy of ``cameras.toml``.
    """
    text = files.read_text("_meta/gates.csv")
    if text is not None:
        return _from_lines(text, as_of_us)
    text = files.read_text("_meta/cameras.toml")
    return {} if text is None else _from_toml(text)


def check_complete(
    starts: Mapping[GateKey, Int64s],
    validity: Validity,
    *,
    window: tuple[int, int],
    now_us: int,
    place: str,
) -> None:
    """Raise ``MissingHoursError`` when an hour that should have a row has none.

    Parameters
    ----------
    starts : mapping of gate to int64 microseconds
        Hours that have a row. An unsaid validity reaches from the first of them
        to the last.
    window : (low_us, high_us)
        Hours that were asked for.
    now_us : int
        Hours that ended less than six hours before it may still be on their way.
    """
    missing = {
        key: _missing(have, *validity.get(key, (None, None)), window, now_us)
        for key, have in starts.items()
    }
    missing = {key: hours for key, hours in missing.items() if len(hours)}
    if not missing:
        return
    (camera, gate), hours = min(missing.items(), key=lambda item: item[1][0])
    first, n = spell(int(hours[0])), sum(map(len, missing.values()))
    more = f" and {n - 1} more of {len(missing)} gate(s)" if n > 1 else ""
    msg = (
        f"camera {camera!r}, gate {gate!r}: the hour {first}{more} should have a row "
        f"and has none; repair it with `truckcount recount {place} --camera {camera} "
        f"--from {first}`, or pass on_missing='ignore' to take it as unwatched"
    )
    raise MissingHoursError(msg)


def _missing(
    have: Int64s,
    from_us: int | None,
    to_us: int | None,
    window: tuple[int, int],
    now_us: int,
) -> Int64s:
    if len(have) == 0:
        return have
    low = have.min() if from_us is None else from_us // HOUR_US * HOUR_US
    last_due = (now_us - GRACE_US) // HOUR_US * HOUR_US
    high = have.max() + HOUR_US if from_us is None and to_us is None else last_due
    if to_us is not None:
        high = min(high, to_us)
    low, high = max(low, -(-window[0] // HOUR_US) * HOUR_US), min(high, window[1])
    due = np.arange(low, max(low, high), HOUR_US, dtype=np.int64)
    return np.setdiff1d(due, have)


def _from_lines(text: str, as_of_us: int) -> Validity:
    latest: dict[GateKey, tuple[int, int | None, int | None]] = {}
    for line in csv.DictReader(io.StringIO(text)):
        known = moment_us(line["known_at_utc"], "gates.csv: known_at_utc")
        key = (line["camera"], line["gate"])
        if known <= as_of_us and known >= latest.get(key, (MIN_US,))[0]:
            latest[key] = (
                known,
                _moment(line["active_from_utc"]),
                _moment(line["active_to_utc"]),
            )
    return {key: (low, high) for key, (_, low, high) in latest.items()}


def _from_toml(text: str) -> Validity:
    try:
        cameras = tomllib.loads(text).get("cameras", {})
    except tomllib.TOMLDecodeError as error:
        msg = f"_meta/cameras.toml of the store is damaged: {error}"
        raise FeatureError(msg) from error
    found: dict[GateKey, tuple[int | None, int | None]] = {}
    for camera, body in cameras.items():
        for gate in body.get("gates") or [{"name": "frame"}]:
            low, high = (
                _moment(gate.get(name, body.get(name)))
                for name in ("active_from", "active_to")
            )
            found[camera, gate["name"]] = (low, high)
    return found


def _moment(value: Any) -> int | None:
    if value is None or value == "":
        return None
    if isinstance(value, datetime) and value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    if isinstance(value, str | date):
        return bound_us(value, "active_from/active_to", 0)
    return moment_us(value, "active_from/active_to")
