"""A clip to a video that shows what was seen and counted."""

from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from truckcount.counting import count_passages, count_present
from truckcount.domain.camera import Camera, Gate
from truckcount.domain.iso_time import iso_utc
from truckcount.domain.passage import Passage
from truckcount.domain.scores import PEAK_UNIT, Scores
from truckcount.pipeline.cameras import open_book
from truckcount.pipeline.config import RunOptions, counting_options
from truckcount.pipeline.result import passage_row
from truckcount.pipeline.scoring import ScoredFile, ScoreTask, score_file
from truckcount.pipeline.viewing.clip_output import check_output, find_clip
from truckcount.pipeline.viewing.drawing import (
    TRUCK,
    WEAK,
    UInt8Array,
    draw_banner,
    draw_box,
    draw_gate,
)
from truckcount.pipeline.viewing.still_pace import shows_no_onset
from truckcount.presence.devices import open_runtime
from truckcount.presence.weights import find_weights
from truckcount.video.frames import VideoWriter, iterate_frames
from truckcount.video.mosaic import make_mosaic, tile_fraction

VIDEO_ENDINGS = (".mp4", ".m4v", ".mov", ".mkv")  # that hold H.264 as it is
STRONG_U8 = 128
STILL_US = 500_000  # a picture of minutes is shown for so long
HOLD_S = 1.5  # a counted passage keeps its number on the screen for this long


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotated:
    """What was drawn."""

    passages: list[dict[str, Any]]
    """As ``run --json`` gives them; none of stills."""
    n_pictures: int
    is_stills: bool
    """Pictures far apart: they show who is there, not who passes."""


def annotate_clip(
    clip: str, output: Path, options: RunOptions, *, is_blurred: bool = False
) -> Annotated:
    """Count a clip and draw gates, boxes, passages and the running count.

    Stills far apart are shown for half a second each, with who is there.

    Parameters
    ----------
    is_blurred : bool
        Draw on a mosaic of the picture, in which nobody is known.

    """
    source = find_clip(clip)
    check_output(output, source, VIDEO_ENDINGS)
    camera = open_book(options, [source.path]).camera_for(source.path)
    weights = find_weights(options.model)
    task = ScoreTask(source=source, camera=camera, segment_id="clip", options=options)
    runtime = open_runtime(weights, options.device, precision=options.precision)
    scored = score_file(task, weights, runtime)
    counting = {
        gate.name: counting_options(gate, weights.header.thresholds)
        for gate in camera.gates
    }
    aspect = scored.report.width / scored.report.height
    passages: dict[str, list[Passage]] = {gate.name: [] for gate in camera.gates}
    present: dict[str, npt.NDArray[np.float64]] = {}
    held_s = counting[camera.gates[0].name].held_s(has_peaks=weights.has_peaks)
    is_stills = shows_no_onset(source, camera, scored.report, held_s)
    for gate in camera.gates:
        scores, chosen = scored.scores[gate.name], counting[gate.name]
        if is_stills:
            present[gate.name] = count_present(scores, gate, chosen)
            continue
        passages[gate.name] = count_passages(
            scores, gate, chosen, aspect, has_peaks=weights.has_peaks
        )
    output.parent.mkdir(parents=True, exist_ok=True)
    writer: VideoWriter | None = None
    start = scored.start.start_us
    tile = tile_fraction(list(scored.scores.values()))
    n_pictures = 0
    for elapsed, image in iterate_frames(source, camera):
        if writer is None:
            writer = VideoWriter(output, (image.shape[1], image.shape[0]))
        if is_blurred:
            image = make_mosaic(image, tile)
        _draw(image, start + elapsed, camera, scored, passages)
        if is_stills:
            text = _spell_present(start + elapsed, scored, present)
        else:
            text = _spell_count(start + elapsed, passages)
        draw_banner(image, f"{iso_utc(start + elapsed)[:19]}Z   {text}")
        writer.write(n_pictures * STILL_US if is_stills else elapsed, image)
        n_pictures += 1
    if writer is not None:
        writer.close()
    rows = [
        passage_row(camera.name, p)
        for gate in camera.gates
        for p in passages[gate.name]
    ]
    return Annotated(passages=rows, n_pictures=n_pictures, is_stills=is_stills)


def _draw(
    image: UInt8Array,
    t_us: int,
    camera: Camera,
    scored: ScoredFile,
    passages: dict[str, list[Passage]],
) -> None:
    for gate in camera.gates:
        draw_gate(image, gate)
        own = [p for p in passages[gate.name] if p.is_counted]
        _draw_peaks(image, t_us, scored.scores[gate.name], own)


def _spell_count(t_us: int, passages: dict[str, list[Passage]]) -> str:
    counts: dict[str, int] = {}
    for p in (p for own in passages.values() for p in own):
        if p.is_counted and p.onset_us <= t_us:
            counts[p.direction] = counts.get(p.direction, 0) + 1
    split = "  ".join(f"{k} {v}" for k, v in sorted(counts.items()) if k != "any")
    return f"trucks {sum(counts.values())}   {split}"


def _spell_present(
    t_us: int, scored: ScoredFile, present: dict[str, npt.NDArray[np.float64]]
) -> str:
    """Spell how many stand in each gate; of a truck in two gates both tell."""
    told = []
    for gate, counts in present.items():
        i = bisect_right(scored.scores[gate].t_us.tolist(), t_us) - 1
        told.append(f"{gate}: {int(counts[i]) if i >= 0 else 0} present")
    return "   ".join(told)


def _draw_peaks(
    image: UInt8Array, t_us: int, scores: Scores, passages: list[Passage]
) -> None:
    i = bisect_right(scores.t_us.tolist(), t_us) - 1
    if i < 0:
        return
    low, high = int(scores.peak_start[i]), int(scores.peak_start[i + 1])
    for peak in scores.peaks[low:high].tolist():
        x, y, w, h = (v / PEAK_UNIT for v in peak[:4])
        if peak[4] >= STRONG_U8 // 2:
            number = _number_at(passages, t_us, x, y, w)
            colour = TRUCK if peak[4] >= STRONG_U8 else WEAK
            text = f"{number}{peak[4] / 255:.2f}"
            draw_box(image, (x, y, w, h), text, colour)


def _number_at(passages: list[Passage], t_us: int, x: float, y: float, w: float) -> str:
    """Name the passage whose path is at this place and time."""
    for number, p in enumerate(passages, start=1):
        for t, px, py in p.path:
            is_near = abs(px - x) < 0.6 * w and abs(py - y) < 0.6 * w
            if abs(t - t_us) < HOLD_S * 1e6 / 2 and is_near:
                return f"#{number} {p.direction} "
    return ""


__all__ = ["Annotated", "Gate", "annotate_clip"]
