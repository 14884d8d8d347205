"""What a run did to the result that callers get."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from truckcount import __version__
from truckcount.domain.hour import HourRow
from truckcount.pipeline.camera_warnings import (
    whole_picture_warnings,
    zone_warnings,
)
from truckcount.pipeline.camera_work import CameraWork, own_passages
from truckcount.pipeline.config import RunOptions, run_hash
from truckcount.pipeline.counts.outages import HOUR_US, unwatched_rows
from truckcount.pipeline.counts.timeline import Interval
from truckcount.pipeline.counts.windows import join_windows
from truckcount.pipeline.result import FileOutcome, RunResult, hour_row, passage_row
from truckcount.presence.weights import Weights
from truckcount.store.layout import from_us
from truckcount.store.read import read_bins

MAX_SHOWN_NULL_HOURS = 7 * 24  # of an outage within one run; the store holds them all
LEAST_HELD = 0.5  # of a file; arbitrary


def gather_result(
    weights: Weights,
    options: RunOptions,
    work: Sequence[CameraWork],
    failed: Sequence[FileOutcome],
    *,
    wall_s: float,
    cpu_s: float,
) -> RunResult:
    """Gather files, passages, hours and speed of a run."""
    outcomes, passages, hours = list(failed), [], []
    for one in work:
        own = own_passages(one)
        n_of: dict[str, int] = {}
        path_of = {o.segment_id: o.path for o in one.outcomes if o.segment_id}
        for passage in own:
            row = passage_row(one.camera.name, passage)
            row["file"] = path_of.get(passage.segment_id_onset)
            passages.append(row)
            if passage.is_counted:
                key = passage.segment_id_onset
                n_of[key] = n_of.get(key, 0) + 1
        told = zone_warnings(options.store, one.camera)
        windows = join_windows([w for counts in one.counts for w in counts.windows])
        told += whole_picture_warnings(options.store, one.camera, windows)
        won = {k: v for counts in one.counts for k, v in counts.won.items()}
        outcomes += [
            replace(
                o,
                passages=n_of.get(o.segment_id or "", 0),
                warnings=(*o.warnings, *_overlap_warnings(o, won), *told),
            )
            if o.status in {"done", "reused"}
            else o
            for o in one.outcomes
        ]
        between = _unwatched_between(one) if options.bins == 60 else []
        latest = {
            (row.gate, row.direction, row.bin_start_us): row
            for rows in (between, *(counts.hours for counts in one.counts))
            for row in rows
        }
        hours += _stamped_rows(one.camera.name, latest, options)
    decoded_s = sum(o.duration_s or 0.0 for o in outcomes if o.status == "done")
    cpu_s += sum(one.worker_cpu_s for one in work)
    return RunResult(
        version=__version__,
        model_id=weights.model_id,
        config_hash=run_hash([(one.camera, one.options) for one in work], weights),
        store=str(options.store),
        bin_minutes=options.bins,
        file_outcomes=tuple(outcomes),
        passage_rows=tuple(passages),
        hour_rows=tuple(hours),
        speed={
            "wall_s": round(wall_s, 3),
            "cpu_s": round(cpu_s, 3),
            "x_realtime": round(decoded_s / wall_s, 2) if decoded_s else None,
            "cpu_s_per_video_s": round(cpu_s / decoded_s, 4) if decoded_s else None,
            **_plans(work),
        },
    )


def join_results(results: Sequence[RunResult]) -> RunResult:
    """Join the results of batches; an hour that two touched is told once, as last."""
    hours = {
        (row["camera"], row["gate"], row["direction"], str(row["hour_start_utc"])): row
        for result in results
        for row in result.hour_rows
    }
    outcomes = [o for result in results for o in result.file_outcomes]
    wall_s = sum(result.speed["wall_s"] or 0.0 for result in results)
    cpu_s = sum(result.speed["cpu_s"] or 0.0 for result in results)
    decoded_s = sum(o.duration_s or 0.0 for o in outcomes if o.status == "done")
    plans = {k: v for r in results for k, v in r.speed.get("plans", {}).items()}
    return replace(
        results[-1],
        file_outcomes=tuple(outcomes),
        passage_rows=tuple(p for result in results for p in result.passage_rows),
        hour_rows=tuple(hours[key] for key in sorted(hours)),
        speed={
            "wall_s": round(wall_s, 3),
            "cpu_s": round(cpu_s, 3),
            "x_realtime": round(decoded_s / wall_s, 2) if decoded_s else None,
            "cpu_s_per_video_s": round(cpu_s / decoded_s, 4) if decoded_s else None,
            **({"plans": plans} if plans else {}),
        },
    )


def _unwatched_between(work: CameraWork) -> list[HourRow]:
    """Return null rows of the hours between what a run counted."""
    windows = join_windows([w for counts in work.counts for w in counts.windows])
    gaps = [
        range(low, high, HOUR_US) for (_, low), (high, _) in itertools.pairwise(windows)
    ]
    return [
        row
        for starts in gaps
        if len(starts) <= MAX_SHOWN_NULL_HOURS
        for gate in work.camera.gates
        for row in unwatched_rows(gate, starts)
    ]


def _overlap_warnings(
    outcome: FileOutcome, won: Mapping[str, Sequence[Interval]]
) -> tuple[str, ...]:
    """Say that a file counts for little, since others hold its time.

    Recorders overlap by seconds on purpose; most of a file is a wrong start, a second
    viewpoint taken for the same camera, or a copy in another encoding.
    """
    parts = won.get(outcome.segment_id or "")
    if parts is None or not outcome.duration_s:
        return ()
    held_s = sum(high - low for low, high in parts) / 1e6
    if held_s >= outcome.duration_s * LEAST_HELD:
        return ()
    lost_s = outcome.duration_s - held_s
    text = (
        f"{lost_s:.0f} of its {outcome.duration_s:.0f} s are not counted: another file "
        "of this camera holds the same time; is its start right, and its camera?"
    )
    return (text,)


def _plans(work: Sequence[CameraWork]) -> dict[str, Any]:
    """Say what ``--speed fastest`` chose for each camera, and why."""
    chosen = {
        one.camera.name: one.plan.to_json() for one in work if one.plan is not None
    }
    return {"plans": chosen} if chosen else {}


def _stamped_rows(
    camera: str, rows: dict[tuple[str, str, int], HourRow], options: RunOptions
) -> list[dict[str, Any]]:
    """Spell hour rows with what the store stamped on them: model, zone, revision."""
    if not rows:
        return []
    starts = [start for _, _, start in rows]
    name = "hour_start_utc" if options.bins == 60 else "bin_start_utc"
    stored = {
        (row["gate"], row["direction"], row[name]): row
        for row in read_bins(
            options.store, camera, options.bins, min(starts), max(starts) + 1
        )
    }
    return [
        hour_row(camera, rows[gate, direction, start], stored.get(key, {}))
        for gate, direction, start in sorted(rows)
        for key in [(gate, direction, from_us(start))]
    ]
