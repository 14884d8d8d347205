"""Paths, globs and URLs to sources a decoder can open."""

import glob
import hashlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from truckcount.domain.credentials import mask_credentials, mask_url
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
LIVE_PATTERN = re.compile(r"^(rtsps?|rtmps?|udp|tcp|srt)://", re.IGNORECASE)
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
        mask = mask_url if self.kind == "url" else mask_credentials
        return printable(mask(self.path))


def printable(path: str) -> str:
    r"""Return a path as text that any table takes, whatever bytes its name has.

    Examples
    --------
    >>> printable(os.fsdecode(b"F\xf6rde.mp4"))
    'F\\udcf6rde.mp4'
    """
    if path.isascii():  # a year of paths: ten times faster
        return path
    return path.encode("utf-8", "backslashreplace").decode("utf-8")


def find_sources(paths: Sequence[str]) -> list[Source]:
    """Find what can be decoded at files, folders, globs and URLs.

    Folders are searched to any depth; hidden files and folders are left out.
    The order is that of the arguments, by path within each; a file named twice
    is read once. All pictures of a folder are that folder of stills.

    Raises
    ------
    VideoNotFoundError
        When nothing stands at a path, a folder holds no video, or some of a folder's
        pictures are given, not all.
    """
    found: dict[str, Source] = {}
    real_folders: dict[str, str] = {}
    for path in paths:
        for source in _find_one(str(path)):
            key = (
                source.path
                if source.kind == "url"
                else _real_path(source.path, real_folders)
            )
            found.setdefault(key, source)
    return list(found.values())


def fold_stills(paths: Sequence[str]) -> list[str]:
    """Put a folder in the place of its pictures, as a shell writes out ``stills/*``.

    Raises
    ------
    VideoNotFoundError
        When some of a folder's pictures are given, not all.
    """
    given = [Source(path=str(path)) for path in paths]
    if not any(_is_picture(source) for source in given):
        return list(paths)
    return [source.path for source in _join_pictures(given)]


def absolute_name(path: str) -> str:
    """Return a path with the folders above the working one; a URL as it is.

    Recorders write dates and cameras into folders: a file tells them whether it is
    named from its archive's top or from the folder of its hour.
    """
    if URL_PATTERN.match(path):
        return path
    return os.path.abspath(path)  # noqa: PTH100 - links stay: their names are meant


def is_live_url(path: str) -> bool:
    """Tell a live camera's URL from files; one of http may be either, and is a file.

    Examples
    --------
    >>> [is_live_url(p) for p in ("rtsp://cam/live", "https://nvr/a.mp4", "a.mp4")]
    [True, False, False]
    """
    return LIVE_PATTERN.match(path) is not None


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
        if is_live_url(source.path):  # never the same again
            digest.update(str(time.time_ns()).encode())
    elif source.kind == "stills":
        for still in list_stills(Path(source.path)):
            digest.update(os.fsencode(still.name))
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
    if not path:
        msg = "an empty path (an unset variable?); write . for the working folder"
        raise VideoNotFoundError(msg)
    if URL_PATTERN.match(path):
        return [Source(path=path, kind="url")]
    place = Path(path)
    if place.is_file():
        return _join_pictures([_from_file(place)])
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
    found = [source for match in matches for source in _from_match(Path(match))]
    return _join_pictures(found)


def _join_pictures(given: list[Source]) -> list[Source]:
    """Put a folder of stills in the place of its pictures; videos stay.

    A picture beside a video that is given, too, is a recorder's thumbnail.
    """
    pictures: dict[Path, set[str]] = {}
    for source in filter(_is_picture, given):
        place = Path(source.path)
        pictures.setdefault(place.parent, set()).add(place.name)
    if not pictures:
        return given
    joined: list[Source] = []
    filmed = {Path(s.path).parent for s in given if _is_video(s)}
    for source in given:
        folder = Path(source.path).parent
        if not _is_picture(source):
            joined.append(source)
        elif folder in pictures and folder not in filmed:
            joined.append(_as_stills(folder, pictures.pop(folder)))
    return joined


def _is_picture(source: Source) -> bool:
    place = Path(source.path)
    is_named_so = source.kind == "file" and place.suffix.lower() in STILL_SUFFIXES
    return is_named_so and place.is_file()


def _is_video(source: Source) -> bool:
    return Path(source.path).suffix.lower() in VIDEO_SUFFIXES


def _as_stills(folder: Path, names: set[str]) -> Source:
    stills = list_stills(folder)
    n = len(stills)
    if n < MIN_STILLS:
        msg = (
            f"{folder / min(names)}: a picture and no recording; a folder of stills "
            f"has {MIN_STILLS} at least, with times in their names; {folder} has {n}"
        )
        raise VideoNotFoundError(msg)
    if len(names) < n:
        msg = (
            f"{folder / min(names)}: {len(names)} of the {n} pictures of {folder} are "
            "given, and stills are read as a folder, all of them: give the folder, or "
            "move those that are meant into one of their own"
        )
        raise VideoNotFoundError(msg)
    return _stills_of(folder)


def _stills_of(folder: Path) -> Source:
    newest = max(still.stat().st_mtime for still in list_stills(folder))
    return Source(path=str(folder), kind="stills", mtime=newest)


def _from_match(place: Path) -> list[Source]:
    return _from_folder(place) if place.is_dir() else [_from_file(place)]


def _from_file(place: Path) -> Source:
    status = place.stat()
    return Source(path=str(place), size_bytes=status.st_size, mtime=status.st_mtime)


def _from_folder(folder: Path) -> list[Source]:
    sources: list[Source] = []
    stills_folders: dict[str, int] = {}
    video_folders: set[str] = set()
    for entry in _walk(str(folder)):
        suffix = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122 - no Path each
        path = entry.path.removeprefix("./")  # as pathlib spells it
        parent = os.path.dirname(path)  # noqa: PTH120
        if suffix in VIDEO_SUFFIXES:
            status = entry.stat()
            sources.append(
                Source(path=path, size_bytes=status.st_size, mtime=status.st_mtime)
            )
            video_folders.add(parent)
        elif suffix in STILL_SUFFIXES:
            stills_folders[parent] = stills_folders.get(parent, 0) + 1
    for stills, n in stills_folders.items():
        if n >= MIN_STILLS and stills not in video_folders:
            sources.append(_stills_of(Path(stills)))
    return sources


def _walk(folder: str) -> Iterator[os.DirEntry[str]]:
    """Yield the files below a folder in the order of their paths, none hidden.

    A watched folder is walked again and again, with a year's files in it: the
    directory's own entries say what is a file, so that only videos are asked for
    their size. Links to files are followed, links to folders are not.
    """
    try:
        with os.scandir(folder) as entries:
            shown = [e for e in entries if not e.name.startswith(".")]
    except PermissionError:  # somebody else's folder below ours: a lost+found
        return
    shown.sort(key=lambda e: e.name)
    for entry in shown:
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(entry.path)
        elif entry.is_file():
            yield entry


def _real_path(path: str, real_folders: dict[str, str]) -> str:
    """Return ``os.path.realpath``, which asks for every folder, each asked once."""
    if os.path.islink(path):  # noqa: PTH114
        return os.path.realpath(path)
    folder, name = os.path.split(path)
    if folder not in real_folders:
        real_folders[folder] = os.path.realpath(folder)
    real = real_folders[folder]
    # the text that the source holds, where it is that: a year of paths is megabytes
    return path if real == folder else f"{real}/{name}"
