"""Frames of a label set, scaled and packed into one file that is mapped, not read.

Decoding a JPEG of 640 x 360 takes two milliseconds, reading a packed one none that
can be measured: at 100,000 frames that is what keeps a GPU busy.
"""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from truckcount.training.classifier.augment import scale_view
from truckcount.training.classifier.frames import Frames

UInt8Array = npt.NDArray[np.uint8]
Progress = Callable[[int, int], None]


class PackedFrames:
    """Frames of one size in one memory map; picklable, opened where it is used.

    Parameters
    ----------
    path : Path
        A ``.npy`` file, uint8 (N, S, S, 3).
    sizes : int array, shape (N, 2)
        Width and height that frames had.
    """

    def __init__(self, path: Path, sizes: npt.NDArray[np.int64]) -> None:
        self._path = path
        self._sizes = sizes
        self._array: UInt8Array | None = None

    def __getstate__(self) -> dict[str, object]:
        return {"_path": self._path, "_sizes": self._sizes, "_array": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)

    def read(self, row: int) -> UInt8Array:
        """Return one frame, shape (S, S, 3), RGB."""
        if self._array is None:
            self._array = np.load(self._path, mmap_mode="r")
        return np.asarray(self._array[row])

    def scale_boxes(
        self, row: int, boxes: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """Boxes of the original frame in pixels of the packed one."""
        if self._array is None:
            self._array = np.load(self._path, mmap_mode="r")
        side = self._array.shape[1]
        factor = side / np.tile(self._sizes[row], 2)
        return np.asarray(boxes * factor, np.float32)


def pack_frames(
    frames: Frames, side_px: int, folder: Path, progress: Progress | None = None
) -> PackedFrames:
    """Pack a set's frames, or open the pack that is there of the same files.

    Written beside its name and renamed: a killed packing leaves none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = f"frames_{side_px}px_{_key(frames)}"
    path, facts = folder / f"{name}.npy", folder / f"{name}.json"
    if not (path.exists() and facts.exists()):
        draft = folder / f".{name}.tmp"
        shape = (len(frames), side_px, side_px, 3)
        array = np.lib.format.open_memmap(draft, "w+", np.uint8, shape)
        sizes = []
        for row in range(len(frames)):
            image = frames.read(row)
            sizes.append([image.shape[1], image.shape[0]])
            array[row] = scale_view(image, side_px)
            if progress is not None:
                progress(row + 1, len(frames))
        array.flush()
        del array
        facts.write_text(json.dumps({"sizes": sizes}))
        draft.replace(path)
    return PackedFrames(path, np.array(json.loads(facts.read_text())["sizes"], int))


def _key(frames: Frames) -> str:
    """Hash names, sizes and times of the files: cheap, and changes when they do."""
    digest = hashlib.sha256()
    for image in frames.images:
        stat = (frames.folder / image).stat()
        digest.update(f"{image}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
    return digest.hexdigest()[:12]
