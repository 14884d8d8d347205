"""A source of labels in another tool's format to rows of a label set."""

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from truckcount.errors import EmptySourceError, LabelError
from truckcount.labelling.frame_files import FrameFile, store_image, store_picture
from truckcount.labelling.importers.boxes import label_of, place_boxes
from truckcount.labelling.importers.class_map import ClassMap
from truckcount.labelling.importers.coco import read_coco
from truckcount.labelling.importers.csv_rows import read_csv_rows
from truckcount.labelling.importers.cvat import read_cvat
from truckcount.labelling.importers.folders import read_folders
from truckcount.labelling.importers.found import FoundPicture, ImportReport, Problem
from truckcount.labelling.importers.naming import PlaceReader
from truckcount.labelling.importers.own_frames import OwnFrames
from truckcount.labelling.importers.said import Said, read_said, say, tell_apart
from truckcount.labelling.importers.voc import read_voc
from truckcount.labelling.importers.yolo import read_yolo
from truckcount.labelling.incoming import incoming
from truckcount.labelling.label_set import LABEL_KEY, LabelSet
from truckcount.video import find_sources, fingerprint

FORMATS = ("folders", "csv", "yolo", "coco", "voc", "cvat")
CHUNK = 256  # pictures stored at a time; bounds memory
RECORDING_DIGITS = 10  # hexadecimal, as in pictures' names
THREADS = 4  # decoding and hashing leave Python's lock


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportOptions:
    """What an import may be told."""

    format: str
    source: Path
    classes: tuple[str, ...] = ()
    """``NAME=CLASS`` pairs, as ``lorry=truck``."""
    pictures: Path | None = None
    """Where the pictures lie, when not where the format says."""
    video: Path | None = None
    """The video that tracks belong to."""
    every: int = 1
    """Of a video's frames take every n-th."""
    camera: str | None = None
    group_pattern: str | None = None
    timezone: str | None = None
    light: str = "unknown"
    labeller: str | None = None
    """Default: the source's name."""
    is_replacing: bool = False
    """Labels of the same labeller that say otherwise are replaced."""

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            msg = f"format {self.format!r} is not one of {', '.join(FORMATS)}"
            raise LabelError(msg)
        if not self.source.exists():
            msg = f"{self.source} does not exist; check the path"
            raise LabelError(msg)


def import_source(label_set: LabelSet, options: ImportOptions) -> ImportReport:
    """Take a source into a label set, which is made where there is none.

    Rows that are wrong are reported and left out, the rest is imported. What
    stands in the set stays: a label of the same labeller that says otherwise is a
    problem of the report, unless ``is_replacing``.

    Raises
    ------
    LabelError
        When the source cannot be read as its format; an EmptySourceError when it
        gives no picture. The set is then as it was, or not there at all.
    """
    report = ImportReport()
    classes = ClassMap.parse(options.classes)
    places = PlaceReader(
        options.source,
        camera=options.camera,
        group_pattern=options.group_pattern,
        timezone=options.timezone,
        recording=_name_recording(options),
    )
    own = OwnFrames(label_set)
    rows = _Rows(options, classes, places, report, own)
    found = _read(options, classes, report)
    with incoming(label_set) as new, ThreadPoolExecutor(THREADS) as pool:
        store = partial(_store, new.folder, own)
        for chunk in _chunks(found):
            for picture, stored in zip(chunk, pool.map(store, chunk), strict=True):
                if isinstance(stored, LabelError):
                    report.problems.append(Problem(picture.where, str(stored)))
                else:
                    rows.add(picture, stored)
        if not rows.n_pictures:
            first = f" ({report.problems[0]})" if report.problems else ""
            msg = f"{options.source} gave no picture{first}; nothing was imported"
            raise EmptySourceError(msg)
        report.n_alone = places.n_alone
        with new.taking_in():
            _write(label_set, rows, options, report)
    return report


def _write(
    label_set: LabelSet, rows: "_Rows", options: ImportOptions, report: ImportReport
) -> None:
    import pandas as pd

    if rows.frames:
        frames = pd.DataFrame(list(rows.frames.values()))
        report.n_frames = label_set.add_frames(frames, if_exists="keep")
    labels = rows.new_labels(label_set)
    if len(labels):
        report.n_labels = label_set.add_labels(labels)
    said = labels["image"].tolist() if len(labels) else []
    _add_boxes(label_set, rows, said, report)
    label_set.note(
        f"label import {options.format}",
        {
            "source": str(options.source),
            "classes": list(options.classes),
            "camera": options.camera,
            "group_pattern": options.group_pattern,
            "labeller": rows.labeller,
            "replace": options.is_replacing,
            "problems": len(report.problems),
        },
        report.n_frames,
    )


def _read(
    options: ImportOptions, classes: ClassMap, report: ImportReport
) -> Iterable[FoundPicture]:
    source, complain = options.source, report.problems.append
    match options.format:
        case "folders":
            return read_folders(source, classes, complain)
        case "csv":
            return read_csv_rows(source, classes, complain, options.pictures)
        case "yolo":
            return read_yolo(source, classes, complain)
        case "coco":
            return read_coco(source, classes, complain, options.pictures)
        case "voc":
            return read_voc(source, classes, complain, options.pictures)
    return read_cvat(
        source, classes, complain, options.pictures, options.video, options.every
    )


