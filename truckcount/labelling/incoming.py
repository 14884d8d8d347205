"""Pictures on their way into a label set, and the one step that takes them in.

Scoring videos or reading a data set takes minutes, and may fail or be killed: until
all of it is known, nothing stands in the set.
"""

import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from truckcount.errors import LabelError
from truckcount.labelling.label_set import LabelSet
from truckcount.labelling.schema import TABLES

HEADER = "label_set.json"


@contextmanager
def incoming(label_set: LabelSet) -> Iterator["Incoming"]:
    """Yield a hidden folder for new pictures, which is gone afterwards.

    It lies on the set's disk: in the set, or in the folder that will hold it. Those
    that killed commands left behind go first.

    Raises
    ------
    LabelError
        When the set's path cannot be a folder, or the disk refuses.
    """
    root = label_set.root
    place = next((p for p in (root, *root.absolute().parents) if p.exists()), root)
    if not place.is_dir():
        msg = f"{root} cannot be made a label set: {place} is no folder"
        raise LabelError(msg)
    prefix = f".{root.absolute().name}.incoming-"
    _sweep(place, prefix)
    folder = place / f"{prefix}{uuid.uuid4().hex[:8]}"
    try:
        folder.mkdir()
    except OSError as error:
        msg = f"{root} cannot be made a label set: {error}"
        raise LabelError(msg) from error
    try:
        with FileLock(folder / ".lock"):
            yield Incoming(label_set, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(place: Path, prefix: str) -> None:
    """Remove folders whose command is dead: it no longer holds its lock."""
    for folder in place.glob(f"{prefix}*"):
        if not (folder / ".lock").exists():
            continue  # made this instant
        try:
            with FileLock(folder / ".lock", timeout=0):
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue


class Incoming:
    """A folder that pictures are stored in until their rows are known."""

    def __init__(self, label_set: LabelSet, folder: Path) -> None:
        self._label_set = label_set
        self.folder = folder
        """Laid out as a set: pictures in its `frames/`."""

    @contextmanager
    def taking_in(self) -> Iterator[LabelSet]:
        """Lock the set, made where there is none, and move the pictures into it.

        What is written within is taken back, pictures and tables, when it raises.
        """
        root = self._label_set.root
        ours = (root / "frames", root, *root.absolute().parents)
        made = [p for p in ours if not p.exists()]
        undo = _Undo(root, self.folder / "before")
        try:
            (root / "frames").mkdir(parents=True, exist_ok=True)
            with self._label_set.lock():
                try:
                    undo.keep_tables()
                    undo.move_pictures(self.folder / "frames")
                    if not (root / HEADER).exists():
                        LabelSet.create(root)
                    yield self._label_set
                except BaseException:
                    undo.restore()
                    raise
        except OSError as error:
            msg = f"{root} cannot be written: {error}; nothing was changed"
            raise LabelError(msg) from error
        finally:
            if not (root / HEADER).exists():
                (root / ".lock").unlink(missing_ok=True)
                _remove_made(made)


class _Undo:
    """What a set held before, as hard links, which cost nothing."""

    def __init__(self, root: Path, before: Path) -> None:
        self._root, self._before = root, before
        self._new: list[Path] = []
        self._replaced: list[tuple[Path, Path]] = []
        self._names = [HEADER, *(f"{name}.parquet" for name in TABLES)]

    def keep_tables(self) -> None:
        self._before.mkdir()
        for name in self._names:
            if (self._root / name).exists():
                _link(self._root / name, self._before / name)

    def move_pictures(self, frames: Path) -> None:
        for picture in frames.glob("*") if frames.is_dir() else ():
            target = self._root / "frames" / picture.name
            if not target.exists():
                self._new.append(target)
            elif target.stat().st_size == picture.stat().st_size:
                continue  # a name tells its bytes
            else:
                kept = self._before / f"{len(self._replaced)}{target.suffix}"
                _link(target, kept)
                self._replaced.append((kept, target))
            shutil.move(picture, target)  # `frames` may be a link to another disk

    def restore(self) -> None:
        for target in self._new:
            target.unlink(missing_ok=True)
        for kept, target in self._replaced:
            kept.replace(target)
        for name in self._names:
            if (self._before / name).exists():
                (self._before / name).replace(self._root / name)
            else:
                (self._root / name).unlink(missing_ok=True)


def _link(source: Path, target: Path) -> None:
    try:
        target.hardlink_to(source)
    except OSError:  # a file system without hard links
        shutil.copy2(source, target)


def _remove_made(made: list[Path]) -> None:
    """Remove folders that were made for a set that did not come to be."""
    for folder in made:
        try:
            folder.rmdir()
        except OSError:
            return  # somebody else has put something there
