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
from filelock import FileLock

from truckcount.training.classifier.augment import scale_view
from truckcount.training.classifier.frames import Frames, place_boxes

UInt8Array = npt.NDArray[np.uint8]
Progress = Callable[[int, int], None]


class PackedFrames:
    """Frames of one size in one memory map; picklable, opened where it is used.

    Parameters
    ----------
    path : Path
        A ``.npy`` file, uint8 (N, S, S, 3).
    sizes : int array, shape (N, 2)
        Width and height that frames had, or what was cut from them.
    origins : int array, shape (N, 2)
        Where in its frame each cut began.
    """

    def __init__(
        self, path: Path, sizes: npt.NDArray[np.int64], origins: npt.NDArray[np.int64]
    ) -> None:
        self._path = path
        self._sizes = sizes
        self._origins = origins
        self._array: UInt8Array | None = None

    def __getstate__(self) -> dict[str, object]:
        return self.__dict__ | {"_array": None}

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
        """Boxes of the original frame that are seen, in pixels of the packed one."""
        if self._array is None:
            self._array = np.load(self._path, mmap_mode="r")
        side = self._array.shape[1]
        width, height = (int(v) for v in self._sizes[row])
        x0, y0 = (int(v) for v in self._origins[row])
        factor = side / np.array([width, height, width, height])
        placed = place_boxes(boxes, (x0, y0), (width, height))
        return np.asarray(placed * factor, np.float32)


def pack_frames(
    frames: Frames, side_px: int, folder: Path, progress: Progress | None = None
) -> PackedFrames:
    """Pack a set's frames, or open the pack that is there of the same files.

    Written beside its name and renamed: a killed packing leaves none. Of several
    runs at once one packs, and the others wait for it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = f"frames_{side_px}px_{_key(frames)}"
    path, facts = folder / f"{name}.npy", folder / f"{name}.json"
    # two runs that begin at once would cut each other's draft short: black frames
    with FileLock(folder / f".{name}.lock"):
        if not (path.exists() and facts.exists()):
            _write_pack(frames, side_px, path, facts, progress)
    told = json.loads(facts.read_text())
    sizes_px = np.array(told["sizes"], int)
    # packs of before gates could be cut are of whole frames
    origins_px = np.array(told.get("origins", np.zeros_like(sizes_px)), int)
    return PackedFrames(path, sizes_px, origins_px)


def _write_pack(
    frames: Frames, side_px: int, path: Path, facts: Path, progress: Progress | None
) -> None:
    draft = path.with_name(f".{path.stem}.tmp")
    shape = (len(frames), side_px, side_px, 3)
    array = np.lib.format.open_memmap(draft, "w+", np.uint8, shape)
    sizes, origins = [], []
    for row in range(len(frames)):
        image, origin = frames.read_placed(row)
        origins.append(origin)
        sizes.append([image.shape[1], image.shape[0]])
        array[row] = scale_view(image, side_px)
        if progress is not None:
            progress(row + 1, len(frames))
    array.flush()
    del array
    facts.write_text(json.dumps({"sizes": sizes, "origins": origins}))
    draft.replace(path)


def _key(frames: Frames) -> str:
    """Hash names, sizes and times of the files: cheap, and changes when they do."""
    digest = hashlib.sha256()
    if frames.gates:
        digest.update(f"{frames.view_px}{sorted(frames.gates.items())}".encode())
    for image in frames.images:
        stat = (frames.folder / image).stat()
        digest.update(f"{image}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
    return digest.hexdigest()[:12]
