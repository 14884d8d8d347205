"""A store's files to an object store, in an order that readers may trust, and back.

The folder on disk stays the system of record: object stores know no rename, no lock
and no append. One object replaces another whole, and that is all that is asked of
them: a push goes camera by camera in the order of an ingest (scores, passages,
history, hours ..., segments) and ends with the camera's manifest. Cut anywhere it
leaves what a killed ingest leaves, which the next one heals.

One writer a camera: its name is put once, on the condition that no object is there
(``If-None-Match``), and looked at before every push.
"""

import hashlib
import json
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from truckcount.domain.camera import check_name
from truckcount.domain.credentials import mask_credentials
from truckcount.errors import StoreError, StoreLockedError
from truckcount.store.check import list_cameras
from truckcount.store.layout import table_files
from truckcount.store.publish import read_table, sync
from truckcount.store.schema import TIME
from truckcount.store.store import Store, foreign_message

logger = logging.getLogger(__name__)

ORDER = (
    "scores", "passages", "history", "hours", "bins_05", "bins_15", "bins_30",
    "calibrations", "audits", "segments",
)  # fmt: skip
SHARED = ("_meta/store.json", "_meta/cameras.toml", "_meta/gates.csv")
EMBARGO_US = 600_000_000  # a reader of a mirror takes rows for so late, not later


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    """What a push of one camera did."""

    camera: str
    n_files: int
    n_bytes: int
    n_removed: int
    n_late_rows: int
    """Revisions that became readable there later than 10 minutes after they were
    known: a reader with ``as_of`` near that time would have been too early."""


