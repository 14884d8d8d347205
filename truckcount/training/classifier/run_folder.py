"""A label set to a run folder: trained, measured, calibrated, exported."""

import importlib.util
import json
import logging
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from truckcount.evaluation.count_clips import check_clips
from truckcount.evaluation.score_frames import gates_of
from truckcount.presence.weights import find_weights
from truckcount.training.calibration import to_logit
from truckcount.training.classifier.checkpoint import CHECKPOINT
from truckcount.training.classifier.curves import draw_curves, write_curves
from truckcount.training.classifier.dataset import BatchLoader, plain_set
from truckcount.training.classifier.export import (
    ExportFacts,
    export_classifier,
    view_size_of,
)
from truckcount.training.classifier.frames import (
    SPLITS,
    Frames,
    fingerprint,
    frame_table,
    leave_out_several_views,
    read_frames,
)
from truckcount.training.classifier.loop import (
    Listener,
    Trained,
    open_network,
    train_classifier,
)
from truckcount.training.classifier.options import ClassifierOptions
from truckcount.training.classifier.packed import PackedFrames, pack_frames
from truckcount.training.classifier.predict import measure_logits, predict_logits
from truckcount.training.classifier.speed import measure_loader
from truckcount.training.classifier.start import find_start, warn_of_overlap
from truckcount.training.classifier.truckmap_files import on_score_of
from truckcount.training.clip_thresholds import choose_on_clips

logger = logging.getLogger(__name__)

MAX_TRAIN_SCORED = 2000  # training frames that are scored for the report
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a training run leaves."""

    folder: Path
    weights: Path
    metrics: dict[str, Any]
    report: Path | None
    """The HTML page, where the report's module is installed."""


def train_run(
    set_folder: Path,
    options: ClassifierOptions,
    folder: Path,
    *,
    device: str = "cpu",
    is_packed: bool = True,
    listener: Listener | None = None,
    on_pack: Callable[[int, int], None] | None = None,
    clips: Path | None = None,
    clips_role: str | None = None,
    cameras: Path | None = None,
    is_blurred: bool = False,
) -> RunResult:
    """Train a classifier on a label set and write all a reader asks of a run.

    The folder then holds ``config.json``, ``curves.csv``, ``curves.png``,
    ``metrics.json``, ``predictions.parquet`` and ``<network>.safetensors`` with its
    ``.onnx`` graph. Run again, it goes on where it stopped.

    Parameters
    ----------
    clips : Path, optional
        Annotated clips, neither trained nor reported on, to choose thresholds by
        their count error.
    cameras : Path, optional
        A ``cameras.toml``: labels are of its gates, and frames are cut to what a run
        sees of them.
    is_blurred : bool
        Show mosaics of frames in the report.
    """
    if clips is not None:
        check_clips(clips, clips_role)
    plain = open_network(_unfetched(options))
    side_px = plain.input_px
    frames = read_frames(set_folder)
    frames = leave_out_several_views(
        replace(
            frames,
            gates=gates_of(cameras, frames.camera.tolist(), set_folder),
            view_px=view_size_of(plain)[0],
        )
    )
    if options.start is not None:
        warn_of_overlap(find_start(options.start, options.network), frames)
    folder.mkdir(parents=True, exist_ok=True)
    digest = fingerprint(frames)
    packed = (
        pack_frames(frames, side_px, set_folder / ".packed", on_pack)
        if is_packed
        else None
    )
    if not (folder / CHECKPOINT).exists():
        # beside a checkpoint it stays that run's, which may refuse these options
        _write_config(folder, set_folder, options, frames, digest, device, cameras)
    trained = train_classifier(
        frames,
        options,
        folder,
        packed=packed,
        device=device,
        facts={"data_fingerprint": digest},
        listener=listener,
    )
    _write_config(folder, set_folder, options, frames, digest, device, cameras)
    write_curves(folder, trained.history)
    draw_curves(folder / "curves.png", {options.network: trained.history})
    rows, logits = _score_rows(trained, frames, packed, device, options.n_workers)
    temperature = _fit_temperature(frames, rows, logits)
    _write_predictions(folder, frames, rows, logits / temperature)
    path = folder / f"{options.network}.safetensors"
    facts = ExportFacts(
        name=options.network,
        data_fingerprint=digest,
        training=_told(trained, frames, options),
        temperature=temperature,
        thresholds_by=_told_border(frames, rows),
        config=asdict(options),
    )
    sha256 = export_classifier(trained.network, path, facts)
    if clips is not None:
        chosen = choose_on_clips(find_weights(str(path)), clips, clips_role, set_folder)
        facts = replace(
            facts,
            thresholds=chosen.thresholds.to_header(),
            thresholds_by=chosen.told,
        )
        sha256 = export_classifier(trained.network, path, facts)
    # where these weights say truck, in logits that no temperature has divided yet
    border = float(to_logit(on_score_of(find_weights(str(path))))) * temperature
    metrics: dict[str, Any] = {
        "network": options.network,
        "best_epoch": trained.best_epoch,
        "n_epochs_run": len(trained.history),
        "temperature": temperature,
        "thresholds": facts.thresholds,
        "thresholds_by": facts.thresholds_by,
        "weights_sha256": sha256,
        "n_parameters": sum(p.numel() for p in trained.network.parameters()),
        "splits": {
            split: asdict(
                measure_logits(logits[mine], frames.p_truck[rows[mine]], border)
            )
            for split in SPLITS
            if (mine := frames.split[rows] == split).any()
        },
        "images_per_s": trained.images_per_s
        | {"loader": measure_loader(frames, packed, side_px, options)},
    }
    _write_json(folder / "metrics.json", metrics)
    return RunResult(
        folder=folder,
        weights=path,
        metrics=metrics,
        report=write_report(folder, is_blurred=is_blurred),
    )


