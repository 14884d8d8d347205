"""A store behind a URL as a folder to write in, pushed back when the work is done."""

import hashlib
import json
import os
import re
import socket
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from truckcount.domain.credentials import mask_credentials
from truckcount.errors import StoreError, StoreLockedError
from truckcount.store import Store
from truckcount.store.check import list_cameras
from truckcount.store.mirror import Mirror, Pushed
from truckcount.store.publish import write_meta
from truckcount.store.store import MIRROR_FILE


def is_url(place: str | Path) -> bool:
    """Tell a URL from a path."""
    return "://" in str(place)


def copy_folder(url: str) -> Path:
    """Return where the working copy of a URL lies on this machine.

    In ``$TRUCKCOUNT_COPIES``, else in ``$XDG_DATA_HOME/truckcount``. It holds what a
    recount needs, scores included: keep it.
    """
    home = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    base = os.environ.get("TRUCKCOUNT_COPIES") or str(Path(home) / "truckcount")
    plain = mask_credentials(url).rstrip("/")
    name = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[-40:]
    return Path(base) / f"{name}-{hashlib.sha256(plain.encode()).hexdigest()[:8]}"


def writer_of(root: Path) -> str:
    """Return who a folder is to mirrors: ``$TRUCKCOUNT_WRITER``, or a name of its own.

    Machines that come without their disk need a name that stays.
    """
    given = os.environ.get("TRUCKCOUNT_WRITER")
    if given:
        return given
    path = root / "_meta" / "writer"
    if not path.exists():
        Store.open(root)
        write_meta(path, f"{socket.gethostname()}-{uuid.uuid4().hex[:12]}\n".encode())
    return path.read_text(encoding="utf-8").strip()


class WorkingCopy:
    """A folder on this machine that is counted into for a store behind a URL.

    Cameras that this writer owns and another disk pushed are fetched first; those of
    other writers are locked in the copy (``Store.lock`` says whose they are).

    Raises
    ------
    StoreError
        When the object store cannot be reached, before anything is counted.
    """

    def __init__(self, url: str) -> None:
        self.root = copy_folder(url)
        Store.open(self.root)
        self._mirror = Mirror(url, writer_of(self.root))
        writers = self._mirror.writers()
        self._foreign = _note_foreign(self.root, self._mirror, writers)
        for camera in writers.keys() - self._foreign.keys():
            if not (self.root / "segments" / camera).is_dir():
                self._mirror.pull(self.root, camera)

    @property
    def url(self) -> str:
        """Where it is pushed to, without what is secret."""
        return self._mirror.url

    def push(self, cameras: Collection[str] | None = None) -> None:
        """Push what changed of this writer's cameras, or of some of them.

        Raises
        ------
        StoreLockedError
            When another machine claimed a camera meanwhile: it is locked here, too,
            from now on.
        StoreError
            When the object store refuses or cannot be reached.
        """
        own = [
            name
            for name in list_cameras(self.root)
            if name not in self._foreign and (cameras is None or name in cameras)
        ]
        try:
            self._mirror.push(self.root, own)
        except StoreLockedError:
            writers = self._mirror.writers()
            self._foreign = _note_foreign(self.root, self._mirror, writers)
            raise


@contextmanager
def working_copy(url: str) -> Iterator[WorkingCopy]:
    """Give a copy to count into; push it when the work is done, also when it broke."""
    copy = WorkingCopy(url)
    try:
        yield copy
    finally:  # also when interrupted: what is counted by then is pushed
        copy.push()


def push_store(root: Path, url: str, camera: str | None = None) -> list[Pushed]:
    """Push a folder to a URL."""
    Store.open(root, is_new_allowed=False)
    cameras = None if camera is None else [camera]
    return Mirror(url, writer_of(root)).push(root, cameras)


def claim_camera(url: str, camera: str, root: Path | None = None) -> int:
    """Become a camera's writer and fetch its files; return how many came."""
    folder = copy_folder(url) if root is None else root
    Store.open(folder)
    mirror = Mirror(url, writer_of(folder))
    known = mirror.writers()
    if camera not in known:
        msg = f"no camera {camera!r} in {mirror.url}; it has {sorted(known)}"
        raise StoreError(msg)
    _note_foreign(folder, mirror, {k: v for k, v in known.items() if k != camera})
    return mirror.pull(folder, camera, is_taken_over=True)


def _note_foreign(
    root: Path, mirror: Mirror, writers: Mapping[str, dict[str, str]]
) -> dict[str, dict[str, str]]:
    """Lock the cameras of other writers in a copy."""
    foreign = {k: v for k, v in writers.items() if v.get("writer") != mirror.writer}
    body = {"url": mirror.url, "foreign": foreign}
    write_meta(root / MIRROR_FILE, json.dumps(body, indent=1).encode() + b"\n")
    return foreign
