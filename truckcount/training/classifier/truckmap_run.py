"""A label set to `truckmap` weights that know its cameras: by boxes or by frames.

Where frames that show a truck have its box, the map is taught as the shipped one was;
where people only said truck / no truck, by whole frames (``own_camera.py``). Either
way the scores are then brought back to the thresholds on the validation part, or the
thresholds are chosen on clips, by count error.
"""

import hashlib
import json
import logging
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from truckcount.errors import LabelError
from truckcount.evaluation.count_clips import check_clips
from truckcount.evaluation.score_frames import gates_of
from truckcount.labelling.merge import trust_boxes
from truckcount.presence.runtime_torch import load_truckmap
from truckcount.presence.truckmap import TruckMap
from truckcount.presence.weights import MAP_NETWORK, Weights
from truckcount.training.canvas import PictureDraw
from truckcount.training.classifier.border import settle_border
from truckcount.training.classifier.frames import (
    SPLITS,
    Frames,
    Gates,
    fingerprint,
    read_frames,
)
from truckcount.training.classifier.gate_frames import GateFrames
from truckcount.training.classifier.run_folder import RunResult, write_report
from truckcount.training.classifier.start import find_start, warn_of_overlap
from truckcount.training.classifier.truckmap_files import (
    TruckMapFacts,
    export_truckmap,
    measure_splits,
)
from truckcount.training.clip_thresholds import choose_on_clips
from truckcount.training.label_set import CLASS_OF, IGNORE, LabelledPicture
from truckcount.training.loop import TrainingOptions, train
from truckcount.training.own_camera import OwnCameraOptions, finetune_on_labels
from truckcount.training.run_state import Facts, check_run

logger = logging.getLogger(__name__)

TEACHERS = ("auto", "boxes", "frames")
MIN_BOXED_SHARE = 0.5  # of the frames with a truck, for `auto` to teach by boxes
DEFAULT_STEPS = {"boxes": 240, "frames": 160}
DEFAULT_BATCH = {"boxes": 12, "frames": 8}


@dataclass(frozen=True, slots=True, kw_only=True)
class TruckMapOptions:
    """How far a label set may move the weights it starts from."""

    from_weights: str = "truckmap"
    teach_by: str = "auto"
    """``boxes``, ``frames`` (truck / no truck alone), or ``auto``: boxes where half
    of the frames with a truck have them."""
    n_steps: int | None = None
    """Default 240 by boxes, 160 by frames."""
    batch_size: int | None = None
    """Default 12 by boxes, 8 by frames."""
    learning_rate: float = 3e-4
    """A fifth of the rate that the shipped weights were trained at."""
    cameras: Path | None = None
    """A ``cameras.toml``: labels are of its gates, not of whole pictures."""
    clips: Path | None = None
    """Annotated clips to choose thresholds on."""
    clips_role: str | None = None
    n_workers: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.teach_by not in TEACHERS:
            msg = f"teach_by must be one of {TEACHERS}, not {self.teach_by!r}"
            raise LabelError(msg)


def train_truckmap_run(
    set_folder: Path,
    options: TruckMapOptions,
    folder: Path,
    *,
    is_blurred: bool = False,
) -> RunResult:
    """Train on a set's training split; settle on its validation split; measure all.

    The folder then holds ``config.json``, ``metrics.json``, ``predictions.parquet``,
    ``truckmap.safetensors``, its graph and the report. Killed and run again, it goes
    on from its checkpoint to the same weights.

    Raises
    ------
    LabelError
        When boxes are asked for and no frame of the training split has one.
    ConfigError
        When the weights to start from are no truck map, or the folder holds a run
        with other options or data.
    """
    if options.clips is not None:
        check_clips(options.clips, options.clips_role)
    frames = read_frames(set_folder, needs_both=False)
    base = find_start(options.from_weights, MAP_NETWORK)
    warn_of_overlap(base, frames)
    gates = gates_of(options.cameras, frames.camera.tolist(), set_folder)
    teach_by, pictures = _choose_teacher(frames, options)
    n_steps = options.n_steps or DEFAULT_STEPS[teach_by]
    batch_size = options.batch_size or DEFAULT_BATCH[teach_by]
    folder.mkdir(parents=True, exist_ok=True)
    digest = fingerprint(frames)
    facts = {
        "set": str(set_folder.resolve()),
        "data_fingerprint": digest,
        "frames": {s: len(frames.rows_of(s)) for s in SPLITS},
        "pictures": {"all": len(pictures), "with_truck_box": _n_boxed(pictures)},
        "options": {k: _plain(v) for k, v in asdict(options).items()},
        "taught_by": teach_by,
        "from": base.model_id,
    }
    same = {
        "data_fingerprint": digest,
        "boxes": _hash_boxes(pictures),
        "gates": repr(sorted(gates.items())),
        "from": base.model_id,
        "taught_by": teach_by,
        "n_steps": n_steps,
        "batch_size": batch_size,
        "learning_rate": options.learning_rate,
        "seed": options.seed,
    }
    check_run(folder, same)
    _write_json(folder / "config.json", facts)
    schedule = _Schedule(folder, n_steps, batch_size, same)
    if teach_by == "boxes":
        network = _train_on_boxes(pictures, base, options, schedule)
        n_taught = len(pictures)
    else:
        network = _train_on_frames(frames, gates, base, options, schedule)
        n_taught = len(frames.rows_of("train"))
    border = settle_border(network, frames, gates, base)
    told = TruckMapFacts(
        data_fingerprint=digest,
        training=f"{n_steps} steps on {n_taught} frames from {base.model_id}, "
        f"taught by {teach_by}",
        thresholds=dict(base.header.thresholds),
        thresholds_by=border.told,
    )
    weights = export_truckmap(
        network.state_dict(), base, folder / "truckmap.safetensors", told
    )
    metrics: dict[str, Any] = {
        "network": "truckmap",
        "taught_by": teach_by,
        "border": border.to_json(),
    }
    if options.clips is not None:
        chosen = choose_on_clips(weights, options.clips, options.clips_role, set_folder)
        told = replace(
            told,
            thresholds=chosen.thresholds.to_header(),
            thresholds_by=chosen.told,
        )
        weights = export_truckmap(network.state_dict(), base, weights.path, told)
    metrics |= {
        "thresholds": dict(weights.header.thresholds),
        "thresholds_by": weights.header.thresholds_by,
        "weights_sha256": weights.sha256,
        "splits": measure_splits(frames, weights, gates, folder),
        "splits_before": measure_splits(frames, base, gates),
    }
    _write_json(folder / "metrics.json", metrics)
    return RunResult(
        folder=folder,
        weights=weights.path,
        metrics=metrics,
        report=write_report(folder, is_blurred=is_blurred),
    )


