"""A file that was counted before to what becomes of it now."""

import logging
import time
from dataclasses import replace
from pathlib import Path

from truckcount.domain.iso_time import iso_utc
from truckcount.domain.segment import StartTime
from truckcount.errors import ClockError
from truckcount.pipeline.counts.timeline import Span, span_of
from truckcount.pipeline.file_errors import file_error
from truckcount.pipeline.result import FileOutcome
from truckcount.pipeline.scoring import ScoreTask
from truckcount.pipeline.segments import outcome_of
from truckcount.store import SegmentRecord
from truckcount.store.closed_hours import LATE_DAYS, closed_hours, may_have_closed
from truckcount.store.seals import LATE
from truckcount.video import probe_video, resolve_start

logger = logging.getLogger(__name__)

SAME_START_US = 1000  # sidecars may round to milliseconds


def stays_outcome(
    task: ScoreTask, root: Path, record: SegmentRecord, start: StartTime
) -> FileOutcome | None:
    """Say why a counted file stays where it is, though it says another time.

    Returns
    -------
    FileOutcome or None
        None where it moves.
    """
    known = span_of(record)
    if is_conflict(task, record):
        outcome = conflict_outcome(task, record.path, known, start)
        logger.warning("%s", outcome.error)
        return outcome
    held = None
    if not task.options.is_backfill:
        held = held_back_outcome(task, root, record, start)
    if held is not None:
        logger.warning("%s: %s", task.source.name, held.warnings[0])
        return held
    logger.warning(
        "%s: now starts at %s, counted before at %s: moved",
        task.source.name,
        iso_utc(start.start_us),
        iso_utc(known.start_us),
    )
    return None


def corrected_start(task: ScoreTask, known: Span) -> StartTime | None:
    """Tell where a file counted before should stand now, if not where it stands.

    A guess corrects nothing: a copy's file time says when it was copied. Nor does a
    name of the repeated autumn hour, if it was counted in one of the two, or of the
    hour that spring leaves out.
    """
    try:
        start = resolve_start(
            task.source,
            task.camera,
            probe_video(task.source),
            start=task.options.start,
        )
    except Exception as error:  # noqa: BLE001
        file_error(task.source.name, error)
        return None
    is_no_time = start.quality == "ambiguous" and start.twin_us is None
    if is_no_time or is_start_of(start, known.start_us):
        return None
    if start.quality != "guess":
        return start
    if start.source == "option":  # said, and not done
        logger.warning(
            "%s: --start %s is yet to come and moves nothing: it stays at %s",
            task.source.name,
            iso_utc(start.start_us),
            iso_utc(known.start_us),
        )
    return None


def is_start_of(start: StartTime, known_us: int) -> bool:
    """Tell whether a start may be that of a file that was counted there."""
    moments = (
        [start.start_us] if start.twin_us is None else [start.start_us, start.twin_us]
    )
    return any(abs(moment - known_us) < SAME_START_US for moment in moments)


def start_of(record: SegmentRecord) -> StartTime:
    """Return the start that a segment was counted at."""
    return StartTime(
        start_us=span_of(record).start_us,
        source=record.start_source or "none",
        quality=record.time_quality or "guess",
        sd_s=record.clock_sd_s,
    )


def succeed(known: SegmentRecord, record: SegmentRecord) -> SegmentRecord:
    """Let a file's new record take the place of the one it was counted by.

    A segment is counted by one row, under the path that it was first counted by.
    """
    return replace(record, path=known.path, name=known.name, mtime_us=known.mtime_us)


def guessed_before(task: ScoreTask, known: Span) -> ClockError:
    """Say that a file was counted at a guessed time, which this run refuses."""
    return ClockError(
        f"{task.source.name}: was counted at {iso_utc(known.start_us)}, guessed from "
        "its file time, which --strict-time refuses; give --start or name the file "
        "<camera>_20260302T080000-0600, which moves its hours"
    )


def is_conflict(task: ScoreTask, known: SegmentRecord) -> bool:
    """Tell whether a file that says another time is not the one that was counted.

    A time that was guessed gives way to any that is known, so that renaming a file
    dates it; and a file that is called by another path is itself.
    """
    if known.path == task.source.name or known.time_quality == "guess":
        return False
    try:
        return not Path(known.path).samefile(task.source.path)
    except (OSError, ValueError):  # gone, or of another folder
        return True


def conflict_outcome(
    task: ScoreTask, path: str, known: Span, start: StartTime
) -> FileOutcome:
    """Say that a file's bytes were counted at another time under another name."""
    return FileOutcome(
        path=task.source.name,
        camera=task.camera.name,
        status="conflict",
        segment_id=task.segment_id,
        error=(
            f"{task.source.name}: the same bytes were counted as {path} at "
            f"{iso_utc(known.start_us)}, not at {iso_utc(start.start_us)}; not "
            "counted again: remove one of the two, or correct its time"
        ),
    )


def held_back_outcome(
    task: ScoreTask, root: Path, record: SegmentRecord, start: StartTime
) -> FileOutcome | None:
    """Say that a counted file's corrected time would change closed hours.

    Those that it would leave, or those that it would come to: what was told of them
    moves by a backfill alone, as for a file that comes late. Until then it counts
    where it stands.

    Parameters
    ----------
    start : StartTime
        Where it should stand now.

    Returns
    -------
    FileOutcome or None
        None where nothing holds it back.
    """
    now_us = time.time_ns() // 1000
    if not may_have_closed(root, task.camera.name, now_us):
        return None
    known = span_of(record)
    end_us = start.start_us + known.end_us - known.start_us
    spans = ((known.start_us, known.end_us), (start.start_us, end_us))
    if not any(closed_hours(root, task.camera.name, s, now_us) for s in spans):
        return None
    why = (
        f"not moved: it should start at {iso_utc(start.start_us)} and is counted at "
        f"{iso_utc(known.start_us)}, and hours there closed {LATE_DAYS} days after "
        "their end; `truckcount backfill` moves it"
    )
    return replace(outcome_of(task.source, task.camera, record, LATE), warnings=(why,))