def _unfetched(options: ClassifierOptions) -> ClassifierOptions:
    """Return the same network without its download: only its shape is asked for."""
    return replace(options, is_pretrained=False)


def _write_config(
    folder: Path,
    set_folder: Path,
    options: ClassifierOptions,
    frames: Frames,
    digest: str,
    device: str,
    cameras: Path | None,
) -> None:
    import torch

    import truckcount

    _write_json(
        folder / "config.json",
        {
            "set": str(set_folder.resolve()),
            "data_fingerprint": digest,
            "frames": {s: len(frames.rows_of(s)) for s in SPLITS},
            "cameras": None if cameras is None else str(cameras),
            "options": asdict(options),
            "device": device,
            "threads": torch.get_num_threads(),
            "versions": {
                "truckcount": truckcount.__version__,
                "torch": torch.__version__,
                "python": platform.python_version(),
            },
        },
    )


def _score_rows(
    trained: Trained,
    frames: Frames,
    packed: PackedFrames | None,
    device: str,
    n_workers: int,
) -> tuple[npt.NDArray[np.int64], FloatArray]:
    train = frames.rows_of("train")
    if len(train) > MAX_TRAIN_SCORED:
        rng = np.random.default_rng(0)
        train = np.sort(rng.choice(train, MAX_TRAIN_SCORED, replace=False))
    rows = np.concatenate([train, frames.rows_of("val"), frames.rows_of("test")])
    network = trained.network.to(device)
    loader = BatchLoader(plain_set(frames, packed, network.input_px), n_workers)
    return rows, predict_logits(network, loader, rows, device)


def _fit_temperature(
    frames: Frames, rows: npt.NDArray[np.int64], logits: FloatArray
) -> float:
    """Fit on the validation split, where the calibration module is installed."""
    if importlib.util.find_spec("truckcount.training.calibration") is None:
        return 1.0
    calibration = importlib.import_module("truckcount.training.calibration")
    mine = frames.split[rows] == "val"
    val = rows[mine]
    fitted = calibration.fit_temperature(
        logits[mine], frames.p_truck[val], frames.weight[val]
    )
    return float(fitted)


def _told_border(frames: Frames, rows: npt.NDArray[np.int64]) -> str:
    n = int((frames.split[rows] == "val").sum())
    return (
        f"counting's defaults on probabilities that a temperature fits to {n} "
        "validation frames; single frames allow no count error"
    )


def _write_predictions(
    folder: Path, frames: Frames, rows: npt.NDArray[np.int64], logits: FloatArray
) -> None:
    table = frame_table(frames, rows)
    table["p"] = (1 / (1 + np.exp(-logits))).astype(np.float32)
    table.to_parquet(folder / "predictions.parquet", index=False)


def write_report(folder: Path, *, is_blurred: bool = False) -> Path | None:
    """Write the run's page, where the report's module is installed."""
    if importlib.util.find_spec("truckcount.training.report") is None:
        return None
    page: Path = importlib.import_module("truckcount.training.report").write_report(
        folder, is_blurred=is_blurred
    )
    return page


def _told(trained: Trained, frames: Frames, options: ClassifierOptions) -> str:
    start = "ImageNet's weights" if options.is_pretrained else "Kaiming's start"
    if options.start is not None:
        start = find_start(options.start, options.network).model_id
    n = len(frames.rows_of("train"))
    return f"epoch {trained.best_epoch} on {n} frames from {start}, seed {options.seed}"


def _write_json(path: Path, value: dict[str, Any]) -> None:
    draft = path.with_name(f".{path.name}.tmp")
    draft.write_text(json.dumps(value, indent=1, default=str) + "\n")
    draft.replace(path)
