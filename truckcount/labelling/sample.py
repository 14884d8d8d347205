"""Videos to frames worth labelling, in a label set."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from truckcount.domain.camera import Camera
from truckcount.domain.sample import ViewRect
from truckcount.errors import EmptySourceError, TruckcountError, VideoError
from truckcount.labelling.draw import Candidates, DrawOptions, draw
from truckcount.labelling.frame_files import store_image
from truckcount.labelling.incoming import incoming
from truckcount.labelling.label_set import LabelSet
from truckcount.labelling.units import name_events
from truckcount.pipeline.cameras import open_book
from truckcount.pipeline.config import RunOptions, counting_options
from truckcount.pipeline.executors import score_tasks
from truckcount.pipeline.result import FileOutcome, RunListener
from truckcount.pipeline.scoring import ScoredFile, ScoreTask
from truckcount.presence.views import plan_model_views
from truckcount.presence.weights import Weights, find_weights
from truckcount.video import absolute_name, find_sources, fingerprint, open_decoder
from truckcount.video.mosaic import make_mosaic, tile_fraction

logger = logging.getLogger(__name__)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DRAWN_BEFORE = -1.0  # as a score: neither change nor doubt


@dataclass(slots=True)
class SampleReport:
    """What was drawn."""

    n_frames: int = 0
    n_by_kind: dict[str, int] = field(default_factory=dict)
    n_candidates: int = 0
    failed: list[str] = field(default_factory=list)
    """One line a file that could not be read."""


@dataclass(frozen=True, slots=True)
class _Scored:
    """One scored file: its usable samples."""

    task: ScoreTask
    scored: ScoredFile
    t_us: npt.NDArray[np.int64]
    score: npt.NDArray[np.float64]
    is_usable: npt.NDArray[np.bool_]
    on_score: float


def sample_videos(
    label_set: LabelSet,
    paths: Sequence[str],
    run: RunOptions,
    options: DrawOptions,
    *,
    is_views: bool = False,
    is_blurred: bool = False,
    light: str = "unknown",
    listener: RunListener | None = None,
) -> SampleReport:
    """Score videos, draw frames, and add them to a label set, made where none is.

    Frames that the set holds already, and what is within `min_gap_s` of them, are
    not drawn again: a second run draws others.

    Parameters
    ----------
    run : RunOptions
        Cameras, model, sampling, as for counting.
    is_views : bool
        Save the gate views that the network sees instead of whole pictures.
    is_blurred : bool
        Save mosaics, to be labelled by others; a network that trains on them
        learns mosaics.

    Raises
    ------
    EmptySourceError
        When no video gave a sample to draw. The set is then as it was.
    """
    import pandas as pd

    report = SampleReport()
    weights = find_weights(run.model)
    files = _score(paths, run, weights, report, listener)
    known = label_set.frames
    order = sorted(
        range(len(files)),
        key=lambda k: (files[k].task.camera.name, int(files[k].t_us[0])),
    )
    files = [files[k] for k in order]
    if not files:
        first = f" ({report.failed[0]})" if report.failed else ""
        msg = f"no video gave a sample{first}; nothing to label"
        raise EmptySourceError(msg)
    candidates, owner, place = _candidates(files, known)
    report.n_candidates = int(candidates.is_free.sum())
    drawn = draw(candidates, options)
    for _, kind in drawn:
        report.n_by_kind[kind] = report.n_by_kind.get(kind, 0) + 1
    if not drawn and known.empty:
        msg = f"none of {candidates.is_free.size} samples can be drawn: none is usable"
        raise EmptySourceError(msg)
    rows: list[dict[str, Any]] = []
    with incoming(label_set) as new:
        for k, file in enumerate(files):
            mine = {
                int(file.t_us[place[i]]): kind for i, kind in drawn if owner[i] == k
            }
            if mine:
                rects = _rects(file, weights, is_views=is_views)
                rows += _save(
                    new.folder, file, mine, rects, light, run, is_blurred=is_blurred
                )
        with new.taking_in():
            if rows:
                # recordings that overlap give one moment twice
                frames = pd.DataFrame(rows).drop_duplicates("image", ignore_index=True)
                frames["group"] = name_events(frames, label_set.frames)
                report.n_frames = label_set.add_frames(frames, if_exists="keep")
            label_set.note(
                "label sample",
                {
                    "videos": list(paths),
                    "cameras": None if run.cameras is None else str(run.cameras),
                    "model_id": weights.model_id,
                    "sample_fps": run.sample_fps,
                    "n": options.n,
                    "mix": list(options.mix),
                    "min_gap_s": options.min_gap_s,
                    "seed": options.seed,
                    "views": is_views,
                    "blurred": is_blurred,
                    "failed": report.failed,
                },
                report.n_frames,
            )
    return report


def _score(
    paths: Sequence[str],
    run: RunOptions,
    weights: Weights,
    report: SampleReport,
    listener: RunListener | None,
) -> list[_Scored]:
    book = open_book(run, paths)
    tasks: dict[str, ScoreTask] = {}
    for path in paths:
        try:
            sources = find_sources([path])
        except VideoError as error:
            report.failed.append(str(error))
            continue
        for source in sources:
            if source.kind == "url":
                msg = f"{source.name}: a stream cannot be gone back in; record it first"
                report.failed.append(msg)
                continue
            try:
                digest = fingerprint(source)
            except (VideoError, OSError) as error:
                report.failed.append(str(error))
                continue
            camera = book.camera_for(source.path)
            tasks.setdefault(
                digest,
                ScoreTask(source=source, camera=camera, segment_id=digest, options=run),
            )
    if listener is not None:
        listener.started(len(tasks))
    files = []
    for task, scored in score_tasks(list(tasks.values()), weights, listener):
        if isinstance(scored, TruckcountError):
            report.failed.append(str(scored))
        else:
            files.append(_gather(task, scored, weights))
        if listener is not None:
            name = task.camera.name
            done = FileOutcome(path=task.source.name, camera=name, status="done")
            listener.finished(done, 0)
    return files


def _gather(task: ScoreTask, scored: ScoredFile, weights: Weights) -> _Scored:
    """Join the gates of a file: the largest score, the lowest on_score."""
    gates = list(scored.scores.values())
    score = np.max([g.score_u8 for g in gates], axis=0).astype(np.float64) / 255.0
    thresholds = weights.header.thresholds
    on = min(counting_options(g, thresholds).on_score for g in task.camera.gates)
    return _Scored(task, scored, gates[0].t_us, score, gates[0].quality_flags == 0, on)


def _candidates(
    files: Sequence[_Scored], known: Any
) -> tuple[Candidates, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Lay out all samples; return them, their file and their place in it."""
    names = sorted({f.task.camera.name for f in files})
    owner = np.repeat(np.arange(len(files)), [len(f.t_us) for f in files])
    place = np.concatenate([np.arange(len(f.t_us)) for f in files])
    camera = np.array([names.index(f.task.camera.name) for f in files])[owner]
    t_us = np.concatenate([f.t_us for f in files])
    hours = np.concatenate([_local_hours(f.t_us, f.task.camera) for f in files])
    score = np.concatenate([f.score for f in files])
    is_free = np.concatenate([f.is_usable for f in files])
    for k, file in enumerate(files):
        mine = known[known["source"] == absolute_name(file.task.source.name)]
        seen_us = np.round(mine["source_t_s"].to_numpy(float, na_value=np.nan) * 1e6)
        pts_us = file.t_us - file.scored.report.start_us
        is_seen = np.isin(pts_us, seen_us[np.isfinite(seen_us)].astype(np.int64))
        rows = np.flatnonzero(owner == k)[is_seen]
        is_free[rows], score[rows] = False, DRAWN_BEFORE
    order = np.lexsort((t_us, camera))
    on_score = np.array([f.on_score for f in files])[owner]
    candidates = Candidates(
        camera=camera[order],
        t_us=t_us[order],
        local_hour=hours[order],
        score=score[order],
        on_score=on_score[order],
        is_free=is_free[order],
    )
    return candidates, owner[order], place[order]


