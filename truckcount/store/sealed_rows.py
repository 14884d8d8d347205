"""Rows of a sealed stretch to null, or to nothing, table by table."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from truckcount.store.audits_table import read_audits
from truckcount.store.bins_table import write_bins
from truckcount.store.history import Clock, known_at
from truckcount.store.hours_table import revise_hours
from truckcount.store.layout import file_path, from_us, month_of, table_files
from truckcount.store.payload import payload_sha
from truckcount.store.publish import publish_table, read_table, sync
from truckcount.store.schema import TIME, schema_of
from truckcount.store.seals import DELETED, Seal

BINS = {"bins_05": 5, "bins_15": 15, "bins_30": 30}
CLIPS_FOLDER = "_audit"  # readers skip names that begin with _
UNSEEN: dict[str, Any] = {
    "n_trucks": None, "onsets": None, "n_censored": None, "coverage_s": 0.0,
    "unusable_s": 0.0, "busy_s": None, "n_samples": 0, "occupancy_mean": None,
    "n_trucks_est": None, "n_trucks_se": None, "n_trucks_se_indep": None,
    "calibration_id": None, "is_final": True,
}  # fmt: skip
"""What an hour says that nobody watched: null, never 0."""


def blank_hours(
    root: Path, camera: str, seal: Seal, clock: Clock, *, has_history: bool
) -> None:
    """Make the hours of a sealed day null, and perhaps forget what they said.

    Parameters
    ----------
    has_history : bool
        Append a revision of cause ``deleted``; else it is the only one left.
    """
    # from `hours`, which outlives a kill between the two steps of forgetting
    file = file_path(root, "hours", camera, month_of(seal.low_us))
    rows = inside(read_table(file, "hours"), "hour_start_utc", seal).to_pylist()
    drafts = [row | UNSEEN | {"max_gap_s": 3600.0, "cause": DELETED} for row in rows]
    for draft in drafts:
        draft["payload_sha"] = payload_sha(draft)
    if not has_history:
        for one in table_files(root, "history", camera):
            known = inside(read_table(one, "history"), "hour_start_utc", seal)
            if pc.any(pc.not_equal(known["cause"], DELETED)).as_py():
                keep_rows(one, "history", "hour_start_utc", seal)
    if drafts:
        revise_hours(root, camera, drafts, clock)


def blank_bins(root: Path, camera: str, seal: Seal, now_us: int) -> None:
    """Make the bins of a sealed day null."""
    for table, minutes in BINS.items():
        file = file_path(root, table, camera, month_of(seal.low_us))
        rows = inside(read_table(file, table), "bin_start_utc", seal).to_pylist()
        drafts = [row | UNSEEN | {"max_gap_s": 60.0 * minutes} for row in rows]
        for draft in drafts:
            draft["hour_start_utc"] = draft.pop("bin_start_utc")
        if drafts:
            write_bins(root, camera, minutes, drafts, known_at(now_us))


def drop_scores(root: Path, camera: str, seal: Seal) -> None:
    """Remove the scores of a sealed day."""
    for file in score_files(root, camera, seal):
        file.unlink()
        sync(file.parent)


def drop_clips(root: Path, camera: str, seal: Seal) -> None:
    """Remove the clips that audits cut into the store of a sealed stretch."""
    for window in read_audits(root, camera):
        if window.window_start_us < seal.high_us and (
            window.window_end_us > seal.low_us
        ):
            for clip in (root / CLIPS_FOLDER).glob(f"{window.clip}.*"):
                clip.unlink(missing_ok=True)


def keep_rows(file: Path, table: str, column: str, seal: Seal) -> None:
    """Rewrite a file without the rows of a stretch; an empty one goes."""
    old = read_table(file, table)
    kept = old.filter(pc.invert(_is_inside(old, column, seal)))
    if not len(kept):
        file.unlink()
        sync(file.parent)
    elif len(kept) < len(old):
        publish_table(
            kept.replace_schema_metadata(schema_of(table).metadata), table, file
        )


def inside(table: pa.Table, column: str, seal: Seal) -> pa.Table:
    """Return the rows of a stretch by a column of times."""
    return table.filter(_is_inside(table, column, seal))


def _is_inside(table: pa.Table, column: str, seal: Seal) -> Any:
    low, high = (
        pa.scalar(t, pa.int64()).cast(TIME) for t in (seal.low_us, seal.high_us)
    )
    return pc.and_(pc.greater_equal(table[column], low), pc.less(table[column], high))


def score_files(root: Path, camera: str, seal: Seal) -> list[Path]:
    """Return the files of scores of a stretch of whole days."""
    first, after = (f"{from_us(t):%Y-%m-%d}" for t in (seal.low_us, seal.high_us))
    return [f for f in table_files(root, "scores", camera) if first <= f.stem < after]
