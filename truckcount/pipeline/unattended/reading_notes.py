"""What is being read right now, so that files that kill the process are found out.

Before files are read a note of them is left in the store, beside a lock that the
kernel frees when the process ends, however. A later run that finds a note whose lock
is free knows that its process died over these files. Whatever else ends the reading,
as a full disk or SIGTERM, deletes the note, which needs no space: an outage of the
store never counts as a failure of a file.
"""

import json
import logging
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from truckcount.errors import StoreError
from truckcount.pipeline.unattended.attempts import DIED, US_PER_S, Attempts, mark_of
from truckcount.store.publish import write_meta
from truckcount.video import Source

logger = logging.getLogger(__name__)

PREFIX = "reading-"


@dataclass(frozen=True, slots=True)
class ReadingNote:
    """Files that a process was reading, and since when."""

    since_us: int
    sources: tuple[Source, ...]


@contextmanager
def noted(store: Path, sources: Sequence[Source], now_us: int) -> Iterator[None]:
    """Leave a note of files while they are read.

    Raises
    ------
    StoreError
        When it cannot be written, as on a full disk; then nothing is read.
    """
    name = PREFIX + uuid.uuid4().hex[:12]
    path, lock = _note_path(store, name), _lock(store, name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except OSError as error:
        msg = f"{lock.lock_file} cannot be written: {error}; is the disk full?"
        raise StoreError(msg) from error
    try:
        try:
            write_meta(path, _spell(sources, now_us))
        except OSError as error:
            msg = f"{path} cannot be written: {error}; is the disk full?"
            raise StoreError(msg) from error
        yield
    finally:
        _delete(path)
        _free(lock)


def judge_dead(store: Path, attempts: Attempts) -> None:
    """Take what processes read that are gone for failures of these files, and save.

    Raises
    ------
    StoreError
        When that cannot be kept: the notes stay, and nothing was taken.
    """
    for path in sorted((store / "_meta").glob(f"{PREFIX}*.json")):
        lock = _lock(store, path.stem)
        try:
            lock.acquire()
        except Timeout:
            continue  # it is being read
        except OSError as error:
            msg = f"{lock.lock_file} cannot be written: {error}; is the disk full?"
            raise StoreError(msg) from error
        try:
            _judge(path, attempts)
        finally:
            _free(lock)


def _judge(path: Path, attempts: Attempts) -> None:
    note = _read(path)
    before = {source.name: attempts.of(source) for source in note.sources}
    for source in note.sources:
        one = attempts.failed(source, "failed", DIED, note.since_us)
        logger.warning("%s: %s, %d times by now", one.path, DIED, one.n_failures)
    try:
        attempts.save()
    except StoreError:
        for source in note.sources:
            attempts.put_back(source, before[source.name])
        raise
    _delete(path)


def _spell(sources: Sequence[Source], now_us: int) -> bytes:
    rows = [(source.name, *mark_of(source)) for source in sources]
    return json.dumps({"since_us": now_us, "files": rows}, indent=1).encode() + b"\n"


def _read(path: Path) -> ReadingNote:
    """Read a note; one that ended meanwhile, or is damaged, accuses no file."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        return ReadingNote(
            int(body["since_us"]),
            tuple(
                Source(path=name, size_bytes=size_bytes, mtime=mtime_us / US_PER_S)
                for name, size_bytes, mtime_us in body["files"]
            ),
        )
    except (OSError, ValueError, TypeError, KeyError):
        return ReadingNote(0, ())


def _note_path(store: Path, name: str) -> Path:
    return store / "_meta" / f"{name}.json"


def _lock(store: Path, name: str) -> FileLock:
    folder = store / ".locks"
    with suppress(OSError):  # taking the lock says what is wrong
        folder.mkdir(parents=True, exist_ok=True)
    return FileLock(folder / f"_{name}.lock", timeout=0)


def _delete(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("%s cannot be deleted: %s", path, error)


def _free(lock: FileLock) -> None:
    """Free a lock that nobody asks for again; its name is not used twice."""
    lock.release()
    with suppress(OSError):
        Path(lock.lock_file).unlink(missing_ok=True)
