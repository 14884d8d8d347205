"""A camera's day in pieces: simulated scores stored and published like real ones."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tests.counting.simulate import GATE, T0_US
from truckcount.domain.camera import Camera
from truckcount.domain.scores import Scores
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.counts.recount import publish_counts
from truckcount.presence.weights import Weights, WeightsHeader
from truckcount.store import SegmentRecord, Store

HOUR_US = 3_600_000_000
S_US = 1_000_000
NOW_US = T0_US + 48 * HOUR_US
CAMERA = Camera(name="dc-north", gates=(GATE,), timezone="America/Chicago")
DIGEST = "0123456789ab"
WEIGHTS = Weights(
    header=WeightsHeader(
        name="fake",
        network="truckmap",
        trunk=(),
        classes=("truck",),
        view_size=(320, 192),
        temperature=1.0,
        thresholds=(),
        licence="none",
        data_fingerprint="none",
        training="none",
    ),
    path=Path("fake.safetensors"),
    graph_path=Path("fake.onnx"),
    sha256="f" * 64,
)


@dataclass(frozen=True)
class Piece:
    """Scores of one file and its row of ``segments``."""

    record: SegmentRecord
    scores: Scores


def piece(name: str, scores: Scores, *, shift_us: int = 0) -> Piece:
    """Make a file of scores, moved by ``shift_us`` on the clock."""
    moved = replace(scores, t_us=scores.t_us + shift_us, segment_ids=(name,))
    first, last = int(moved.t_us[0]), int(moved.t_us[-1])
    record = SegmentRecord(
        segment_id=name,
        path=f"/videos/{name}.mp4",
        name=f"{name}.mp4",
        source_kind="video",
        size_bytes=1,
        status="done",
        run_id="run",
        start_us=first,
        end_us=last + 200_000,
        width=1280,
        height=720,
        config_hash=DIGEST,
        model_id=WEIGHTS.model_id,
    )
    return Piece(record, moved)


def cut(scores: Scores, edges: Sequence[int], *, shift_us: int = 0) -> list[Piece]:
    """Cut scores at sample numbers into files."""
    bounds = itertools.pairwise(edges)
    return [
        piece(f"piece{i}", scores[a:b], shift_us=shift_us)
        for i, (a, b) in enumerate(bounds)
    ]


def ingest(
    store: Store,
    groups: Sequence[Sequence[Piece]],
    *,
    camera: Camera = CAMERA,
    options: RunOptions | None = None,
    now_us: int = NOW_US,
) -> None:
    """Publish groups of files one after another, as as many runs would."""
    options = RunOptions() if options is None else options
    gate = camera.gates[0].name
    for group in groups:
        with store.lock(camera.name):
            for one in group:
                store.write_scores(camera.name, {gate: one.scores}, DIGEST)
            known = store.segments(camera.name) + [one.record for one in group]
            records = {r.segment_id: r for r in known if r.status == "done"}
            publish_counts(
                store,
                camera,
                list(records.values()),
                {one.record.segment_id for one in group},
                weights=WEIGHTS,
                options=options,
                now_us=now_us,
            )
            for one in group:
                store.write_segment(
                    camera.name, replace(one.record, known_at_us=now_us)
                )
