"""Folders to the files that a store does not know yet, and those to hours."""

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from truckcount.errors import (
    ConfigError,
    GrowingFileError,
    StoreError,
    VideoNotFoundError,
)
from truckcount.pipeline.cameras import open_book
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.result import BLOCKED, RunListener, RunResult
from truckcount.pipeline.run import run_paths
from truckcount.pipeline.unattended.attempts import (
    QUARANTINE_AFTER,
    US_PER_S,
    Attempt,
    Attempts,
)
from truckcount.pipeline.unattended.known_files import KnownFiles
from truckcount.pipeline.unattended.known_mounts import KnownMounts
from truckcount.pipeline.unattended.reading_notes import judge_dead, noted
from truckcount.store import Store
from truckcount.store.seals import LATE
from truckcount.video import Source, check_settled, find_sources
from truckcount.video.sources import URL_PATTERN

logger = logging.getLogger(__name__)

NOT_THERE = "is not there; is it mounted?"
WAS_MOUNTED = "held files and was a mount, and is none now; is it mounted?"
NOT_MOUNTED = "is empty, and its counted files were not deleted from it; is it mounted?"
BATCH_FILES = 8  # published together; what is at stake when a process is killed
MAX_FILES, BATCH_BYTES = 64, 16 << 20  # more of them where they are small
SEALING_NS = 60_000_000_000  # a day's rows are sealed within
WORKER_FILES = 64  # of each worker process, which takes seconds to start


@dataclass(slots=True)
class Waiting:
    """What folders hold that is not counted, by what becomes of it."""

    ready: list[Source] = field(default_factory=list)
    growing: list[Source] = field(default_factory=list)
    later: list[tuple[Source, Attempt]] = field(default_factory=list)
    """Failed before; tried again at ``next_us``."""
    quarantined: list[tuple[Source, Attempt]] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)
    """Folders that are not there to what shows it: a mount that vanished."""
    n_known: int = 0


