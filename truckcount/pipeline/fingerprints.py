"""Offered files to their ids, of which only what changed is read."""

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from truckcount.store.publish import write_meta
from truckcount.video import Source, fingerprint
from truckcount.video.sources import list_stills

logger = logging.getLogger(__name__)

FILE = "_meta/fingerprints.json"  # of this machine's paths: no mirror has it
RACY_S = 3.0  # FAT dates writes to 2 s: one within them may leave no mark
MAX_FILES = 200_000  # those offered last; others are read once more


class Fingerprints:
    """What this machine read of files before, kept beside a store.

    A file is taken for the one that was read while its size, the times of its last
    write and its last change of any kind, to the nanosecond, and its inode are the
    same; anything else has it read anew. What leaves no mark, as a broken disk or a
    mount that keeps no times, shows when ``is_forced`` reads every byte.

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
        self._known = _read(self._path)
        self._offered: dict[str, tuple[str, str]] = {}
        self._is_changed = False

    def of(self, source: Source) -> str:
        """Return a source's id, by reading it where it may have changed.

        Raises
        ------
        OSError
            When it cannot be read.
        """
        if source.kind == "url":
            return fingerprint(source)
        name = str(Path(source.path).absolute())
        newest_s, mark = _mark_of(source)
        known = self._known.get(name)
        if known is not None and known[0] == mark and not self._is_forced:
            self._offered[name] = known
            return known[1]
        began_s = self._clock()
        digest = fingerprint(source)
        is_settled = began_s - newest_s > RACY_S and _mark_of(source)[1] == mark
        if is_settled:
            self._offered[name] = (mark, digest)
            self._is_changed |= known != (mark, digest)
        return digest

    def save(self) -> None:
        """Keep what was read; where that fails the next run reads it again."""
        if not self._is_changed:
            return
        others = {  # another run may have saved since
            name: known
            for name, known in _read(self._path).items()
            if name not in self._offered
        }
        kept = [*others.items(), *self._offered.items()][-MAX_FILES:]
        try:
            write_meta(self._path, json.dumps(dict(kept)).encode() + b"\n")
        except OSError as error:
            logger.warning("%s cannot be written: %s", self._path, error)


def _mark_of(source: Source) -> tuple[float, str]:
    """Return when a source last changed, and what tells it from another."""
    place = Path(source.path)
    files = list_stills(place) if source.kind == "stills" else [place]
    states = [(file.name, file.stat()) for file in files]
    newest_ns = max((max(s.st_mtime_ns, s.st_ctime_ns) for _, s in states), default=0)
    mark = "|".join(f"{name}:{_spell(state)}" for name, state in states)
    if source.kind == "stills":  # of thousands of pictures
        mark = hashlib.sha256(mark.encode()).hexdigest()
    return newest_ns / 1e9, mark


def _spell(state: os.stat_result) -> str:
    times = f"{state.st_mtime_ns}:{state.st_ctime_ns}"
    return f"{state.st_size}:{times}:{state.st_ino}"


def _read(path: Path) -> dict[str, tuple[str, str]]:
    """Read what is kept; a damaged file is as good as none."""
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): (str(mark), str(sha)) for name, (mark, sha) in rows.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