class _Rows:
    """Gathers the rows of an import, one a picture whatever its name."""

    def __init__(
        self,
        options: ImportOptions,
        classes: ClassMap,
        places: PlaceReader,
        report: ImportReport,
        own: OwnFrames,
    ) -> None:
        self._options = options
        self._own = own
        self.n_pictures = 0
        self._classes = classes
        self._places = places
        self._report = report
        kind = options.format if options.format in ("folders", "csv") else "import"
        self.kind = {"folders": "folder"}.get(kind, kind)
        self.labeller = options.labeller or options.source.name
        self.frames: dict[str, dict[str, Any]] = {}
        self._labels: dict[str, dict[str, Any]] = {}
        self._said: dict[str, Said] = {}
        self.boxes: dict[str, list[dict[str, Any]]] = {}

    def add(self, picture: FoundPicture, stored: FrameFile) -> None:
        """Take one stored picture with what is said of it."""
        report, image = self._report, stored.image
        if image not in self.frames and image not in self._own:
            try:
                place = self._places.read(picture, image)
            except ValueError as error:
                report.problems.append(Problem(picture.where, str(error)))
                return
            self.frames[image] = {
                "image": image,
                "camera": place.camera,
                "group": place.group,
                "day": place.day,
                "t_utc": place.t_utc,
                "source": str(
                    picture.picture.absolute()
                    if isinstance(picture.picture, Path)
                    else self._options.video and self._options.video.absolute()
                ),
                "source_t_s": picture.t_s,
                "width": stored.width,
                "height": stored.height,
                "phash": stored.phash,
                "light": self._options.light,
                "drawn_by": "import",
            }
        self.n_pictures += 1
        boxes, is_whole = place_boxes(
            picture, stored, self._classes, report.problems.append
        )
        label = label_of(picture, boxes, is_whole=is_whole)
        if label is None:
            report.n_unlabelled += 1
            return
        row = {"image": image, "label": label, "p_truck": picture.p_truck}
        said = say(row, boxes)
        before = self._said.setdefault(image, said)
        if before is not said:
            other = tell_apart(before, said)
            if other is not None:
                what = (
                    f"the same picture is {other[0]} elsewhere in the source and "
                    f"{other[1]} here; the first is kept"
                )
                report.problems.append(Problem(picture.where, what))
            return
        self._labels[image] = row
        self.boxes[image] = [
            {**box, "image": image, "source": self.kind, "labeller": self.labeller}
            for box in boxes
        ]

    def new_labels(self, label_set: LabelSet) -> Any:
        """Return the labels that may be written; the others are reported."""
        import pandas as pd

        report = self._report
        held = {} if self._options.is_replacing else self._held(label_set)
        fresh = []
        for image, row in self._labels.items():
            before = held.get(image)
            if before is None:
                fresh.append({**row, "source": self.kind, "labeller": self.labeller})
                continue
            other = tell_apart(before, self._said[image])
            if other is None:
                report.n_known += 1
                continue
            what = (
                f"{self.labeller} said {other[0]} before and {other[1]} now; "
                "kept as it was (--replace takes the new one)"
            )
            report.problems.append(Problem(image, what))
        columns = ["image", "label", "p_truck", "source", "labeller"]
        return pd.DataFrame(fresh, columns=columns)

    def _held(self, label_set: LabelSet) -> dict[str, Said]:
        """Read what the set holds of this labeller, by image."""
        labels, boxes = (
            table[(table["source"] == self.kind) & (table["labeller"] == self.labeller)]
            for table in (label_set.labels, label_set.boxes)
        )
        return read_said(labels, boxes)


def _add_boxes(
    label_set: LabelSet, rows: _Rows, said: list[str], report: ImportReport
) -> None:
    import pandas as pd

    new = [box for image in said for box in rows.boxes.get(image, ())]
    columns = ["image", "class", "x1", "y1", "x2", "y2", "score", *LABEL_KEY[1:]]
    whose = [(image, rows.kind, rows.labeller) for image in said]
    known = label_set.boxes
    has_old = bool((known["labeller"] == rows.labeller).any())
    if new or (whose and has_old):
        frame = pd.DataFrame([{k: v for k, v in b.items() if k != "name"} for b in new])
        frame = frame.reindex(columns=columns)
        report.n_boxes = label_set.add_boxes(frame, replaces=whose)
    for box in new:
        key = f"{box['name']} -> {box['class']}"
        report.classes[key] = report.classes.get(key, 0) + 1


def _name_recording(options: ImportOptions) -> str:
    """Tell the one recording of a source of tracks from others of its name."""
    if options.format != "cvat":
        return ""
    if options.video is not None:
        (video,) = find_sources([str(options.video)])
        return f"-{fingerprint(video)[:RECORDING_DIGITS]}"
    # not the tracks' bytes: they are labelled again
    folder = (options.pictures or options.source.parent).resolve()
    digest = hashlib.sha256(str(folder).encode()).hexdigest()
    return f"-{digest[:RECORDING_DIGITS]}"


def _store(root: Path, own: OwnFrames, found: FoundPicture) -> FrameFile | LabelError:
    try:
        known = own.find(found)
        if known is not None:
            return known
        if isinstance(found.picture, Path):
            return store_picture(root, found.picture)
        return store_image(root, found.name, found.picture)
    except LabelError as error:
        return error


def _chunks(found: Iterable[FoundPicture]) -> Iterator[list[FoundPicture]]:
    pictures = iter(found)
    while chunk := list(itertools.islice(pictures, CHUNK)):
        yield chunk
