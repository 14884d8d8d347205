"""Scored and failed files to segment rows and outcomes."""

import logging
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from truckcount.domain.camera import Camera
from truckcount.domain.credentials import mask_credentials
from truckcount.domain.iso_time import iso_utc
from truckcount.domain.segment import is_in_future
from truckcount.errors import (
    AmbiguousTimeError,
    ClockError,
    DecodeError,
    EmptyVideoError,
    GrowingFileError,
    StoreError,
    TruckcountError,
    VideoError,
    VideoNotFoundError,
)
from truckcount.pipeline.camera_warnings import camera_warnings
from truckcount.pipeline.file_errors import file_error, spell_unexpected
from truckcount.pipeline.result import BLOCKED, FileOutcome, FileWork
from truckcount.pipeline.scoring import ScoredFile, ScoreTask
from truckcount.store import SegmentRecord
from truckcount.store.closed_hours import LATE_DAYS, closed_hours, may_have_closed
from truckcount.store.seals import DELETED, LATE
from truckcount.video import Source, probe_video, resolve_start

logger = logging.getLogger(__name__)

US_PER_S = 1_000_000
SAME_START_US = 1000  # sidecars may round to milliseconds


def is_counted(record: SegmentRecord) -> bool:
    """Whether a segment's scores take part in counting."""
    return record.status == "done" and record.start_us is not None


def is_counted_row() -> pc.Expression:
    """Return the same as a filter of the rows of ``segments``."""
    return (pc.field("status") == "done") & pc.field("start_utc").is_valid()


def record_of(
    task: ScoreTask,
    scored: ScoredFile,
    *,
    model_id: str,
    scoring_hash: str,
    run_id: str,
) -> SegmentRecord:
    """Spell a scored file as its row of ``segments``."""
    report, source = scored.report, task.source
    scores = next(iter(scored.scores.values()))
    usable = float(np.mean(scores.quality_flags == 0)) if len(scores) else 0.0
    return SegmentRecord(
        segment_id=task.segment_id,
        path=source.name,
        name=_last_name(source),
        source_kind="stills" if source.kind == "stills" else task.camera.source_kind,
        size_bytes=source.size_bytes,
        status="done",
        run_id=run_id,
        mtime_us=round(source.mtime * US_PER_S) or None,
        start_us=report.start_us,
        end_us=report.end_us,
        start_source=scored.start.source,
        time_quality=scored.start.quality,
        clock_offset_s=task.camera.clock_shift_s,
        clock_sd_s=scored.start.sd_s,
        duration_s=report.duration_s,
        decoded_s=report.duration_s,
        usable_s=report.duration_s * usable,
        n_frames_decoded=report.n_frames_decoded,
        n_samples=report.n_samples,
        fps_nominal=report.fps_nominal,
        is_vfr=report.is_vfr,
        width=report.width,
        height=report.height,
        codec=report.codec,
        decode_errors=report.n_bad_packets,
        config_hash=scoring_hash,
        model_id=model_id,
    )


def uncounted_record(
    task: ScoreTask, outcome: FileOutcome, run_id: str
) -> SegmentRecord:
    """Spell a file that is not counted (again) as its row of ``segments``."""
    return SegmentRecord(
        segment_id=task.segment_id,
        path=task.source.name,
        name=_last_name(task.source),
        source_kind=task.camera.source_kind,
        size_bytes=task.source.size_bytes,
        status=outcome.status,
        run_id=run_id,
        mtime_us=round(task.source.mtime * US_PER_S) or None,
        error=outcome.error,
    )


def outcome_of(
    source: Source,
    camera: Camera,
    record: SegmentRecord,
    status: str,
    scored: ScoredFile | None = None,
    work: FileWork | None = None,
) -> FileOutcome:
    """Spell what became of a file that was counted, now or before."""
    warnings = () if scored is None else scored.report.warnings
    if record.start_us is not None and is_in_future(record.start_us):
        warnings = (*warnings, _FUTURE.format(start=iso_utc(record.start_us)))
    warnings = (*warnings, *camera_warnings(camera, record.time_quality))
    return FileOutcome(
        path=source.name,
        camera=camera.name,
        status=status,
        segment_id=record.segment_id,
        start_utc=None if record.start_us is None else iso_utc(record.start_us),
        start_source=record.start_source,
        time_quality=record.time_quality,
        duration_s=record.duration_s,
        samples=record.n_samples,
        bad_packets=record.decode_errors,
        unusable_s=(
            None
            if record.duration_s is None or record.usable_s is None
            else round(record.duration_s - record.usable_s, 3)
        ),
        seconds_decode=None if scored is None else scored.report.seconds_decode,
        warnings=warnings,
        work=work,
    )


def failed_outcome(path: str, camera: str, error: Exception) -> FileOutcome:
    """Spell an error as a file's outcome."""
    return FileOutcome(
        path=mask_credentials(path),
        camera=camera,
        status=_status_of(error),
        error=mask_credentials(str(error)),
    )


def header_span(task: ScoreTask) -> tuple[int, int] | None:
    """Tell by name and header when a file was filmed; None where they do not say.

    A stream is filmed now.

    Returns
    -------
    (start_us, end_us)
        The end is the start where the header tells no duration.
    """
    if task.source.kind == "url":
        return None
    try:
        probe = probe_video(task.source)
        start = resolve_start(task.source, task.camera, probe, start=task.options.start)
    except Exception as error:  # noqa: BLE001
        file_error(task.source.name, error)
        return None  # scoring says what is wrong with it
    length_s = probe.duration_s_from_header or 0.0
    return start.start_us, start.start_us + round(length_s * US_PER_S)


def duplicate_outcome(task: ScoreTask) -> FileOutcome:
    """Say that a file's bytes were offered already in this run."""
    return FileOutcome(
        path=task.source.name,
        camera=task.camera.name,
        status="duplicate",
        segment_id=task.segment_id,
        warnings=("the same bytes were offered under another name; counted once",),
    )


def sealed_outcome(task: ScoreTask, status: str) -> FileOutcome:
    """Say that a file lies in hours that are not counted any more."""
    why = _WHY[status]
    return FileOutcome(
        path=task.source.name,
        camera=task.camera.name,
        status=status,
        segment_id=task.segment_id,
        warnings=(f"not counted: {why}",),
    )


_FUTURE = (
    "starts at {start}, which is yet to come, and its trucks are counted there: set "
    "the recorder's clock, and give this file its time with --start, a sidecar or "
    "`clock_shift_s` in cameras.toml"
)
_WHY = {
    DELETED: "its hours were deleted (`truckcount store delete --lift` takes that "
    "back)",
    LATE: f"its hours closed {LATE_DAYS} days after their end, what was told of them "
    "stands; `truckcount backfill` revises them",
    "sealed": "its hours stand: the scores beside it were pruned",
}


def _last_name(source: Source) -> str:
    """Return the last part of a path; a URL's whole name, without credentials."""
    return source.name if source.kind == "url" else Path(source.name).name


def _status_of(error: Exception) -> str:
    if isinstance(error, GrowingFileError):
        return "growing"
    if isinstance(error, ClockError):
        is_ambiguous = isinstance(error, AmbiguousTimeError)
        return "ambiguous_time" if is_ambiguous else "no_time"
    if isinstance(error, VideoNotFoundError):
        return "missing"
    if isinstance(error, DecodeError):
        return "empty" if isinstance(error, EmptyVideoError) else "corrupt"
    return "failed" if isinstance(error, TruckcountError) else "unreadable"


def is_late(task: ScoreTask, root: Path) -> bool:
    """Tell whether a new file lies in hours that are closed but for a backfill."""
    name, now_us = task.camera.name, time.time_ns() // 1000
    if task.options.is_backfill or not may_have_closed(root, name, now_us):
        return False
    span = header_span(task)
    return span is not None and bool(closed_hours(root, name, span, now_us))


def given_up_outcome(path: str, camera: str, error: Exception) -> FileOutcome:
    """Return the outcome of a file that was not kept, by what kept it from that."""
    if isinstance(error, StoreError):
        outcome = failed_outcome(path, camera, error)
        return replace(outcome, status=BLOCKED)
    if isinstance(error, TruckcountError):
        return failed_outcome(path, camera, error)
    why = VideoError(f"{path}: {spell_unexpected(error)}")
    return failed_outcome(path, camera, why)
