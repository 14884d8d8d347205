"""The mounts that files were found on, to those that are none any more."""

import glob
import json
import logging
import os
from collections.abc import Iterable
from pathlib import Path

from truckcount.pipeline.unattended.attempts import US_PER_S
from truckcount.store.publish import write_meta

logger = logging.getLogger(__name__)

FILE = "_meta/mounts.json"
STEP_US = 3600 * US_PER_S  # written so often at most while files come
RETIRED_US = 30 * 86_400 * US_PER_S
"""A mount below a given folder that gave nothing for so long was taken out of use."""


class KnownMounts:
    """Where other file systems stood when files were found on them, and when last.

    A retention job deletes files and folders; it does not unmount. So a folder that
    was a mount, is none now and holds no video has vanished, however new it is, and
    whatever stands beside it.

    Parameters
    ----------
    store : Path
    """

    def __init__(self, store: Path) -> None:
        self._path = store / FILE
        self._seen_us = _read(self._path)
        self._saved = dict(self._seen_us)

    def note(self, folders: Iterable[str], now_us: int) -> None:
        """Note what mounts folders of files stand on; ``save`` keeps it."""
        for folder in folders:
            mount = find_mount(folder)
            if mount is not None:
                self._seen_us[mount] = now_us

    def save(self) -> None:
        """Write them down; a disk that refuses loses no file, so it is no error."""
        if all(
            mount in self._saved and abs(us - self._saved[mount]) < STEP_US
            for mount, us in self._seen_us.items()
        ):
            return
        body = json.dumps(dict(sorted(self._seen_us.items())), indent=1) + "\n"
        try:
            write_meta(self._path, body.encode())
        except OSError as error:
            logger.warning("%s cannot be written: %s", self._path, error)
            return
        self._saved = dict(self._seen_us)

    def vanished(self, path: str, folders: set[str], now_us: int) -> list[str]:
        """Return the mounts at, above and below a path that are none any more.

        Parameters
        ----------
        path : str
            Absolute; of a glob nothing is known to be missing.
        folders : set of str
            That hold videos now, found at the path.
        """
        if glob.has_magic(path):
            return []
        lost = []
        for mount, seen_us in sorted(self._seen_us.items()):
            if _is_within(path, mount):
                place = path
            elif _is_within(mount, path) and now_us - seen_us < RETIRED_US:
                place = mount
            else:
                continue
            is_silent = not any(_is_within(folder, place) for folder in folders)
            if is_silent and not _is_mount(mount):
                lost.append(place)
        return lost


def find_mount(folder: str) -> str | None:
    """Return the topmost folder of a folder's file system; None where that is ``/``.

    Links are followed, and the name is the one under which files were found.
    """
    place = Path(folder)
    try:
        device = place.stat().st_dev
        for above in place.parents:
            if above.stat().st_dev != device:
                return str(place)
            place = above
    except OSError:
        pass  # it vanished just now
    return None


def _is_mount(folder: str) -> bool:
    place = Path(folder)
    try:
        with os.scandir(place):  # an automounter acts on a look inside, not on a stat
            pass
        return place.stat().st_dev != place.parent.stat().st_dev
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # a stale network mount: looking through it says so
        return True


def _is_within(folder: str, place: str) -> bool:
    return (folder.rstrip(os.sep) + os.sep).startswith(place.rstrip(os.sep) + os.sep)


def _read(path: Path) -> dict[str, int]:
    """Read them; a damaged file is as good as none, and is written anew."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return {str(mount): int(us) for mount, us in told.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}
