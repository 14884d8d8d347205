"""All files at paths to hours, known or not; a mount that has vanished is told."""

import logging
import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from truckcount.domain.credentials import URL_PATTERN
from truckcount.errors import VideoNotFoundError
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.result import RunListener, RunResult
from truckcount.pipeline.run import run_paths
from truckcount.pipeline.segments import failed_outcome
from truckcount.pipeline.unattended.attempts import US_PER_S
from truckcount.pipeline.unattended.intake import WAS_MOUNTED
from truckcount.pipeline.unattended.known_mounts import KnownMounts

logger = logging.getLogger(__name__)


def run_all(
    paths: Sequence[str], options: RunOptions, listener: RunListener | None = None
) -> RunResult:
    """Count files as ``run_paths`` does, and note what mounts they stand on.

    Returns
    -------
    RunResult
        With a failed outcome for each mount that held files and is none any more:
        others beside it would make a run of half the cameras look like a whole one.
    """
    result = run_paths(paths, options, listener)
    mounts = KnownMounts(options.store)
    now_us = time.time_ns() * US_PER_S // 1_000_000_000
    there = {
        os.path.split(outcome.path)[0]
        for outcome in result.file_outcomes
        if not outcome.is_failed or Path(outcome.path).is_file()
    }
    folders = {str(Path(folder).absolute()) for folder in there if "://" not in folder}
    mounts.note(folders, now_us)
    mounts.save()
    lost = {
        place: str(path)
        for path in paths
        if not URL_PATTERN.match(str(path))
        for place in mounts.vanished(str(Path(path).absolute()), folders, now_us)
    }
    if not lost:
        return result
    errors = [VideoNotFoundError(f"{place} {WAS_MOUNTED}") for place in lost]
    for error in errors:
        logger.warning("%s", error)
    # a path that is itself the mount was told as a folder without a video
    gone = {path for place, path in lost.items() if place == str(Path(path).absolute())}
    kept = [o for o in result.file_outcomes if not (o.is_failed and o.path in gone)]
    told = [
        failed_outcome(place, "", error)
        for place, error in zip(lost, errors, strict=True)
    ]
    return replace(result, file_outcomes=(*told, *kept))
