"""Paths, globs and URLs to sources a decoder can open."""

import glob
import hashlib
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from truckcount.domain.credentials import mask_credentials
from truckcount.errors import GrowingFileError, VideoNotFoundError

VIDEO_SUFFIXES = frozenset(
    [
        ".mp4",
        ".m4v",
        ".mov",
        ".mkv",
        ".avi",
        ".ts",
        ".mts",
        ".m2ts",
        ".mpg",
        ".mpeg",
        ".webm",
        ".flv",
        ".wmv",
        ".asf",
        ".dav",
        ".264",
        ".h264",
        ".265",
        ".h265",
        ".hevc",
        ".3gp",
        ".mjpeg",
        ".mjpg",
        ".ubv",
    ]
)
STILL_SUFFIXES = frozenset([".jpg", ".jpeg", ".png", ".bmp", ".webp"])
URL_PATTERN = re.compile(r"^(rtsps?|rtmps?|https?|udp|tcp|srt)://", re.IGNORECASE)
MIN_STILLS = 3  # fewer pictures in a folder are not a recording
BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One thing to decode: a file, a folder of stills or a stream."""

    path: str
    kind: str = "file"
    """``file``, ``stills`` or ``url``."""
    size_bytes: int = 0
    mtime: float = 0.0
    """Seconds since 1970; 0 for a URL."""

    @property
    def name(self) -> str:
        """How the source is called in tables and errors: without credentials."""
        return mask_credentials(self.path)


def find_sources(paths: Sequence[str]) -> list[Source]:
    """Find what can be decoded at files, folders, globs and URLs.

    Folders are searched to any depth; hidden files and folders are left out.
    The order is that of the arguments, by path within each; a file named twice
    is read once.

    Raises
    ------
    VideoNotFoundError
        When nothing stands at a path, or a folder holds no video.
    """
    found: dict[str, Source] = {}
    for path in paths:
        for source in _find_one(str(path)):
            key = (
                source.path
                if source.kind == "url"
                else str(Path(source.path).resolve())
            )
            found.setdefault(key, source)
    return list(found.values())


def check_settled(source: Source, settle_s: float, now: float) -> None:
    """Raise ``GrowingFileError`` when a file was written to a moment ago.

    Parameters
    ----------
    settle_s : float
        Seconds without a write after which a recorder is done with a file.
    now : float
        Seconds since 1970.
    """
    age = now - source.mtime
    # a time far in the future is a recorder's wrong clock: it tells nothing
    if source.kind == "file" and settle_s > 0 and abs(age) < settle_s:
        msg = (
            f"{source.name}: last written {age:.0f} s ago and may still grow; it is "
            f"taken up by the next run ({settle_s:.0f} s after its last write)"
        )
        raise GrowingFileError(msg)


def fingerprint(source: Source) -> str:
    """Return 16 hex digits of the sha256 of the content: the id of a segment."""
    digest = hashlib.sha256()
    if source.kind == "url":
        digest.update(source.path.encode())
        if not source.path.lower().startswith("http"):  # live: never the same again
            digest.update(str(time.time_ns()).encode())
    elif source.kind == "stills":
        for still in list_stills(Path(source.path)):
            digest.update(still.name.encode())
            digest.update(still.read_bytes())
    else:
        with Path(source.path).open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                digest.update(block)
    return digest.hexdigest()[:16]


def list_stills(folder: Path) -> list[Path]:
    """List a folder's pictures by name."""
    return sorted(
        p
        for p in folder.iterdir()
        if p.suffix.lower() in STILL_SUFFIXES and not p.name.startswith(".")
    )


def _find_one(path: str) -> list[Source]:
    if URL_PATTERN.match(path):
        return [Source(path=path, kind="url")]
    place = Path(path)
    if place.is_file():
        return [_from_file(place)]
    if place.is_dir():
        sources = _from_folder(place)
        if not sources:
            msg = (
                f"{path}: no video in this folder; known endings are "
                f"{' '.join(sorted(VIDEO_SUFFIXES))}"
            )
            raise VideoNotFoundError(msg)
        return sources
    matches = sorted(glob.glob(path, recursive=True))  # noqa: PTH207 - absolute globs
    if not matches:
        msg = f"{path}: no such file, folder or glob match; check the path"
        raise VideoNotFoundError(msg)
    return [source for match in matches for source in _from_match(Path(match))]


def _from_match(place: Path) -> list[Source]:
    return _from_folder(place) if place.is_dir() else [_from_file(place)]


def _from_file(place: Path) -> Source:
    status = place.stat()
    return Source(path=str(place), size_bytes=status.st_size, mtime=status.st_mtime)


def _from_folder(folder: Path) -> list[Source]:
    sources = []
    stills_folders: dict[Path, int] = {}
    for place in sorted(folder.rglob("*")):
        inner = place.relative_to(folder)
        if any(part.startswith(".") for part in inner.parts) or not place.is_file():
            continue
        suffix = place.suffix.lower()
        if suffix in VIDEO_SUFFIXES:
            sources.append(_from_file(place))
        elif suffix in STILL_SUFFIXES:
            stills_folders[place.parent] = stills_folders.get(place.parent, 0) + 1
    for stills, n in stills_folders.items():
        if n >= MIN_STILLS and not any(Path(s.path).parent == stills for s in sources):
            newest = max(p.stat().st_mtime for p in list_stills(stills))
            sources.append(Source(path=str(stills), kind="stills", mtime=newest))
    return sources