def _local_hours(t_us: npt.NDArray[np.int64], camera: Camera) -> npt.NDArray[np.int64]:
    import pandas as pd

    times = pd.to_datetime(t_us, unit="us", utc=True).tz_convert(camera.timezone)
    return np.asarray(times.hour, np.int64)


def _rects(file: _Scored, weights: Weights, *, is_views: bool) -> list[ViewRect]:
    size = (file.scored.report.width, file.scored.report.height)
    if is_views:
        gates = file.task.camera.gates
        return plan_model_views(weights.header, gates, size)
    return [
        ViewRect(gate="", x0=0, y0=0, x1=1, y1=1, width_px=size[0], height_px=size[1])
    ]


def _save(
    folder: Path,
    file: _Scored,
    wanted: dict[int, str],
    rects: list[ViewRect],
    light: str,
    run: RunOptions,
    *,
    is_blurred: bool,
) -> Iterator[dict[str, Any]]:
    """Decode a file again and store the drawn frames; yield their rows."""
    source, camera, start = file.task.source, file.task.camera, file.scored.start
    decoder = open_decoder(
        source,
        rects,
        start_us=start.start_us,
        sample_fps=run.sample_fps,
        backend=run.backend,
        camera=camera,
    )
    is_dated = start.quality not in ("guess", "ambiguous")
    stem = Path(source.path).stem
    tile = tile_fraction(list(file.scored.scores.values()))
    for sample in decoder:
        kind = wanted.get(sample.t_us)
        if kind is None:
            continue
        moment = EPOCH + timedelta(microseconds=sample.t_us)
        local = moment.astimezone(ZoneInfo(camera.timezone))
        name = (
            f"{camera.name}_{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03d}Z"
            if is_dated
            else f"{stem}_{sample.pts_us / 1e6:09.3f}s"
        )
        day = local.date().isoformat() if is_dated else ""
        for k, (rect, view) in enumerate(zip(rects, sample.views, strict=True)):
            part = f"_{rect.gate}-{k}" if rect.gate else ""
            shown = (
                make_mosaic(view, tile / (rect.y1 - rect.y0)) if is_blurred else view
            )
            stored = store_image(folder, name + part, shown, has_own_name=is_dated)
            yield {
                "image": stored.image,
                "camera": camera.name,
                "group": "",  # named when all are known
                "day": day,
                "t_utc": moment if is_dated else None,
                "source": absolute_name(source.name),
                "source_t_s": sample.pts_us / 1e6,
                "width": stored.width,
                "height": stored.height,
                "phash": stored.phash,
                "light": light,
                "drawn_by": kind,
            }
