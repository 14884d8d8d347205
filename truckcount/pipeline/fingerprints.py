"""Offered files to their ids, of which only what changed is read."""

import hashlib
import logging
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from truckcount.video import Source, fingerprint
from truckcount.video.sources import list_stills, printable

logger = logging.getLogger(__name__)

FILE = "_meta/fingerprints.sqlite"  # of this machine's paths: no mirror has it
RACY_S = 3.0  # FAT dates writes to 2 s: one within them may leave no mark
MAX_FILES = 1_000_000  # those read last; others are read once more
PATIENCE_S = 10.0  # for another run that is writing
TABLE = """CREATE TABLE IF NOT EXISTS file
    (name TEXT PRIMARY KEY, mark TEXT NOT NULL, digest TEXT NOT NULL)"""
KEEP = "INSERT OR REPLACE INTO file VALUES (?, ?, ?)"
DROP_OLDEST = """DELETE FROM file WHERE rowid <= (SELECT max(rowid) - ? FROM file)"""


class Fingerprints:
    """What this machine read of files before, kept beside a store.

    A file is taken for the one that was read while its size, the times of its last
    write and its last change of any kind, to the nanosecond, and its inode are the
    same; anything else has it read anew. What leaves no mark, as a broken disk or a
    mount that keeps no times, shows when ``is_forced`` reads every byte.

    A store of a year knows a hundred thousand files, and a watch comes back with one:
    what is kept is a database, of which only the rows of offered files are read. One
    that cannot be read, or written, only has files read again.

    Parameters
    ----------
    store : Path
        Root of the store.
    is_forced : bool
        Read every byte of every file, and keep what is found.
    clock : function to seconds since 1970
    """

    def __init__(
        self,
        store: Path,
        *,
        is_forced: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = store / FILE
        self._is_forced, self._clock = is_forced, clock
        self._database = _open(self._path, "rw")
        self._read: list[tuple[str, str, str]] = []

    def of(self, source: Source) -> str:
        """Return a source's id, by reading it where it may have changed.

        Raises
        ------
        OSError
            When it cannot be read.
        """
        if source.kind == "url":
            return fingerprint(source)
        name = printable(str(Path(source.path).absolute()))
        newest_s, mark = _mark_of(source)
        known = self._look_up(name)
        if known is not None and known[0] == mark and not self._is_forced:
            return known[1]
        began_s = self._clock()
        digest = fingerprint(source)
        is_settled = began_s - newest_s > RACY_S and _mark_of(source)[1] == mark
        if is_settled and known != (mark, digest):
            self._read.append((name, mark, digest))
        return digest

    def save(self) -> None:
        """Keep what was read; where that fails the next run reads it again."""
        if self._database is not None:
            self._database.close()
            self._database = None
        if not self._read:
            return
        try:
            try:
                self._write()
            except sqlite3.OperationalError:  # a full disk, another run at work
                raise
            except sqlite3.DatabaseError:  # damaged: as good as none
                self._path.unlink()
                self._write()
        except (sqlite3.Error, OSError) as error:
            logger.warning("%s cannot be written: %s", self._path, error)
        self._read = []

    def _look_up(self, name: str) -> tuple[str, str] | None:
        if self._database is None:
            return None
        try:
            # all rows, though there is one: a statement that is not done holds a lock
            rows = self._database.execute(
                "SELECT mark, digest FROM file WHERE name = ?", (name,)
            ).fetchall()
        except sqlite3.Error as error:
            logger.debug("%s cannot be read: %s", self._path, error)
            self._database.close()
            self._database = None
            return None
        return (str(rows[0][0]), str(rows[0][1])) if rows else None

    def _write(self) -> None:
        database = _open(self._path, "rwc")
        if database is None:
            msg = "it cannot be opened"
            raise OSError(msg)
        with closing(database), database:
            database.execute(TABLE)
            database.executemany(KEEP, self._read)
            database.execute(DROP_OLDEST, (MAX_FILES,))


def _open(path: Path, mode: str) -> sqlite3.Connection | None:
    """Open for reading and for the repair of what a killed run left (``rw``)."""
    try:
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={mode}", uri=True, timeout=PATIENCE_S
        )
    except sqlite3.Error:
        return None


def _mark_of(source: Source) -> tuple[float, str]:
    """Return when a source last changed, and what tells it from another."""
    place = Path(source.path)
    files = list_stills(place) if source.kind == "stills" else [place]
    states = [(printable(file.name), file.stat()) for file in files]
    newest_ns = max((max(s.st_mtime_ns, s.st_ctime_ns) for _, s in states), default=0)
    mark = "|".join(f"{name}:{_spell(state)}" for name, state in states)
    if source.kind == "stills":  # of thousands of pictures
        mark = hashlib.sha256(mark.encode()).hexdigest()
    return newest_ns / 1e9, mark


def _spell(state: os.stat_result) -> str:
    times = f"{state.st_mtime_ns}:{state.st_ctime_ns}"
    return f"{state.st_size}:{times}:{state.st_ino}"
