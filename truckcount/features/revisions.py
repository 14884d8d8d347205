"""Revisions of hours to the one that a reader at a moment would have seen."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from truckcount.features.moments import Int64s
from truckcount.store.stamps import are_corrected

HOUR_US = 3_600_000_000
N_DIRECTIONS = 8  # room for the codes of a gate's directions in a key
SIMULATED_LATENCY_US = 24 * HOUR_US  # an assumption: features.md section 13
NEEDED = (
    "gate",
    "direction",
    "hour_start_utc",
    "known_at_utc",
    "revision",
    "is_backfill",
    "cause",
)


@dataclass(frozen=True, slots=True)
class Revisions:
    """One camera's revisions in order of key, then revision, ready to be replayed.

    ``order`` are row numbers of the table it was made from; the other arrays are
    in that order, shape (n,).
    """

    order: Int64s
    key: Int64s
    known_us: Int64s
    is_simulated: npt.NDArray[np.bool_]
    """The key was known only by backfill, and so is this row."""
    is_any: npt.NDArray[np.bool_]
    """The row is of a gate without directions."""

    @classmethod
    def of(cls, table: pa.Table, *, embargo_us: int, is_simulated: bool) -> "Revisions":
        """Sort a table that has the columns ``NEEDED``.

        A row that a ``restamp`` corrects was not readable when it says: it is never
        shown.
        """
        hour_us = table["hour_start_utc"].cast(pa.int64()).to_numpy()
        codes = _codes(table["gate"]) * N_DIRECTIONS + _codes(table["direction"])
        key = (hour_us // HOUR_US) * 2**20 + codes
        revision = table["revision"].to_numpy()
        order = np.lexsort((revision, key))
        key = key[order]
        known_us = table["known_at_utc"].cast(pa.int64()).to_numpy()[order] + embargo_us
        is_restamp = pc.equal(table["cause"], "restamp").to_numpy()[order]
        is_first = _are_first(key)
        keep = ~are_corrected(is_first, revision[order], known_us, is_restamp)
        simulated = np.zeros(len(key), np.bool_)
        if is_simulated and len(key):
            # of the first revision, also where a restamp corrects that one
            is_backfill = table["is_backfill"].to_numpy()[order]
            starts = np.maximum.accumulate(np.where(is_first, np.arange(len(key)), 0))
            simulated = is_backfill & is_backfill[starts]
        order, key, known_us = order[keep], key[keep], known_us[keep]
        simulated = simulated[keep]
        if is_simulated:
            pretended = hour_us[order] + HOUR_US + SIMULATED_LATENCY_US
            known_us = np.where(simulated, pretended, known_us)
        is_any = pc.equal(table["direction"], "any").to_numpy()[order]
        return cls(order, key, known_us, simulated, is_any)

    def at(self, as_of_us: int) -> Int64s:
        """Return positions of the highest revision of each key known by then.

        Of an hour in which a gate gained or lost its directions only the kind known
        last stands, as in ``hours``: their sum would count a truck twice.
        """
        seen = np.flatnonzero(self.known_us <= as_of_us)
        key = self.key[seen]
        is_last = np.ones(len(key), np.bool_)
        is_last[:-1] = key[1:] != key[:-1]
        positions: Int64s = seen[is_last]
        return positions[self._is_standing_kind(positions)]

    def _is_standing_kind(self, positions: Int64s) -> npt.NDArray[np.bool_]:
        kind = self.is_any[positions]
        if kind.all() or not kind.any():
            return np.ones(len(kind), np.bool_)
        place = self.key[positions] // N_DIRECTIONS  # hour and gate
        is_new = np.append(np.True_, place[1:] != place[:-1])
        group = np.cumsum(is_new) - 1
        by_time = np.lexsort((self.known_us[positions], group))
        newest = by_time[np.append(np.flatnonzero(is_new)[1:], len(group)) - 1]
        return np.asarray(kind == kind[newest][group])


def _are_first(key: Int64s) -> npt.NDArray[np.bool_]:
    is_first = np.ones(len(key), np.bool_)
    is_first[1:] = key[1:] != key[:-1]
    return is_first


def _codes(column: pa.ChunkedArray) -> Int64s:
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    codes: Int64s = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes
