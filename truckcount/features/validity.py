"""When each gate should have hours, and which of those it lacks."""

import time
from collections.abc import Container, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from truckcount.errors import MissingHoursError
from truckcount.features.files import StoreFiles
from truckcount.features.moments import MAX_US, Int64s, spell
from truckcount.features.revisions import HOUR_US
from truckcount.store.registry import GATES, validity_by

GRACE_US = 6 * HOUR_US  # a row may be so late before its absence is an error
GateKey = tuple[str, str]
Validity = Mapping[GateKey, tuple[int | None, int | None]]


def read_validity(files: StoreFiles, as_of_us: int = MAX_US) -> Validity:
    """Return each gate's [active_from, active_to) in microseconds; None is unsaid.

    As ``truckcount.store.registry.validity_by`` has it at a moment.
    """
    return validity_by(files.read_text, as_of_us)


def due_validity(
    files: StoreFiles,
    as_of_us: int,
    *,
    seen: Container[GateKey],
    cameras: frozenset[str] | None,
    gates: frozenset[str] | None,
) -> Validity:
    """Return the validity of gates that were asked for, those without rows among them.

    A gate that has rows, all of them known only after ``as_of``, joined the store
    later, as an archive does: nothing of it was due by then. Unless ``gates.csv``
    says that it was known to be active.

    Parameters
    ----------
    seen : container of (camera, gate)
        Gates with rows in the answer.
    cameras, gates : frozenset of str, optional
        Those asked for; all when None.
    """
    is_dated = as_of_us == MAX_US or files.read_text(GATES) is not None
    return {
        (camera, gate): span
        for (camera, gate), span in read_validity(files, as_of_us).items()
        if (cameras is None or camera in cameras)
        and (gates is None or gate in gates)
        and (
            (camera, gate) in seen
            or is_dated
            or span[0] is None
            or not _is_later(files, camera, gate, as_of_us)
        )
    }


def newest_known_us(files: StoreFiles) -> int:
    """Return when the store last learned of an hour; now where it never did."""
    newest = [
        pc.max(table["known_at_utc"].cast(pa.int64())).as_py()
        for camera in files.cameras("hours")
        for period in files.periods("hours", camera)[-1:]
        if len(table := files.read("hours", camera, [period], ["known_at_utc"]))
    ]
    return max(newest, default=time.time_ns() // 1000)


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
        to the last; a gate that is not here lacks every hour since its begin.
    window : (low_us, high_us)
        Hours that were asked for.
    now_us : int
        Hours that ended less than six hours before it may still be on their way.
    """
    none = np.empty(0, dtype=np.int64)
    missing = {
        key: _missing(
            starts.get(key, none), *validity.get(key, (None, None)), window, now_us
        )
        for key in starts.keys() | validity.keys()
    }
    missing = {key: hours for key, hours in missing.items() if len(hours)}
    if not missing:
        return
    (camera, gate), hours = min(missing.items(), key=lambda item: (item[1][0], item[0]))
    first, n = spell(int(hours[0])), sum(map(len, missing.values()))
    more = f" and {n - 1} more of {len(missing)} gate(s)" if n > 1 else ""
    if (camera, gate) in starts:
        remedy = f"`truckcount recount {place} --camera {camera} --from {first}`"
        if hours[0] > starts[camera, gate].max():
            remedy += ", or give it an active_to if nobody watches it any more"
    else:  # no scores to count again: of the whole gate there is nothing
        remedy = (
            f"`truckcount run VIDEOS --cameras cameras.toml --camera {camera} --store "
            f"{place}` over its videos, or with its active_from corrected there"
        )
    msg = (
        f"camera {camera!r}, gate {gate!r}: the hour {first}{more} should have a row "
        f"and has none; repair it with {remedy}, or pass on_missing='ignore' to take "
        "it as unwatched"
    )
    raise MissingHoursError(msg)


def _missing(
    have: Int64s,
    from_us: int | None,
    to_us: int | None,
    window: tuple[int, int],
    now_us: int,
) -> Int64s:
    if len(have) == 0 and from_us is None:
        return have
    low = have.min() if from_us is None else from_us // HOUR_US * HOUR_US
    last_due = (now_us - GRACE_US) // HOUR_US * HOUR_US
    high = have.max() + HOUR_US if from_us is None and to_us is None else last_due
    if to_us is not None:
        high = min(high, to_us)
    low, high = max(low, -(-window[0] // HOUR_US) * HOUR_US), min(high, window[1])
    due = np.arange(low, max(low, high), HOUR_US, dtype=np.int64)
    return np.setdiff1d(due, have)


def _is_later(files: StoreFiles, camera: str, gate: str, as_of_us: int) -> bool:
    """Tell whether a gate has rows, and none of them was known at a moment."""
    periods = files.periods("history", camera)
    rows = files.read("history", camera, periods, ["gate", "known_at_utc"])
    known = rows.filter(pc.equal(rows["gate"], gate))["known_at_utc"]
    if not len(known):
        return False
    return bool(pc.min(known.cast(pa.int64())).as_py() + files.embargo_us > as_of_us)