def _choose_teacher(
    frames: Frames, options: TruckMapOptions
) -> tuple[str, list[LabelledPicture]]:
    """Say by what to teach, with the pictures that have boxes."""
    if options.teach_by == "frames" or not frames.has_boxes:
        if options.teach_by == "boxes":
            raise LabelError(_no_boxes(frames))
        return "frames", []
    pictures = list(read_pictures(frames))
    n_boxed = _n_boxed(pictures)
    if options.teach_by == "boxes":
        if not n_boxed:
            raise LabelError(_no_boxes(frames))
        return "boxes", pictures
    n_truck = int((frames.p_truck[frames.rows_of("train")] >= 0.5).sum())
    is_boxed = n_boxed > 0 and n_boxed >= MIN_BOXED_SHARE * n_truck
    return ("boxes", pictures) if is_boxed else ("frames", [])


def _no_boxes(frames: Frames) -> str:
    return (
        f"{frames.folder}: no training frame has a truck box; draw some with "
        "`truckcount label review`, or teach by `--teach frames`"
    )


def _n_boxed(pictures: list[LabelledPicture]) -> int:
    return sum(bool((p.classes == 0).any()) for p in pictures)


def _hash_boxes(pictures: list[LabelledPicture]) -> str:
    digest = hashlib.sha256()
    for picture in pictures:
        digest.update(picture.name.encode() + picture.boxes.tobytes())
        digest.update(picture.classes.tobytes())
    return digest.hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class _Schedule:
    """Where a run is kept, how long it is, and what it must go on with."""

    folder: Path
    n_steps: int
    batch_size: int
    facts: Facts


def _train_on_boxes(
    pictures: list[LabelledPicture],
    base: Weights,
    options: TruckMapOptions,
    schedule: _Schedule,
) -> TruckMap:
    n_steps, folder = schedule.n_steps, schedule.folder
    chosen = TrainingOptions(
        n_steps=n_steps,
        batch_size=schedule.batch_size,
        learning_rate=options.learning_rate,
        n_workers=options.n_workers,
        seed=options.seed,
        view_size=base.header.view_size,
        warmup_steps=min(20, n_steps // 4),
        checkpoint_every=max(1, min(50, n_steps // 2)),
        log_every=10,
    )
    draw = PictureDraw({"set": pictures}, {"set": 1.0})
    return train(load_truckmap(base), draw, chosen, folder, facts=schedule.facts)


def _train_on_frames(
    frames: Frames,
    gates: Gates,
    base: Weights,
    options: TruckMapOptions,
    schedule: _Schedule,
) -> TruckMap:
    rows = frames.rows_of("train")
    chosen = OwnCameraOptions(
        n_steps=schedule.n_steps,
        batch_size=schedule.batch_size,
        learning_rate=options.learning_rate,
        seed=options.seed,
    )
    return finetune_on_labels(
        load_truckmap(base),
        GateFrames(frames, rows, gates, base.header.view_size),
        frames.p_truck[rows],
        chosen,
        schedule.folder,
        schedule.facts,
        frames.weight[rows],
    )


def read_pictures(frames: Frames) -> Iterator[LabelledPicture]:
    """Yield training frames with boxes of all classes, of the most trusted labeller.

    A frame said to show a truck but without a box of one is left out: it would teach
    that there is none. A frame without a truck teaches by its emptiness.
    """
    import pandas as pd

    path = frames.folder / "boxes.parquet"
    grouped = {}
    if path.is_file():
        grouped = dict(tuple(trust_boxes(pd.read_parquet(path)).groupby("image")))
    for row in frames.rows_of("train"):
        image = frames.images[row]
        boxes, classes = np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
        if image in grouped:
            rows = grouped[image]
            boxes = rows[["x1", "y1", "x2", "y2"]].to_numpy(np.float32)
            names = rows["class"]
            classes = np.array([CLASS_OF.get(c, IGNORE - 1) for c in names], np.int64)
        says_truck = frames.p_truck[row] >= 0.5
        if says_truck != bool((classes == 0).any()) or 0.2 < frames.p_truck[row] < 0.8:
            continue
        yield LabelledPicture(
            image=frames.read(int(row)),
            boxes=boxes,
            classes=classes,
            group=str(frames.camera[row]),
            name=image,
        )


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value


def _write_json(path: Path, value: dict[str, Any]) -> None:
    draft = path.with_name(f".{path.name}.tmp")
    draft.write_text(json.dumps(value, indent=1) + "\n")
    draft.replace(path)
