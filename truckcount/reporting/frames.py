"""A store's cameras to one small picture each, gates drawn: only where asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from truckcount.domain.camera import WHOLE_PICTURE, Gate
from truckcount.errors import VideoError
from truckcount.pipeline.cameras import load_cameras
from truckcount.pipeline.viewing.drawing import draw_gate
from truckcount.reporting.facts import StoreFacts
from truckcount.store import SegmentRecord, Store
from truckcount.store.layout import DAY_US
from truckcount.video.frames import read_first_frame
from truckcount.video.mosaic import make_mosaic, tile_fraction
from truckcount.video.sources import URL_PATTERN, Source

UInt8Array = npt.NDArray[np.uint8]

MAX_WIDTH_PX = 640  # a page of twenty cameras stays below 2 MB
JPEG_QUALITY = 80  # arbitrary: gate names are read, blocks are not seen


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraFrame:
    """The first frame of a camera's newest recording that is still there."""

    camera: str
    jpeg: bytes | None
    """None where no recording could be shown; ``n_gone`` and ``bad`` say why."""
    size: tuple[int, int] = (0, 0)
    """Width and height of the JPEG, px."""
    name: str = ""
    """Of the file."""
    start_us: int = 0
    """Of the frame, microseconds since 1970 UTC."""
    is_blurred: bool = False
    unknown_gates: tuple[str, ...] = ()
    """Gates of the hours whose polygon the store does not know."""
    n_gone: int = 0
    """Newer files that are not where they were counted, or were written anew."""
    n_live: int = 0
    """Newer stretches of a stream, which are not recorded."""
    bad: tuple[str, ...] = ()
    """Newer files that are there and cannot be decoded, with what is wrong."""


def take_frames(
    store: str | Path, facts: StoreFacts, *, is_blurred: bool = False
) -> dict[str, CameraFrame]:
    """Take one frame for each camera from the files of a report's days.

    Parameters
    ----------
    is_blurred : bool
        Make mosaics, on which the gates are then drawn.

    Raises
    ------
    ConfigError
        When the store's copy of ``cameras.toml`` is damaged.
    """
    opened = Store.open(store, is_new_allowed=False)
    path = opened.root / "_meta" / "cameras.toml"
    book = load_cameras(path).cameras if path.exists() else ()
    gates = {(c.name, g.name): g for c in book for g in c.gates}
    frames = {}
    for camera in facts.cameras:
        names = [g.gate for g in facts.gates_of(camera)]
        known = [_gate(gates, camera, name) for name in names]
        records = [r for r in facts.files.get(camera, ()) if r.status == "done"]
        frames[camera] = _take(
            _Recordings(opened, camera, names, records),
            [g for g in known if g is not None],
            [n for n, g in zip(names, known, strict=True) if g is None],
            is_blurred=is_blurred,
        )
    return frames


@dataclass(frozen=True, slots=True)
class _Recordings:
    """What of one camera was counted in a report's days."""

    store: Store
    camera: str
    gates: Sequence[str]
    records: Sequence[SegmentRecord]

    def newest_first(self) -> list[tuple[int, SegmentRecord]]:
        dated = [(r.start_us, r) for r in self.records if r.start_us is not None]
        return sorted(dated, key=lambda pair: -pair[0])

    def tile(self, t_us: int) -> float:
        """Choose the mosaic's tiles by the trucks of a frame's day."""
        day = t_us // DAY_US * DAY_US
        won = {r.segment_id: r.winner_intervals for r in self.records}
        window = (day, day + DAY_US)
        return tile_fraction(
            [
                self.store.read_scores(self.camera, gate, window, won)
                for gate in self.gates
            ]
        )


def _take(
    recordings: _Recordings,
    gates: Sequence[Gate],
    unknown: Sequence[str],
    *,
    is_blurred: bool,
) -> CameraFrame:
    n_gone = n_live = 0
    bad: list[str] = []
    for t_us, record in recordings.newest_first():
        if URL_PATTERN.match(record.path):
            n_live += 1
            continue
        source = _source_of(record)
        if source is None:
            n_gone += 1
            continue
        try:
            image = read_first_frame(source)
        except (VideoError, OSError) as error:
            bad.append(f"{record.name}: {error}")
            continue
        if is_blurred:
            image = make_mosaic(image, recordings.tile(t_us))
        small = _shrink(image)
        for gate in gates:
            draw_gate(small, gate)
        return CameraFrame(
            camera=recordings.camera,
            jpeg=_encode(small),
            size=(small.shape[1], small.shape[0]),
            name=record.name,
            start_us=t_us,
            is_blurred=is_blurred,
            unknown_gates=tuple(unknown),
            n_gone=n_gone,
            n_live=n_live,
            bad=tuple(bad),
        )
    return CameraFrame(
        camera=recordings.camera,
        jpeg=None,
        n_gone=n_gone,
        n_live=n_live,
        bad=tuple(bad),
    )


def _gate(gates: dict[tuple[str, str], Gate], camera: str, name: str) -> Gate | None:
    if (camera, name) not in gates and name == WHOLE_PICTURE.name:
        return WHOLE_PICTURE
    return gates.get((camera, name))


def _source_of(record: SegmentRecord) -> Source | None:
    """Return a record's file; None where it is gone or another one took its place."""
    place = Path(record.path)
    if place.is_dir():
        return Source(path=record.path, kind="stills")
    if place.is_file() and place.stat().st_size == record.size_bytes:
        return Source(path=record.path)
    return None


def _shrink(image: UInt8Array) -> UInt8Array:
    height, width = image.shape[:2]
    if width <= MAX_WIDTH_PX:
        return image
    size = (MAX_WIDTH_PX, max(1, round(height * MAX_WIDTH_PX / width)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _encode(image: UInt8Array) -> bytes:
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    _, data = cv2.imencode(".jpg", image[:, :, ::-1], quality)
    return bytes(data.tobytes())
