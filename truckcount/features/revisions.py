"""Revisions of hours to the one that a reader at a moment would have seen."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from truckcount.features.moments import Int64s

HOUR_US = 3_600_000_000
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

    @classmethod
    def of(cls, table: pa.Table, *, embargo_us: int, is_simulated: bool) -> "Revisions":
        """Sort a table that has the columns ``NEEDED``.

        A row that a ``restamp`` follows was readable only later than it says: it
        is never shown.
        """
        hour_us = table["hour_start_utc"].cast(pa.int64()).to_numpy()
        codes = _codes(table["gate"]) * 8 + _codes(table["direction"])
        key = (hour_us // HOUR_US) * 2**20 + codes
        revision = table["revision"].to_numpy()
        order = np.lexsort((revision, key))
        key, revision = key[order], revision[order]
        known_us = table["known_at_utc"].cast(pa.int64()).to_numpy()[order] + embargo_us
        is_first = np.ones(len(key), np.bool_)
        is_first[1:] = key[1:] != key[:-1]
        cause = pc.equal(table["cause"], "restamp").to_numpy()[order]
        is_superseded = np.zeros(len(key), np.bool_)
        is_next = ~is_first[1:] & (revision[1:] == revision[:-1] + 1)
        is_superseded[:-1] = cause[1:] & is_next
        simulated = np.zeros(len(key), np.bool_)
        if is_simulated and len(key):
            is_backfill = table["is_backfill"].to_numpy()[order]
            starts = np.maximum.accumulate(np.where(is_first, np.arange(len(key)), 0))
            simulated = is_backfill & is_backfill[starts]
            pretended = hour_us[order] + HOUR_US + SIMULATED_LATENCY_US
            known_us = np.where(simulated, pretended, known_us)
        keep = ~is_superseded
        return cls(order[keep], key[keep], known_us[keep], simulated[keep])

    def at(self, as_of_us: int) -> Int64s:
        """Return positions of the highest revision of each key known by then."""
        seen = np.flatnonzero(self.known_us <= as_of_us)
        key = self.key[seen]
        is_last = np.ones(len(key), np.bool_)
        is_last[:-1] = key[1:] != key[:-1]
        positions: Int64s = seen[is_last]
        return positions


def _codes(column: pa.ChunkedArray) -> Int64s:
    encoded = column.combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    codes: Int64s = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes
