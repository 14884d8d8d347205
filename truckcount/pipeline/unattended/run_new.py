"""Files that a store does not know yet to hours: what cron asks for."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from truckcount.errors import StoreError, VideoNotFoundError
from truckcount.pipeline.camera_work import check_one_start
from truckcount.pipeline.cameras import open_book
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.result import FileOutcome, RunListener, RunResult
from truckcount.pipeline.run import run_paths
from truckcount.pipeline.run_result import join_results
from truckcount.pipeline.segments import failed_outcome
from truckcount.pipeline.unattended.intake import Intake, Waiting
from truckcount.pipeline.url_cameras import check_urls
from truckcount.store import Store
from truckcount.video import find_sources, fold_stills

logger = logging.getLogger(__name__)


def run_new(
    paths: Sequence[str], options: RunOptions, listener: RunListener | None = None
) -> RunResult:
    """Count what is new at paths, and what failed and is due again.

    Known files are not opened. Growing files are left to the next run; those in
    quarantine, or whose next try is to come,
    are left alone and stay visible in ``status``.

    Returns
    -------
    RunResult
        With exit code 0 also where nothing was new; a path that is not there is a
        failed outcome, as a mount is that has vanished (``KnownFiles.has_vanished``).

    Raises
    ------
    StoreError
        The first of a batch of which nothing could be counted, after all others.
    """
    paths = fold_stills(paths)
    check_urls(options, paths)  # before they are cut into batches
    if not Store.is_at(options.store) and not any(map(_is_there, paths)):
        return run_paths(paths, options, listener)  # a slip makes no store
    intake = Intake(paths, options)
    waiting = intake.look()
    if options.start is not None:  # likewise
        book = open_book(replace(options, gate=None))
        check_one_start([(s, book.camera_for(s.path)) for s in waiting.ready])
    if listener is not None:
        listener.started(len(waiting.ready))
    muted = None if listener is None else _Batch(listener)
    results = [replace(run_paths([], options), file_outcomes=_missing(waiting))]
    errors = []
    for batch in intake.batches(waiting.ready):
        try:
            results.append(intake.count(batch, muted))
        except StoreError as error:  # of its cameras: others may be well
            logger.warning("%s", error)
            errors.append(error)
    if errors:
        raise errors[0]
    return replace(join_results(results), is_empty_fine=True)


def _is_there(path: str) -> bool:
    """Tell whether something stands at a path, a folder without video among them."""
    try:
        return bool(find_sources([path]))
    except VideoNotFoundError:
        return Path(path).is_dir()


def _missing(waiting: Waiting) -> tuple[FileOutcome, ...]:
    errors = [
        (path, VideoNotFoundError(f"{path} {why}"))
        for path, why in waiting.missing.items()
    ]
    for _, error in errors:
        logger.warning("%s", error)
    return tuple(failed_outcome(path, "", error) for path, error in errors)


class _Batch:
    """Passes a batch's progress on; the number of files was told at the start."""

    def __init__(self, listener: RunListener) -> None:
        self._listener = listener
        self.advanced = listener.advanced
        self._n_before = self._n_batch = 0

    def started(self, n_files: int) -> None:
        """Keep the trucks of earlier batches."""
        self._n_before, self._n_batch = self._n_before + self._n_batch, 0

    def finished(self, outcome: FileOutcome, n_trucks: int) -> None:
        """Pass on a file's end."""
        self._n_batch = n_trucks
        self._listener.finished(outcome, self._n_before + n_trucks)
