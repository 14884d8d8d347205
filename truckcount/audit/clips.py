"""Drawn windows to clips with names that tell a labeller nothing."""

import csv
import io
import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from truckcount.domain.audit import AuditWindow
from truckcount.errors import VideoError
from truckcount.features.audit_frame import month_span
from truckcount.store import SegmentRecord, Store
from truckcount.store.layout import DAY_US, month_of
from truckcount.video.excerpt import Stretch, cut_excerpt
from truckcount.video.mosaic import tile_fraction
from truckcount.video.sources import find_sources

logger = logging.getLogger(__name__)

ANSWERS_NAME, INDEX_NAME = "answers.csv", "clips.json"
ANSWER_COLUMNS = ("clip", "camera", "gate", "direction", "count", "labeller", "round")


@dataclass(frozen=True, slots=True, kw_only=True)
class CutClips:
    """What became of the windows."""

    n_cut: int
    n_kept: int
    """Clips that were there from an earlier call."""
    missing: tuple[str, ...]
    """Clips whose recording was not found, by name."""


def cut_clips(
    store: Store,
    windows: Sequence[AuditWindow],
    folder: Path,
    *,
    videos: Sequence[str] = (),
    is_reencoded: bool = False,
    is_blurred: bool = False,
    said: Callable[[int, int], None] | None = None,
) -> CutClips:
    """Cut a clip for each window and write an empty sheet for the answers.

    Parameters
    ----------
    videos : sequence of str
        Folders in which recordings are looked for by name and size where they no
        longer stand at the path they were counted from.
    is_blurred : bool
        Make mosaics; clips that are there and are none are cut again.
    said : callable, optional
        Told (clips done, clips in all).
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    index = read_index(folder)
    finder = _Finder(store, videos)
    n_cut, n_kept, missing = 0, 0, []
    for k, window in enumerate(windows):
        name = window.clip
        known = index.get(name, {"file": "", "is_blurred": 0.0})
        is_there = name in index and (folder / str(known["file"])).exists()
        if is_there and (known.get("is_blurred") or not is_blurred):
            n_kept += 1
            continue
        try:
            stretches = finder.stretches(window)
            tile = finder.tile(window) if is_blurred else None
            excerpt = cut_excerpt(
                stretches, folder / name, is_reencoded=is_reencoded, tile=tile
            )
            if is_there and excerpt.path.name != known["file"]:
                (folder / str(known["file"])).unlink()
        except (VideoError, OSError) as error:
            logger.info("clip %s: %s", name, error)
            missing.append(name)
            continue
        index[name] = {
            "file": excerpt.path.name,
            "lead_s": round(excerpt.lead_s, 3),
            "length_s": round(excerpt.length_s, 3),
            "is_blurred": is_blurred,
        }
        n_cut += 1
        _replace_text(folder / INDEX_NAME, json.dumps(index, indent=0) + "\n")
        if said is not None:
            said(k + 1, len(windows))
    _write_sheet(folder, windows)
    return CutClips(n_cut=n_cut, n_kept=n_kept, missing=tuple(missing))


def read_index(folder: Path) -> dict[str, dict[str, float | str]]:
    """Read which clips there are: file, seconds before the window, its length."""
    path = folder / INDEX_NAME
    if not path.exists():
        return {}
    index: dict[str, dict[str, float | str]] = json.loads(path.read_text())
    return index


class _Finder:
    """Where the recording of a moment lies."""

    def __init__(self, store: Store, videos: Sequence[str]) -> None:
        self._store = store
        self._records: dict[tuple[str, str], list[SegmentRecord]] = {}
        self._by_name = {
            (Path(s.path).name, s.size_bytes): s.path
            for s in (find_sources(videos) if videos else [])
        }

    def stretches(self, window: AuditWindow) -> list[Stretch]:
        """Return what of which files makes up a window; all of it or an error."""
        found = []
        for record in self._near(window):
            if record.start_us is None:
                continue
            for low, high in record.winner_intervals:
                a, b = max(low, window.window_start_us), min(high, window.window_end_us)
                if a < b:
                    found.append(
                        Stretch(
                            path=self._path_of(record),
                            file_start_us=record.start_us,
                            from_us=a,
                            to_us=b,
                        )
                    )
        return sorted(found, key=lambda s: s.from_us)

    def _near(self, window: AuditWindow) -> list[SegmentRecord]:
        """Read the segments of a window's month: there are many windows."""
        month = month_of(window.window_start_us)
        if (window.camera, month) not in self._records:
            low, high = month_span(month)
            span = (low, max(high, window.window_end_us))
            self._records[window.camera, month] = [
                r
                for r in self._store.segments(window.camera, window=span)
                if r.status == "done"
            ]
        return self._records[window.camera, month]

    def tile(self, window: AuditWindow) -> float:
        """Choose the tiles of a camera's mosaics by the trucks of a window's day."""
        day = window.window_start_us // DAY_US * DAY_US
        won = {r.segment_id: r.winner_intervals for r in self._near(window)}
        scores = self._store.read_scores(
            window.camera, window.gate, (day, day + DAY_US), won
        )
        return tile_fraction([scores])

    def _path_of(self, record: SegmentRecord) -> str:
        place = Path(record.path)
        if place.is_file() and place.stat().st_size == record.size_bytes:
            return record.path
        moved = self._by_name.get((place.name, record.size_bytes))
        if moved is None:
            msg = f"{record.path} is gone; name its folder with --videos"
            raise VideoError(msg)
        return moved


def _write_sheet(folder: Path, windows: Sequence[AuditWindow]) -> None:
    """Write the sheet for answers by hand, unless one is there already."""
    path = folder / ANSWERS_NAME
    known = path.read_text() if path.exists() else ""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if not known:
        writer.writerow(ANSWER_COLUMNS)
    for window in sorted(windows, key=lambda w: w.clip):
        name = window.clip
        if name not in known:
            row = [name, window.camera, window.gate, window.direction, "", "", 1]
            writer.writerow(row)
    if out.getvalue():
        _replace_text(path, known + out.getvalue())


def _replace_text(path: Path, text: str) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    draft.write_text(text)
    draft.replace(path)
