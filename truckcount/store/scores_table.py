"""Scores of a camera's gates to day files and back."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from truckcount.domain.scores import PEAK_DTYPE, Scores, empty_scores
from truckcount.store.layout import day_of, days_between, file_path
from truckcount.store.publish import publish_table, read_table
from truckcount.store.schema import PEAKS, schema_of

HALF_U8 = 128
DT_MAX_S = 2.0


def write_scores(
    root: Path, camera: str, scores: Mapping[str, Scores], scoring_hash: str
) -> None:
    """Merge scores into the day files; rows of the same segments are replaced."""
    parts = [_to_arrow(camera, gate, s, scoring_hash) for gate, s in scores.items()]
    new = pa.concat_tables([p for p in parts if len(p)] or [_empty()])
    if not len(new):
        return
    segments = pa.array(sorted({i for s in scores.values() for i in s.segment_ids}))
    days = pc.floor_temporal(new["t_utc"], unit="day")
    for day in pc.unique(days).to_pylist():
        rows = new.filter(pc.equal(days, pa.scalar(day, days.type)))
        path = file_path(root, "scores", camera, f"{day:%Y-%m-%d}")
        old = read_table(path, "scores")
        is_old = pc.is_in(old["segment_id"], value_set=segments)
        kept = old.filter(pc.invert(is_old))
        merged = pa.concat_tables([kept, rows]).sort_by(
            [("gate", "ascending"), ("t_utc", "ascending"), ("segment_id", "ascending")]
        )
        publish_table(merged, "scores", path)


def has_scores(
    root: Path, camera: str, segment_id: str, start_us: int, scoring_hash: str
) -> bool:
    """Tell whether a segment was scored under this hash."""
    path = file_path(root, "scores", camera, day_of(start_us))
    if not path.exists():
        return False
    table = read_table(path, "scores")
    both = pc.and_(
        pc.equal(table["segment_id"], segment_id),
        pc.equal(table["config_hash"], scoring_hash),
    )
    return bool(pc.any(both).as_py())


def read_scores(
    root: Path,
    camera: str,
    gate: str,
    from_time_us: int,
    to_time_us: int,
    won: Mapping[str, Sequence[tuple[int, int]]],
) -> Scores:
    """Read a gate's scores of [from, to) in time order.

    Parameters
    ----------
    won : mapping of segment id to intervals
        The times each segment counts for; samples outside are left out, so that
        no moment is given twice where files overlap.
    """
    parts = []
    for day in days_between(from_time_us, to_time_us):
        path = file_path(root, "scores", camera, day)
        if path.exists():
            table = read_table(path, "scores")
            parts.append(table.filter(pc.equal(table["gate"], gate)))
    if not parts:
        return empty_scores()
    table = pa.concat_tables(parts).combine_chunks()
    t_us = table["t_utc"].cast(pa.int64()).to_numpy()
    inside = (t_us >= from_time_us) & (t_us < to_time_us)
    keep = np.zeros(len(t_us), np.bool_)
    for segment_id, intervals in won.items():
        is_mine = inside & pc.equal(table["segment_id"], segment_id).to_numpy(
            zero_copy_only=False
        )
        if is_mine.any():
            for low, high in intervals:
                keep |= is_mine & (t_us >= low) & (t_us < high)
    table = table.filter(pa.array(keep)).sort_by([("t_utc", "ascending")])
    return _from_arrow(table)


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


def _from_arrow(table: pa.Table) -> Scores:
    if not len(table):
        return empty_scores()
    table = table.combine_chunks()
    ids = table["segment_id"].combine_chunks().dictionary_encode()
    if isinstance(ids, pa.ChunkedArray):
        ids = ids.combine_chunks()
    lists = table["peaks"].combine_chunks()
    if isinstance(lists, pa.ChunkedArray):
        lists = lists.chunk(0)
    flat = lists.flatten()
    peaks = np.empty(len(flat), PEAK_DTYPE)
    for target, source in zip(("x", "y", "w", "h", "p"), PEAKS.value_type, strict=True):
        peaks[target] = flat.field(source.name).to_numpy(zero_copy_only=False)
    counts = pc.list_value_length(lists).to_numpy(zero_copy_only=False)
    return Scores(
        t_us=table["t_utc"].cast(pa.int64()).to_numpy(),
        score_u8=table["score_u8"].to_numpy(),
        quality_flags=table["quality_flags"].to_numpy(),
        segment=ids.indices.to_numpy(zero_copy_only=False).astype(np.int32),
        segment_ids=tuple(ids.dictionary.to_pylist()),
        peak_start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        peaks=peaks,
    )