class Intake:
    """Looks for new files and counts them.

    A file is known by path, size and time of its last write, so that a look at a
    year of recordings reads none of them.

    Parameters
    ----------
    paths : sequence of str
        Folders, files, globs or URLs.
    quarantine_after : int
        Failures after which a file is left alone until it changes.
    clock : function to seconds since 1970
    """

    def __init__(
        self,
        paths: Sequence[str],
        options: RunOptions,
        *,
        quarantine_after: int = QUARANTINE_AFTER,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.paths = [_absolute(path) for path in paths]
        self._options = options
        self._clock = clock
        self._store = Store.open(options.store)
        self._known_ns = time.time_ns()
        self._known = KnownFiles.of_store(self._store)
        self._mounts = KnownMounts(self._store.root)
        self._judged_late: dict[str, float] = {}
        self.attempts = Attempts(options.store, quarantine_after)

    def look(self) -> Waiting:
        """Look at every path once, and at what killed the process that read it."""
        now_s = self._clock()
        self._hear_of_deletions()
        for name, judged_s in list(self._judged_late.items()):
            if judged_s > now_s:  # by a clock that ran ahead: to be judged again
                del self._judged_late[name]
                self._known.forget(name)
        self.attempts.hear_of_release()
        self.attempts.drop_gone(round(now_s * US_PER_S))
        try:
            judge_dead(self._store.root, self.attempts)
        except StoreError as error:  # what it tells is kept; nothing is read before
            logger.warning("%s", error)
        return find_waiting(
            self.paths,
            self._known,
            self._mounts,
            self.attempts,
            settle_s=self._options.settle_s,
            now_s=now_s,
        )

    def _hear_of_deletions(self) -> None:
        """Read what is known anew where somebody deleted a day, or lets it be counted.

        Seals are written before the files' rows: until these surely are, it is read
        at every look.
        """
        now_ns = time.time_ns()
        written_ns = 0
        for path in (self._store.root / "_meta" / "seals").glob("*.json"):
            with suppress(FileNotFoundError):
                written_ns = max(written_ns, path.stat().st_mtime_ns)
        if written_ns > self._known_ns - SEALING_NS:
            self._known = KnownFiles.of_store(self._store)
            self._known_ns = now_ns

    def batches(self, sources: Sequence[Source]) -> list[list[Source]]:
        """Cut ready files into what is counted together."""
        try:
            # a gate in pixels is measured on a picture; for the names it is nothing
            book = open_book(replace(self._options, gate=None))
            cameras = {s.path: book.camera_for(s.path).name for s in sources}
        except ConfigError:
            cameras = {}  # counting says what is wrong
        return batches(sources, self.attempts, self._options.jobs, cameras)

    def count(
        self, sources: Sequence[Source], listener: RunListener | None = None
    ) -> RunResult:
        """Count some files, at most ``BATCH_FILES`` for one process.

        While files are read a note of them stands in the store: one that kills the
        process is not tried for ever. Any other end, as by a full disk, deletes it.
        """
        now_us = round(self._clock() * US_PER_S)
        is_own_process = self._options.jobs == 1 and self._options.dask is None
        root = self._store.root
        folders = {os.path.split(s.path)[0] for s in sources if s.kind != "url"}
        self._mounts.note(folders, now_us)
        with noted(root, sources, now_us) if is_own_process else nullcontext():
            result = run_paths([s.path for s in sources], self._options, listener)
        self._take_note(sources, result, now_us)
        self._mounts.save()
        return result

    def _take_note(
        self, sources: Sequence[Source], result: RunResult, now_us: int
    ) -> None:
        source_of = {s.name: s for s in sources}
        for outcome in result.file_outcomes:
            source = source_of.get(outcome.path)
            if source is None or outcome.status in {"growing", BLOCKED}:
                continue  # no fault of the file: no try is used up
            if not outcome.is_failed:
                self._known.add(source)
                if outcome.status == LATE:
                    self._judged_late[source.name] = now_us / US_PER_S
                self.attempts.forget(source.name)
                continue
            one = self.attempts.failed(
                source, outcome.status, outcome.error or outcome.status, now_us
            )
            if one.is_quarantined:
                logger.warning(
                    "%s: failed %d times, left alone until it changes: %s",
                    one.path,
                    one.n_failures,
                    one.reason,
                )
        self.attempts.save()


def batches(
    sources: Sequence[Source],
    attempts: Attempts,
    jobs: int,
    cameras: Mapping[str, str],
) -> list[list[Source]]:
    """Cut ready files into what is counted together.

    A file that failed before goes alone: if it kills the process, it alone is
    noted. Worker processes contain that, and share the files of larger batches.
    Files of one camera stand together, since its hours are published once a batch.

    Parameters
    ----------
    cameras : mapping of path to name
    """
    alone = [[s] for s in sources if attempts.of(s) is not None]
    rest = [s for s in sources if attempts.of(s) is None]
    rest.sort(key=lambda s: cameras.get(s.path, ""))
    if jobs > 1:
        n = WORKER_FILES * jobs
        return [rest[i : i + n] for i in range(0, len(rest), n)] + alone
    together: list[list[Source]] = []
    n_bytes = 0
    for source in rest:
        n_bytes += source.size_bytes
        n = len(together[-1]) if together else MAX_FILES
        if n < BATCH_FILES or (n < MAX_FILES and n_bytes <= BATCH_BYTES):
            together[-1].append(source)
        else:
            together.append([source])
            n_bytes = source.size_bytes
    return together + alone


def find_waiting(
    paths: Sequence[str],
    known: KnownFiles,
    mounts: KnownMounts,
    attempts: Attempts,
    *,
    settle_s: float,
    now_s: float,
) -> Waiting:
    """Sort what stands at paths by what becomes of it."""
    waiting = Waiting()
    for path in paths:
        sources = _sources_of(path, known, waiting)
        folders = {os.path.split(s.path)[0] for s in sources}
        for place in mounts.vanished(path, folders, round(now_s * US_PER_S)):
            waiting.missing.setdefault(place, WAS_MOUNTED)
        for source in sources:
            if source in known:
                waiting.n_known += 1
                continue
            try:
                check_settled(source, settle_s, now_s)
            except GrowingFileError:
                waiting.growing.append(source)
                continue
            tried = attempts.of(source)
            if tried is None:
                waiting.ready.append(source)
            elif tried.next_us is None:
                waiting.quarantined.append((source, tried))
            elif _is_later(tried, now_s):
                waiting.later.append((source, tried))
            else:
                waiting.ready.append(source)
    return waiting


def _is_later(tried: Attempt, now_s: float) -> bool:
    """Whether a next try is still to come; a clock set back does not put it off."""
    now_us = now_s * US_PER_S
    is_clock_sane = now_us >= tried.tried_us
    return is_clock_sane and tried.next_us is not None and now_us < tried.next_us


def _sources_of(path: str, known: KnownFiles, waiting: Waiting) -> list[Source]:
    try:
        return find_sources([path])
    except VideoNotFoundError:
        if not Path(path).is_dir():
            waiting.missing[path] = NOT_THERE
        elif known.has_vanished(path):
            waiting.missing[path] = NOT_MOUNTED
    except OSError as error:  # a file gone between two looks, a stale mount
        logger.warning("%s: cannot be looked through: %s", path, error)
        waiting.missing[path] = NOT_THERE
    return []


def _absolute(path: str) -> str:
    return path if URL_PATTERN.match(path) else str(Path(path).absolute())
