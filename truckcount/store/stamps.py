"""Which stamps of ``history`` hold: some were written by a clock that ran ahead.

A row's ``known_at_utc`` is an upper bound on when it was readable. One written while
the clock stood days ahead says a moment that is still to come: it is corrected by a
revision of cause ``restamp``, as one is whose file came too late (features.md 3.2).
"""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from truckcount.errors import StoreError
from truckcount.store.file_statistics import column_range
from truckcount.store.layout import from_us, table_files, to_us
from truckcount.store.publish import read_table

US_PER_S = 1_000_000
MINUTE_US = 60 * US_PER_S
EMBARGO_US = 60 * US_PER_S
MAX_LEAD_US = EMBARGO_US + MINUTE_US  # a stamp's farthest way ahead of its clock
STAMP_COLUMNS = (
    "gate", "direction", "hour_start_utc", "known_at_utc", "revision", "cause",
)  # fmt: skip

Bools = npt.NDArray[np.bool_]
Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class StampsAhead:
    """Rows of a camera's history that say to be known only later than now."""

    n_rows: int
    latest_us: int


def are_corrected(
    is_first: Bools, revision: Int64s, known_us: Int64s, is_restamp: Bools
) -> Bools:
    """Tell which revisions a ``restamp`` corrects, so that their stamp says nothing.

    Those are the one right before it, and all before it that say to be known no
    sooner than it does: they were written by a clock that ran ahead.

    Parameters
    ----------
    is_first, revision, known_us, is_restamp : arrays, shape (n,)
        Rows in order of key, then revision; ``is_first`` begins a key.
    """
    n = len(revision)
    corrected = np.zeros(n, np.bool_)
    if n < 2 or not is_restamp.any():
        return corrected
    is_inside = ~is_first[1:]
    is_next = is_inside & (revision[1:] == revision[:-1] + 1)
    # the least stamp of a later restamp; keys are kept apart by their number
    rank = np.unique(known_us, return_inverse=True)[1]
    base = np.cumsum(is_first) * (n + 1)
    least = np.minimum.accumulate((base + np.where(is_restamp, rank, n))[::-1])[::-1]
    corrected[:-1] = (is_next & is_restamp[1:]) | (
        is_inside & ((base + rank)[:-1] >= least[1:])
    )
    return corrected


def corrected_rows(history: pa.Table) -> Bools:
    """Tell the same of a table with ``STAMP_COLUMNS``, in its own order."""
    is_restamp = _numpy(pc.equal(history["cause"], "restamp"))
    if not is_restamp.any():
        return np.zeros(len(history), np.bool_)
    codes = [_codes(history[name]) for name in ("gate", "direction")]
    hour, known = (
        _numpy(history[n].cast(pa.int64())) for n in ("hour_start_utc", "known_at_utc")
    )
    revision = _numpy(history["revision"]).astype(np.int64)
    keys = np.stack([*codes, hour])
    order = np.lexsort((revision, *keys))
    is_first = np.ones(len(order), np.bool_)
    is_first[1:] = (keys[:, order[1:]] != keys[:, order[:-1]]).any(axis=0)
    corrected = np.zeros(len(order), np.bool_)
    corrected[order] = are_corrected(
        is_first, revision[order], known[order], is_restamp[order]
    )
    return corrected


def ahead_of(now_us: int) -> int:
    """Return the latest stamp that a right clock may have written by now."""
    return now_us + MAX_LEAD_US + US_PER_S


def is_ahead(known_us: int, now_us: int | None = None) -> bool:
    """Tell whether a stamp is one of a clock that ran ahead."""
    return known_us > ahead_of(time.time_ns() // 1000 if now_us is None else now_us)


def stamps_ahead(root: Path, camera: str, now_us: int) -> StampsAhead | None:
    """Find stamps of a clock that ran ahead and that nothing corrects yet.

    Where none is, a footer is read; else the keys of the whole history.
    """
    files = table_files(root, "history", camera)
    newest = column_range(files[-1], "known_at_utc") if files else None
    if newest is None or to_us(newest[1]) <= ahead_of(now_us):
        return None
    history = pa.concat_tables(
        [read_table(file, "history", list(STAMP_COLUMNS)) for file in files]
    )
    known = _numpy(history["known_at_utc"].cast(pa.int64()))
    ahead = known[(known > ahead_of(now_us)) & ~corrected_rows(history)]
    return StampsAhead(len(ahead), int(ahead.max())) if len(ahead) else None


def check_clock(root: Path, camera: str, now_us: int) -> None:
    """Refuse to write what would look older than it is.

    Raises
    ------
    StoreError
        When the clock stands before what was known already.
    """
    found = stamps_ahead(root, camera, now_us)
    if found is None:
        return
    msg = (
        f"camera {camera!r}: history holds what is known at "
        f"{from_us(found.latest_us).isoformat()}, but this host's clock says "
        f"{from_us(now_us).isoformat()}. If the clock is wrong, set it (NTP) and run "
        "again. If it is right, it ran ahead then: `truckcount store check "
        f"{root} --repair` stamps anew what it wrote ({found.n_rows} rows)"
    )
    raise StoreError(msg)


def _codes(column: pa.ChunkedArray) -> Int64s:
    encoded = pc.dictionary_encode(column.combine_chunks())
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    return np.asarray(_numpy(encoded.indices), np.int64)


def _numpy(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    if isinstance(column, pa.ChunkedArray):
        return np.asarray(column.to_numpy())
    return np.asarray(column.to_numpy(zero_copy_only=False))
