"""Revisions to the latest of each key: what ``history`` says, now or at a moment."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from truckcount.store.stamps import corrected_rows


def latest_rows(history: pa.Table, as_of_us: int | None = None) -> pa.Table:
    """Return what history says, now or as of a moment: one row per key.

    Left out are revisions that a ``restamp`` corrects (their stamp says nothing),
    and rows of a direction kind that the gate has no more: after a
    change from ``in``/``out``/``unknown`` to ``any`` or back, the kind known last
    stands, so that a sum over direction never counts a truck twice.

    Parameters
    ----------
    history : pa.Table
        Rows of any months of one camera.
    """
    if not len(history):
        return history
    columns = {name: history[name].combine_chunks() for name in _ORDER}
    gate, direction = (_codes(columns[n]) for n in ("gate", "direction"))
    hour, known = (
        columns[n].cast(pa.int64()).to_numpy(zero_copy_only=False)
        for n in ("hour_start_utc", "known_at_utc")
    )
    revision = columns["revision"].to_numpy(zero_copy_only=False)
    order = np.lexsort((revision, direction, hour, gate))
    order = order[~corrected_rows(history)[order]]
    if as_of_us is not None:
        order = order[known[order] <= as_of_us]
    if not len(order):
        return history.slice(0, 0)
    key = np.stack([gate[order], hour[order], direction[order]])
    is_last = np.append((key[:, 1:] != key[:, :-1]).any(axis=0), np.True_)
    order = order[is_last]
    is_any = pc.equal(columns["direction"], "any").to_numpy(zero_copy_only=False)
    order = order[_is_standing_kind(gate, hour, known, is_any, order)]
    return history.take(pa.array(order))


_ORDER = ("gate", "direction", "hour_start_utc", "known_at_utc", "revision")


def _is_standing_kind(
    gate: np.ndarray,
    hour: np.ndarray,
    known: np.ndarray,
    is_any: np.ndarray,
    order: np.ndarray,
) -> np.ndarray:
    """Tell which rows, sorted by gate and hour, are of the kind known last."""
    kind = is_any[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (gate[order][1:] != gate[order][:-1]) | (
        hour[order][1:] != hour[order][:-1]
    )
    group = np.cumsum(new) - 1
    newest = np.lexsort((known[order], group))
    last_of_group = newest[np.append(np.flatnonzero(new)[1:], len(order)) - 1]
    return np.asarray(kind == kind[last_of_group][group])


def _codes(column: pa.Array) -> np.ndarray:
    """Give each string the number of its place in their order."""
    encoded = pc.dictionary_encode(column)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    values = encoded.dictionary.to_pylist()
    rank = np.argsort(np.argsort(np.array(values, object)))
    return np.asarray(rank[encoded.indices.to_numpy(zero_copy_only=False)])