class Mirror:
    """An object store that holds, or is to hold, a store.

    Parameters
    ----------
    url : str
        Any fsspec URL, ``s3://bucket/store``.
    writer : str
        Who pushes: equal for every push of one folder.

    Raises
    ------
    StoreError
        When the protocol's package is not installed.
    """

    def __init__(self, url: str, writer: str) -> None:
        import fsspec
        from fsspec.implementations.local import LocalFileSystem

        self.url = mask_credentials(url.rstrip("/"))
        self._given = url
        self.writer = writer
        try:
            self._fs, root = fsspec.core.url_to_fs(url)
        except (ImportError, ValueError) as error:
            msg = f"{self.url}: {error}; for s3:// install 'truckcount[s3]'"
            raise StoreError(msg) from error
        self._root = root.rstrip("/")
        self._is_folder = isinstance(self._fs, LocalFileSystem)
        self._known: dict[Path, tuple[tuple[int, ...], str]] = {}

    def push(self, root: Path, cameras: Sequence[str] | None = None) -> list[Pushed]:
        """Push what changed of a store, or of some of its cameras.

        Raises
        ------
        StoreLockedError
            When another writer owns a camera there.
        StoreError
            When the object store refuses or cannot be reached.
        """
        store = Store.open(root, is_new_allowed=False)
        there = list_cameras(store.root)
        odd = [] if cameras is None else [c for c in cameras if c not in there]
        if odd:
            msg = f"no camera {odd[0]!r} in {root}; it has {there}"
            raise StoreError(msg)
        done = []
        with Told(self._given):
            for place in SHARED:
                self._push_shared(store.root, place)
            for name in there if cameras is None else cameras:
                with store.lock(name):
                    self._claim(name)
                    done.append(self._push_camera(store.root, name))
        return done

    def pull(self, root: Path, camera: str, *, is_taken_over: bool = False) -> int:
        """Make a folder's files of a camera those of its manifest; return how many.

        Parameters
        ----------
        is_taken_over : bool
            Become the camera's writer first; the one before is refused from then on.
        """
        store = Store.open(root)
        with Told(self._given), store.lock(camera):
            if is_taken_over:
                self._put_json(f"_meta/writers/{camera}.json", self._claim_body())
            manifest = self._manifest(camera)
            local = self._digests(store.root, camera)
            files = {**manifest["files"]}
            changed = [p for p, sha in files.items() if local.get(p) != sha]
            for place in changed:
                _write(store.root / place, self._fs.cat_file(self._at(place)))
            for place in local.keys() - files.keys():
                (store.root / place).unlink()
            for place in SHARED[1:]:
                text = self._read(place)
                if text is not None:
                    _write(store.root / place, text)
        return len(changed)

    def writers(self) -> dict[str, dict[str, str]]:
        """Return who writes each camera there: ``writer``, ``host``, ``since_utc``."""
        with Told(self._given):
            self._fs.invalidate_cache()
            folder = self._at("_meta/writers")
            names = self._fs.ls(folder, detail=False) if self._fs.exists(folder) else []
            cameras = [str(n).rsplit("/", 1)[-1].removesuffix(".json") for n in names]
            return {c: self._read_json(f"_meta/writers/{c}.json") for c in cameras if c}

    def _push_camera(self, root: Path, camera: str) -> Pushed:
        old = self._manifest(camera)
        new = self._digests(root, camera)
        changed = [p for p, sha in new.items() if old["files"].get(p) != sha]
        n_bytes = 0
        for place in changed:
            data = (root / place).read_bytes()
            self._put(place, data)
            n_bytes += len(data)
        gone = sorted(old["files"].keys() - new.keys())
        for place in gone:
            if self._fs.exists(self._at(place)):
                self._fs.rm_file(self._at(place))
        if changed or gone or not old["pushed_at_us"]:
            now_us = time.time_ns() // 1000
            body = {"writer": self.writer, "pushed_at_us": now_us, "files": new}
            self._put_json(_manifest_place(camera), body)
        n_late = _count_late(root, changed, old["pushed_at_us"])
        if n_late:
            logger.warning(
                "%s, camera %s: %d revisions became readable there over 10 minutes "
                "late; push more often, or read as_of a few hours back",
                self.url, camera, n_late,
            )  # fmt: skip
        return Pushed(
            camera=camera,
            n_files=len(changed),
            n_bytes=n_bytes,
            n_removed=len(gone),
            n_late_rows=n_late,
        )

    def _digests(self, root: Path, camera: str) -> dict[str, str]:
        """Return the sha256 of a camera's files, in the order of a push."""
        files = [file for table in ORDER for file in table_files(root, table, camera)]
        seals = root / "_meta" / "seals" / f"{camera}.json"
        # first: what is sealed must not be counted by whoever takes over
        files = [*([seals] if seals.exists() else []), *files]
        return {f.relative_to(root).as_posix(): self._digest(f) for f in files}

    def _digest(self, file: Path) -> str:
        """Hash a file; not again while it is the same one, as files are replaced."""
        found = file.stat()
        mark = found.st_ino, found.st_size, found.st_mtime_ns
        known = self._known.get(file)
        if known is None or known[0] != mark:
            known = mark, hashlib.sha256(file.read_bytes()).hexdigest()
            self._known[file] = known
        return known[1]

    def _claim(self, camera: str) -> None:
        """Become the camera's writer where it has none."""
        place = f"_meta/writers/{camera}.json"
        body = json.dumps(self._claim_body()).encode()
        if self._is_folder:
            Path(self._at(place)).parent.mkdir(parents=True, exist_ok=True)
        try:
            self._fs.pipe_file(self._at(place), body, mode="create")
        except FileExistsError:
            holder = self._read_json(place)
            if holder.get("writer") != self.writer:
                raise StoreLockedError(
                    foreign_message(camera, self.url, holder)
                ) from None

    def _claim_body(self) -> dict[str, str]:
        import socket

        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return {"writer": self.writer, "host": socket.gethostname(), "since_utc": now}

    def _push_shared(self, root: Path, place: str) -> None:
        file = root / place
        if file.exists():
            data = file.read_bytes()
            if self._read(place) != data:
                self._put(place, data)

    def _manifest(self, camera: str) -> dict[str, Any]:
        check_name("camera", camera)
        return {"files": {}, "pushed_at_us": 0} | self._read_json(
            _manifest_place(camera)
        )

    def _read_json(self, place: str) -> dict[str, Any]:
        text = self._read(place)
        return {} if text is None else dict(json.loads(text))

    def _read(self, place: str) -> bytes | None:
        try:
            return bytes(self._fs.cat_file(self._at(place)))
        except FileNotFoundError:
            return None

    def _put_json(self, place: str, value: dict[str, Any]) -> None:
        self._put(place, json.dumps(value, indent=1).encode())

    def _put(self, place: str, data: bytes) -> None:
        """Replace an object whole; a file of a mounted folder, too."""
        if self._is_folder:
            _write(Path(self._at(place)), data)
        else:
            self._fs.pipe_file(self._at(place), data)

    def _at(self, place: str) -> str:
        return f"{self._root}/{place}"


class Told:
    """Turns whatever an object store raises into one line, without passwords.

    Parameters
    ----------
    url : str
        As it was given.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if isinstance(error, Exception) and not isinstance(error, StoreError):
            # botocore's errors have no base that could be named without it
            reason = str(error)
            user = self._url.partition("://")[2].rpartition("@")[0]
            for part in filter(None, (user, user.partition("/")[0])):
                reason = reason.replace(part, "***")  # quoted as a bucket's name
            msg = f"{self._url} cannot be reached or refuses: {reason}; try again"
            raise StoreError(mask_credentials(msg)) from error


def _manifest_place(camera: str) -> str:
    return f"_meta/manifests/{camera}.json"


def _count_late(root: Path, changed: list[str], pushed_at_us: int) -> int:
    """Count revisions that were known since the last push, and are shown late."""
    if not pushed_at_us:
        return 0  # nobody read it before
    now_us = time.time_ns() // 1000
    low, high = (
        pa.scalar(t, pa.int64()).cast(TIME) for t in (pushed_at_us, now_us - EMBARGO_US)
    )
    n_late = 0
    for place in changed:
        if place.startswith("history/"):
            known = read_table(root / place, "history", ["known_at_utc"])[0]
            is_late = pc.and_(pc.greater(known, low), pc.less(known, high))
            n_late += pc.sum(is_late).as_py() or 0
    return n_late


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.stem}.{time.time_ns()}.tmp")
    try:
        draft.write_bytes(data)
        sync(draft)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
