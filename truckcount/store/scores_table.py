"""Scores of a camera's gates to day files and back."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from truckcount.domain.scores import Scores, concat_scores
from truckcount.store.gate_day import COUNTED, GateDay, decode_gates
from truckcount.store.layout import days_between, file_path
from truckcount.store.publish import publish_table, read_table
from truckcount.store.schema import PEAKS, schema_of

HALF_U8 = 128
DT_MAX_S = 2.0
FOREVER_US = 2**62
MAX_DAYS = 3  # kept of one camera: the day, and its neighbours'


def write_scores(
    root: Path, camera: str, scores: Sequence[tuple[str, Scores]], scoring_hash: str
) -> int:
    """Merge scores, each with its gate, into the day files.

    Rows of the same segments are replaced.

    Returns
    -------
    int
        Time of the first row that was added or replaced, microseconds UTC.
    """
    parts = [_to_arrow(camera, gate, s, scoring_hash) for gate, s in scores]
    new = pa.concat_tables([p for p in parts if len(p)] or [_empty()])
    if not len(new):
        return FOREVER_US
    first = _first_us(new)
    segments = pa.array(sorted({i for _, s in scores for i in s.segment_ids}))
    days = pc.floor_temporal(new["t_utc"], unit="day")
    for day in pc.unique(days).to_pylist():
        rows = new.filter(pc.equal(days, pa.scalar(day, days.type)))
        path = file_path(root, "scores", camera, f"{day:%Y-%m-%d}")
        old = read_table(path, "scores")
        is_old = pc.is_in(old["segment_id"], value_set=segments)
        kept = old.filter(pc.invert(is_old))
        first = min(first, _first_us(old.filter(is_old)))
        merged = pa.concat_tables([kept, rows]).sort_by(
            [("gate", "ascending"), ("t_utc", "ascending"), ("segment_id", "ascending")]
        )
        publish_table(merged, "scores", path, before=old)
    return first


def _first_us(table: pa.Table) -> int:
    t_us = table["t_utc"].cast(pa.int64()).to_numpy()
    return int(t_us.min()) if len(t_us) else FOREVER_US


@functools.lru_cache(maxsize=8)  # cameras are run one after another
def _hashes_of_day(path: Path, _stamp: tuple[int, int]) -> Mapping[str, frozenset[str]]:
    """Return the hashes of each segment of a day's file, once per state of it."""
    names = ["segment_id", "config_hash"]
    table = read_table(path, "scores", columns=names)
    pairs = table.group_by(names).aggregate([])
    found: dict[str, set[str]] = {}
    for segment_id, digest in zip(*(pairs[n].to_pylist() for n in names), strict=True):
        found.setdefault(segment_id, set()).add(digest)
    return {segment_id: frozenset(some) for segment_id, some in found.items()}


def has_scores(
    root: Path,
    camera: str,
    segment_id: str,
    span: tuple[int, int],
    scoring_hash: str,
) -> bool:
    """Tell whether a segment was scored under this hash, and no part of it otherwise.

    Of a day that was deleted nothing is left. Days are written one by one: a run with
    another model that was killed between two leaves some of each.
    """
    found: set[str] = set()
    for day in days_between(*span):
        path = file_path(root, "scores", camera, day)
        stamp = _stamp_of(path)
        if stamp is not None:
            found |= _hashes_of_day(path, stamp).get(segment_id, frozenset())
    return found == {scoring_hash}


def _stamp_of(path: Path) -> tuple[int, int] | None:
    try:
        state = path.stat()
    except FileNotFoundError:
        return None
    return state.st_mtime_ns, state.st_ino


class ScoresReader:
    """Reads scores of one camera after another, and keeps the days read last.

    Windows that are counted one after another share their edges' days; a file that
    was replaced is read again.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._days: dict[Path, tuple[tuple[int, int], dict[str, GateDay]]] = {}

    def forget(self) -> None:
        """Give the memory back."""
        self._days.clear()

    def read(
        self,
        camera: str,
        gate: str,
        window: tuple[int, int],
        won: Mapping[str, Sequence[tuple[int, int]]],
    ) -> Scores:
        """Read a gate's scores of [from, to) in time order.

        Parameters
        ----------
        won : mapping of segment id to intervals
            The times each segment counts for; samples outside are left out, so that
            no moment is given twice where files overlap.
        """
        days = (self._gates_of(camera, day).get(gate) for day in days_between(*window))
        parts = [day.cut(window, won) for day in days if day is not None]
        parts = [part for part in parts if len(part)]
        return parts[0] if len(parts) == 1 else concat_scores(parts)

    def _gates_of(self, camera: str, day: str) -> dict[str, GateDay]:
        path = file_path(self._root, "scores", camera, day)
        stamp = _stamp_of(path)
        if stamp is None:
            return {}
        known = self._days.pop(path, None)
        if known is None or known[0] != stamp:
            table = read_table(path, "scores", columns=COUNTED)
            known = (stamp, decode_gates(table))
        self._days[path] = known  # the newest stands last
        while len(self._days) > MAX_DAYS:
            del self._days[next(iter(self._days))]
        return known[1]


def _empty() -> pa.Table:
    return schema_of("scores").empty_table()


def _to_arrow(camera: str, gate: str, scores: Scores, scoring_hash: str) -> pa.Table:
    n = len(scores)
    if n == 0:
        return _empty()
    schema = schema_of("scores")
    t_us = scores.t_us
    dt = np.minimum(np.diff(t_us, append=t_us[-1]) / 1e6, DT_MAX_S)
    if n > 1:
        dt[-1] = np.median(dt[:-1])
    starts = scores.peak_start.astype(np.int32)
    peaks = scores.peaks
    struct = pa.StructArray.from_arrays(
        [pa.array(np.ascontiguousarray(peaks[k])) for k in ("x", "y", "w", "h", "p")],
        fields=list(PEAKS.value_type),
    )
    strong = np.concatenate([[0], np.cumsum(peaks["p"] >= HALF_U8)])
    n_present = strong[scores.peak_start[1:]] - strong[scores.peak_start[:-1]]
    is_unusable = scores.quality_flags != 0
    state = np.where(is_unusable, -1, scores.score_u8 >= HALF_U8).astype(np.int8)
    ids = pa.array(list(scores.segment_ids)).take(pa.array(scores.segment))
    return pa.Table.from_arrays(
        [
            pa.array([camera] * n),
            pa.array([gate] * n),
            pa.array(t_us, pa.timestamp("us", tz="UTC")),
            ids,
            pa.array((t_us - t_us[0]) / 1e6),
            pa.array(dt.astype(np.float32)),
            pa.array(scores.score_u8),
            pa.array(n_present.astype(np.int16)),
            pa.ListArray.from_arrays(pa.array(starts), struct).cast(PEAKS),
            pa.array(state),
            pa.array(scores.quality_flags),
            pa.array([scoring_hash] * n),
        ],
        schema=schema,
    )
