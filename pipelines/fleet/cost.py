"""What one camera's ten minutes cost: CPU seconds to start, to score, to publish.

CPU seconds, not wall time: they hold on a busy machine, too (within what its caches
lose).
"""

import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from truckcount.domain.scores import Scores, concat_scores
from truckcount.pipeline.cameras import open_book
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import publish_scored
from truckcount.pipeline.scoring import ScoredFile, ScoreTask, score_file
from truckcount.presence.devices import open_runtime
from truckcount.presence.weights import find_weights
from truckcount.store import Store
from truckcount.store.layout import table_files
from truckcount.store.publish import publish_table, read_table
from truckcount.store.schema import schema_of
from truckcount.video import find_sources

ROOT = Path(__file__).parent.parent.parent
CLIP = ROOT / "sample_videos" / "dc-north_20260302T080000-0600.mp4"
CAMERAS = ROOT / "sample_videos" / "cameras.toml"
SEGMENT_S = 600
S_US = 1_000_000
FIRST_US = round(datetime(2026, 2, 28, tzinfo=UTC).timestamp()) * S_US
"""The last day of a month: its tables are the fullest that a publish rewrites."""
BLOCK = 6  # segments of an hour
N_COPIES = 27 * 24  # of that hour: the month before
EVERY = 4  # the clip, then quiet three times as long: a count may be cut there
TIMES = {
    "segments": ("start_utc", "end_utc"),
    "passages": ("onset_utc", "offset_utc", "hour_start_utc"),
    "hours": ("hour_start_utc", "local_start"),
    "history": ("hour_start_utc", "local_start"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentCost:
    """CPU seconds of one worker process for ten minutes of one camera."""

    video: str
    start_up_s: float
    """Of a process that finds nothing new: paid once a process, not a segment."""
    score_s: float
    publish_empty_s: float
    publish_full_s: float
    """Into a store that has counted for four weeks."""
    n_rows_full: int
    """Rows of ``segments`` in that month."""

    def to_json(self) -> dict[str, Any]:
        """Return it for a result file."""
        return asdict(self)


def measure_cost(n_publishes: int = 4) -> SegmentCost:
    """Measure on this machine; about a minute of one core."""
    options = RunOptions(cameras=CAMERAS)
    weights = find_weights(options.model)
    source = find_sources([str(CLIP)])[0]
    camera = open_book(options, [source.path]).camera_for(source.path)
    task = ScoreTask(source=source, camera=camera, segment_id="x", options=options)
    runtime = open_runtime(weights, options.device)
    score_file(task, weights, runtime)  # the first loads and warms
    began = time.process_time()
    scored = score_file(task, weights, runtime)
    score_s = time.process_time() - began
    per_second = score_s / scored.report.duration_s
    with tempfile.TemporaryDirectory() as folder:
        options = replace(options, store=Path(folder) / "store")
        task = replace(task, options=options)
        empty = [
            _publish(task, _ten_minutes(scored, k), k, weights, options)
            for k in range(BLOCK)
        ]
        n_rows = _fill_month(options.store, camera.name)
        full = [
            _publish(task, _ten_minutes(scored, k), k, weights, options)
            for k in range(BLOCK, BLOCK + n_publishes)
        ]
    return SegmentCost(
        video=CLIP.name,
        start_up_s=round(_start_up_s(), 3),
        score_s=round(per_second * SEGMENT_S, 3),
        publish_empty_s=round(statistics.median(empty), 3),
        publish_full_s=round(statistics.median(full), 3),
        n_rows_full=n_rows,
    )


def _publish(
    task: ScoreTask, scored: ScoredFile, k: int, weights: Any, options: RunOptions
) -> float:
    began = time.process_time()
    publish_scored(replace(task, segment_id=f"{k:016x}"), scored, weights, options)
    return time.process_time() - began


def _ten_minutes(scored: ScoredFile, k: int) -> ScoredFile:
    """Make the k-th ten minutes of a day of a short clip, and quiet after each."""
    length_us = round(scored.report.duration_s * S_US)
    start = FIRST_US + k * SEGMENT_S * S_US
    scores = {}
    for gate, one in scored.scores.items():
        parts = []
        for n in range(-(-SEGMENT_S * S_US // length_us)):
            shift = start + n * length_us - scored.report.start_us
            shown = one if n % EVERY == 0 else _emptied(one)
            part = replace(shown, t_us=one.t_us + shift, segment_ids=(f"{k:016x}",))
            parts.append(part[: int((part.t_us < start + SEGMENT_S * S_US).sum())])
        scores[gate] = concat_scores(parts)
    n_samples = len(next(iter(scores.values())))
    report = replace(
        scored.report,
        start_us=start,
        end_us=start + SEGMENT_S * S_US,
        duration_s=float(SEGMENT_S),
        n_samples=n_samples,
    )
    return replace(
        scored,
        scores=scores,
        report=report,
        start=replace(scored.start, start_us=start),
    )


def _emptied(scores: Scores) -> Scores:
    """Return as many samples in which nothing is seen."""
    return replace(
        scores,
        score_u8=np.zeros_like(scores.score_u8),
        peak_start=np.zeros_like(scores.peak_start),
        peaks=scores.peaks[:0],
    )


def _fill_month(root: Path, camera: str) -> int:
    """Copy the hour that was counted over the month before it."""
    Store.open(root)
    n_rows = 0
    for table, times in TIMES.items():
        for path in table_files(root, table, camera):
            rows = read_table(path, table).to_pylist()
            copies = [
                _shifted(row, table, times, n)
                for n in range(1, N_COPIES + 1)
                for row in rows
            ]
            full = pa.Table.from_pylist([*copies, *rows], schema=schema_of(table))
            publish_table(full, table, path)
            n_rows = len(full) if table == "segments" else n_rows
    return n_rows


def _shifted(
    row: dict[str, Any], table: str, times: tuple[str, ...], n: int
) -> dict[str, Any]:
    back = pd.Timedelta(hours=n).to_pytimedelta()
    moved = {
        name: row[name] - back for name in times if row[name] is not None
    }  # fmt: skip
    if table == "segments":
        moved["segment_id"] = f"{n:08x}{row['segment_id'][8:]}"
        moved["winner_intervals"] = [
            {side: moment - back for side, moment in one.items()}
            for one in row["winner_intervals"]
        ]
    if table == "passages":
        moved["passage_id"] = f"{n:08x}{row['passage_id'][8:]}"
    return row | moved


def _start_up_s() -> float:
    """Measure a process that looks at a folder without anything new."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "recordings"
        place.mkdir()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(  # noqa: S603 (our own program)
            [
                sys.executable, "-m", "truckcount", "run", str(place), "--new",
                "--quiet", "--store", str(Path(folder) / "store"),
            ],
            cwd=ROOT, check=True,
        )  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)
