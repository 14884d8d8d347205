"""A label set: a folder of frames with tables of labels, boxes and provenance."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
from filelock import FileLock

import truckcount
from truckcount.errors import LabelError
from truckcount.labelling.merge import merge_labels
from truckcount.labelling.schema import P_TRUCK, SET_VERSION
from truckcount.labelling.tables import (
    read_column,
    read_table,
    replace_file,
    to_table,
    write_table,
)

if TYPE_CHECKING:
    import pandas as pd

LABEL_KEY = ["image", "source", "labeller"]
IfExists = Literal["error", "keep", "replace"]


class LabelSet:
    """A label set on disk; every write is atomic and under the set's lock.

    ::

        SET/label_set.json     version, created_utc, provenance
        SET/frames/            pictures (jpg, png)
        SET/frames.parquet     one row a picture
        SET/labels.parquet     one row an (image, source, labeller)
        SET/boxes.parquet      one row a box
        SET/splits.parquet     one row a picture, once `label split` ran

    The columns are declared in :mod:`truckcount.labelling.schema`.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def __repr__(self) -> str:
        return f"LabelSet({str(self.root)!r})"

    @classmethod
    def create(cls, root: Path | str) -> "LabelSet":
        """Make an empty set at `root`, which must not hold one."""
        root = Path(root)
        if (root / "label_set.json").exists():
            msg = f"{root} is a label set already; open it, or name another folder"
            raise LabelError(msg)
        try:
            (root / "frames").mkdir(parents=True, exist_ok=True)
        except OSError as error:
            msg = f"{root} cannot be made a label set: {error}"
            raise LabelError(msg) from error
        made = cls(root)
        made._write_header(
            {"version": SET_VERSION, "created_utc": _now(), "provenance": []}
        )
        return made

    @classmethod
    def open(cls, root: Path | str) -> "LabelSet":
        """Open the set at `root`.

        Raises
        ------
        LabelError
            When there is none, or a newer truckcount wrote it.
        """
        opened = cls(Path(root))
        _ = opened.header
        return opened

    @classmethod
    def open_or_create(cls, root: Path | str) -> "LabelSet":
        """Open the set at `root`, or make one there."""
        is_there = (Path(root) / "label_set.json").exists()
        return cls.open(root) if is_there else cls.create(root)

    @classmethod
    def open_or_new(cls, root: Path | str) -> "LabelSet":
        """Open the set at `root`, or name one that is made with its first rows.

        Until then it is empty, and nothing stands on disk.
        """
        is_there = (Path(root) / "label_set.json").exists()
        return cls.open(root) if is_there else cls(Path(root))

    @property
    def header(self) -> dict[str, Any]:
        """What `label_set.json` holds."""
        path = self.root / "label_set.json"
        try:
            header = json.loads(path.read_text())
            version = int(header["version"])
        except FileNotFoundError as error:
            msg = (
                f"{self.root} is no label set (no label_set.json); make one with "
                "`truckcount label sample` or `truckcount label import`"
            )
            raise LabelError(msg) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            msg = f"{path} is damaged: {error}"
            raise LabelError(msg) from error
        if version > SET_VERSION:
            msg = (
                f"{path} has version {version}; this truckcount reads {SET_VERSION}: "
                "install a newer one"
            )
            raise LabelError(msg)
        return dict(header)

    def note(self, what: str, args: Mapping[str, Any], n: int) -> None:
        """Append one provenance entry: the command, its arguments, rows written."""
        with self.lock():
            header = self.header
            header["provenance"].append(
                {
                    "what": what,
                    "args": dict(args),
                    "when_utc": _now(),
                    "truckcount": truckcount.__version__,
                    "n": n,
                }
            )
            self._write_header(header)

    def lock(self) -> FileLock:
        """Return the set's lock (re-entrant within one process's thread)."""
        return FileLock(self.root / ".lock", timeout=60, is_singleton=True)

    def read(self, name: str) -> "pd.DataFrame":
        """Read one table: `frames`, `labels`, `boxes` or `splits`."""
        return read_table(self._path(name), name).to_pandas()

    @property
    def frames(self) -> "pd.DataFrame":
        """One row a picture."""
        return self.read("frames")

    @property
    def labels(self) -> "pd.DataFrame":
        """One row an (image, source, labeller)."""
        return self.read("labels")

    @property
    def boxes(self) -> "pd.DataFrame":
        """One row a box."""
        return self.read("boxes")

    @property
    def splits(self) -> "pd.DataFrame":
        """One row a picture, empty before `label split`."""
        return self.read("splits")

    def add_frames(self, rows: "pd.DataFrame", *, if_exists: IfExists = "error") -> int:
        """Add rows of `frames`; returns how many were written.

        Parameters
        ----------
        rows : DataFrame with the columns of `frames`
        if_exists : what to do with images that have a row already: refuse them all,
            keep the old rows, or replace these
        """
        return self._upsert("frames", rows, ["image"], if_exists)

    def add_labels(
        self, rows: "pd.DataFrame", *, if_exists: IfExists = "replace"
    ) -> int:
        """Add rows of `labels` by (image, source, labeller).

        `p_truck` may be absent or null: a hard label is then 1 or 0. `weight` and
        `labelled_at_utc` may be absent: 1 and now.

        Raises
        ------
        LabelError
            For images that are no frames of the set, an unknown label or source, a
            probability outside [0, 1] or on the other side of 0.5 than its label.
        """
        rows = rows.reset_index(drop=True)
        if "label" not in rows or "image" not in rows:
            msg = f"{self.root}: labels need the columns image and label"
            raise LabelError(msg)
        hard = rows["label"].map(P_TRUCK).astype("float64")
        if "p_truck" not in rows:
            p = hard
        else:
            p = rows["p_truck"].astype("float64").fillna(hard)
        p = p.where(rows["label"] != "skip")
        is_bad = ((p < 0) | (p > 1)) | ((p >= 0.5) != (hard == 1.0)) & p.notna()
        is_bad &= rows["label"] != "skip"
        if is_bad.any():
            first = int(is_bad.to_numpy().argmax())
            msg = (
                f"{self.root}: {rows['image'][first]} is labelled "
                f"{rows['label'][first]!r} with p_truck {p[first]:g}; p must lie in "
                "[0, 1], at or above 0.5 for a truck and below for none"
            )
            raise LabelError(msg)
        rows = rows.assign(p_truck=p)
        if "weight" not in rows:
            rows = rows.assign(weight=1.0)
        if "labelled_at_utc" not in rows:
            rows = rows.assign(labelled_at_utc=datetime.now(UTC))
        self._check_images(rows, "labels")
        return self._upsert("labels", rows, LABEL_KEY, if_exists)

    def add_boxes(
        self,
        rows: "pd.DataFrame",
        *,
        replaces: Iterable[tuple[str, str, str]] = (),
    ) -> int:
        """Add boxes; all former boxes of the same (image, source, labeller) go.

        Parameters
        ----------
        rows : DataFrame with the columns of `boxes`; `score` may be absent
        replaces : further (image, source, labeller) whose boxes go, as for a
            picture whose last box a person removed
        """
        self._check_images(rows, "boxes")
        new = to_table(rows, "boxes", str(self.root))
        is_empty = pc.or_(
            pc.less_equal(new["x2"], new["x1"]), pc.less_equal(new["y2"], new["y1"])
        )
        if pc.any(is_empty).as_py():
            image = new["image"].filter(is_empty)[0].as_py()
            msg = (
                f"{self.root}: a box of {image} has no area; x1 < x2 and y1 < y2 must "
                "hold, in pixels"
            )
            raise LabelError(msg)
        gone = [KEY_JOINT.join(key) for key in replaces]
        gone += _keys(new, LABEL_KEY).unique().to_pylist()
        with self.lock():
            old = read_table(self._path("boxes"), "boxes")
            goes = pc.is_in(
                _keys(old, LABEL_KEY), value_set=pa.array(gone, pa.string())
            )
            both = pa.concat_tables([old.filter(pc.invert(goes)), new])
            self._write("boxes", both)
        return len(new)

    def write_splits(self, rows: "pd.DataFrame") -> None:
        """Replace `splits` as a whole."""
        with self.lock():
            self._write("splits", to_table(rows, "splits", str(self.root)))

    def merged_labels(self) -> "pd.DataFrame":
        """Merge to one row an image; see :func:`merge_labels`."""
        return merge_labels(self.labels)

    def picture_path(self, image: str) -> Path:
        """Return a picture's file, which must lie in the set.

        Raises
        ------
        LabelError
            When the id leads out of the set, or the file is gone.
        """
        root = self.root.resolve()
        path = (root / image).resolve()
        if not path.is_relative_to(root) or not path.is_file():
            msg = f"{image} is no file of {self.root}"
            raise LabelError(msg)
        return path

    def _path(self, name: str) -> Path:
        return self.root / f"{name}.parquet"

    def _upsert(
        self, name: str, rows: "pd.DataFrame", key: list[str], if_exists: IfExists
    ) -> int:
        new = to_table(rows, name, str(self.root))
        new_keys = _keys(new, key)
        if len(new_keys.unique()) < len(new_keys):
            counts = pc.value_counts(new_keys).to_pylist()
            twice = next(c["values"] for c in counts if c["counts"] > 1)
            msg = f"{self.root}: {name} names {_spell(twice)} twice in one write"
            raise LabelError(msg)
        with self.lock():
            old = read_table(self._path(name), name)
            old_keys = _keys(old, key)
            is_known = pc.is_in(new_keys, value_set=old_keys)
            n_known = pc.sum(is_known).as_py() or 0
            if if_exists == "error" and n_known:
                first = new_keys.filter(is_known)[0].as_py()
                msg = (
                    f"{self.root}: {name} holds {_spell(first)} already "
                    f"({n_known} such rows); nothing was written"
                )
                raise LabelError(msg)
            if if_exists == "keep":
                new = new.filter(pc.invert(is_known))
            elif n_known:
                old = old.filter(pc.invert(pc.is_in(old_keys, value_set=new_keys)))
            if len(new):
                self._write(name, pa.concat_tables([old, new]))
        return len(new)

    def _write(self, name: str, table: pa.Table) -> None:
        write_table(table.combine_chunks(), name, self._path(name))

    def _write_header(self, header: Mapping[str, Any]) -> None:
        text = json.dumps(header, indent=2, default=str) + "\n"
        replace_file(self.root / "label_set.json", lambda draft: draft.write_text(text))

    def _check_images(self, rows: "pd.DataFrame", name: str) -> None:
        known = read_column(self._path("frames"), "frames", "image")
        images = pa.array(rows["image"], pa.string(), from_pandas=True)
        strange = images.filter(pc.invert(pc.is_in(images, value_set=known)))
        if len(strange):
            first = strange[0].as_py()
            msg = (
                f"{self.root}: {name} name {first!r}, which is no frame of the set "
                f"({len(strange)} such rows); add its frame first"
            )
            raise LabelError(msg)


KEY_JOINT = "\x1f"  # the unit separator: no name holds it


def _keys(table: pa.Table, key: list[str]) -> pa.ChunkedArray:
    """Join the key columns of every row to one text."""
    columns = [table[name] for name in key]
    joined = pc.binary_join_element_wise(*columns, KEY_JOINT)
    return joined if len(table) else pa.chunked_array([[]], pa.string())


def _spell(key: str) -> str:
    return " by ".join(part for part in key.split(KEY_JOINT))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
