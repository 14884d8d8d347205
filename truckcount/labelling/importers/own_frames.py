"""Pictures that a source names to frames that the label set has already."""

from pathlib import Path

from truckcount.labelling.frame_files import FrameFile
from truckcount.labelling.importers.found import FoundPicture
from truckcount.labelling.label_set import LabelSet


class OwnFrames:
    """A set's frames before an import: what labels them must not copy them.

    Frames that `label sample` drew may be labelled in another tool, or in a table
    written from ``frames.parquet``. A copy of such a picture would be a second frame,
    and the one that was drawn would stay without a label.
    """

    def __init__(self, label_set: LabelSet) -> None:
        self._root = label_set.root.resolve()
        rows = label_set.frames[["image", "width", "height", "phash"]]
        self._frames = {
            row.image: FrameFile(
                image=str(row.image),
                width=int(row.width),
                height=int(row.height),
                phash=str(row.phash),
            )
            for row in rows.itertuples()
        }

    def __contains__(self, image: str) -> bool:
        return image in self._frames

    def find(self, found: FoundPicture) -> FrameFile | None:
        """Return the frame that is meant: by its file, else by its name in the set."""
        if not self._frames or not isinstance(found.picture, Path):
            return None
        path = found.picture.resolve()
        if path.is_relative_to(self._root):
            return self._frames.get(path.relative_to(self._root).as_posix())
        if path.is_file():
            return None
        return self._frames.get(found.name.replace("\\", "/").removeprefix("./"))
