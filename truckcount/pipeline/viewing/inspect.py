"""One frame through the five hops: the debugger and the demonstration."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from truckcount.counting import (
    count_hours,
    count_passages,
    count_still_hours,
    measure_coverage,
)
from truckcount.domain.iso_time import iso_utc
from truckcount.domain.passage import Passage
from truckcount.domain.scores import PEAK_UNIT
from truckcount.errors import ConfigError, DecodeError
from truckcount.pipeline.cameras import open_book
from truckcount.pipeline.config import RunOptions, counting_options
from truckcount.pipeline.result import hour_row, passage_row
from truckcount.pipeline.viewing.clip_output import (
    PICTURE_ENDINGS,
    check_output,
    find_clip,
)
from truckcount.pipeline.viewing.drawing import draw_map
from truckcount.pipeline.viewing.still_pace import shows_no_onset
from truckcount.presence.devices import open_runtime
from truckcount.presence.engine import ClipScorer
from truckcount.presence.views import plan_run_views
from truckcount.presence.weights import find_weights
from truckcount.video import open_decoder, probe_video, resolve_start
from truckcount.video.mosaic import make_mosaic, tile_fraction

HOUR_US = 3_600_000_000


def inspect_frame(
    clip: str,
    at_s: float,
    options: RunOptions,
    output: Path | None,
    *,
    is_blurred: bool = False,
) -> dict[str, dict[str, Any]]:
    """Follow the sample at a second of a clip to its hour row.

    Returns
    -------
    dict
        Values of the hops ``sample``, ``score``, ``passages``, ``hours``, ``store``.
    """
    source = find_clip(clip)
    if output is not None:
        check_output(output, source, PICTURE_ENDINGS)
    camera = open_book(options, [source.path]).camera_for(source.path)
    weights = find_weights(options.model)
    probe = probe_video(source)
    start = resolve_start(source, camera, probe, start=options.start)
    size = (probe.width, probe.height)
    rects = plan_run_views(weights.header, camera.gates, size)
    runtime = open_runtime(weights, options.device, precision=options.precision)
    scorer = ClipScorer(runtime, camera.gates, rects, "clip")
    decoder = open_decoder(
        source,
        rects,
        start_us=start.start_us,
        sample_fps=options.sample_fps,
        camera=camera,
    )
    chosen = None
    for sample in decoder:
        scorer.process(sample)
        if chosen is None or sample.pts_us <= at_s * 1e6:
            chosen = sample
    if chosen is None:
        msg = f"{source.name}: no sample could be decoded"
        raise DecodeError(msg)
    length_s = decoder.report.duration_s
    if not 0 <= at_s <= length_s:
        msg = f"--at {at_s:g}: {source.name} holds seconds 0 to {length_s:.1f}"
        raise ConfigError(msg)
    gate = camera.gates[0]
    scores = scorer.finish()[gate.name]
    counting = counting_options(gate, weights.header.thresholds)
    hour = chosen.t_us // HOUR_US * HOUR_US
    end = hour + HOUR_US
    passages: list[Passage] = []
    has_peaks = weights.has_peaks
    held_s = counting.held_s(has_peaks=has_peaks)
    if shows_no_onset(source, camera, decoder.report, held_s):
        rows = count_still_hours(scores, gate, counting, from_us=hour, to_us=end)
    else:
        passages = count_passages(
            scores, gate, counting, size[0] / size[1], has_peaks=has_peaks
        )
        coverage = measure_coverage(scores, counting, has_peaks=has_peaks)
        rows = count_hours(passages, coverage, gate, from_us=hour, to_us=end)
    i = int(np.searchsorted(scores.t_us, chosen.t_us))
    low, high = int(scores.peak_start[i]), int(scores.peak_start[i + 1])
    if output is not None:
        maps = runtime.score_views(chosen.views[0][None])
        view = chosen.views[0]
        if is_blurred:
            rect = rects[0]
            view = make_mosaic(view, tile_fraction([scores]) / (rect.y1 - rect.y0))
        picture = draw_map(view, maps.heat[0])
        output.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(output), picture[:, :, ::-1])
    present = [
        passage_row(camera.name, p)
        for p in passages
        if p.onset_us <= chosen.t_us <= (p.offset_us or chosen.t_us)
    ]
    return {
        "1 video: sample": {
            "tick": chosen.tick,
            "t_utc": iso_utc(chosen.t_us),
            "pts_s": chosen.pts_us / 1e6,
            "start_source": f"{start.source} ({start.quality})",
            "views": [v.shape for v in chosen.views],
            "quality_flags": chosen.quality_flags,
        },
        "2 presence: score": {
            "model_id": weights.model_id,
            "gate": gate.name,
            "score": round(int(scores.score_u8[i]) / 255, 3),
            "peaks": [
                {
                    "p": round(p[4] / 255, 3),
                    "box": [round(v / PEAK_UNIT, 4) for v in p[:4]],
                }
                for p in scores.peaks[low:high].tolist()
            ],
        },
        "3 counting: passages here": {
            str(k + 1): {name: v for name, v in row.items() if name != "path"}
            for k, row in enumerate(present)
        },
        "4 counting: hour": {r.direction: hour_row(camera.name, r, {}) for r in rows},
        "5 store": {
            "file": f"hours/{camera.name}/{iso_utc(hour)[:7]}.parquet",
            "key": [camera.name, gate.name, list(gate.directions), iso_utc(hour)],
        },
    }
