"""`truckcount evaluate`: counts against truth."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from truckcount.cli._console import align, give, give_json
from truckcount.cli._options import (
    device_option,
    model_option,
    refuse_given,
    sample_fps_option,
)

if TYPE_CHECKING:
    from truckcount.evaluation.clips import ClipScores

PATH = click.Path(path_type=Path)
SLICES = {
    "light": lambda truth: truth.light,
    "group": lambda truth: truth.group,
}
SLICE_FIGURES = {
    "n_clips": "clips",
    "n_truth": "truth",
    "clip_mean_f1": "F1",
    "clip_mean_wape": "WAPE",
    "false_in_truck_free": "false in truck-free",
}
FRAME_FIGURES = {
    "balanced_accuracy": "balanced",
    "precision": "precision",
    "recall": "recall",
    "roc_auc": "AUC",
    "average_precision": "AP",
    "ece": "ECE",
}


@click.group()
def evaluate() -> None:
    """Score counts against annotated truth.

    \b
    Example:
      truckcount evaluate clips sample_videos
      truckcount evaluate frames labels --split test
    """


@evaluate.command("clips")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--role", help="Only clips of this role (clips.csv).")
@model_option
@click.option("--store", type=click.Path(path_type=Path), help="Keep the counts here.")
@sample_fps_option
@click.option("--jobs", type=int, default=1, show_default=True, help="Clips at a time.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def clips(
    folder: Path,
    role: str | None,
    model: str,
    store: Path | None,
    sample_fps: float,
    jobs: int,
    as_json: bool,
) -> int:
    """Count and score the clips of FOLDER (clips.csv, passages.csv, cameras.toml).

    \b
    Example:
      truckcount evaluate clips sample_videos --json
    """
    from truckcount.cli._progress import progress_for
    from truckcount.evaluation.count_clips import evaluate_clips

    bar = progress_for(is_quiet=as_json)
    try:
        scores = evaluate_clips(
            folder,
            role=role,
            model=model,
            store=store,
            sample_fps=sample_fps,
            jobs=jobs,
            listener=bar,
        )
    finally:
        if bar is not None:
            bar.close()
    if as_json:
        give_json(scores.to_json())
        return 0
    _tell_clips(scores)
    return 0


def _tell_clips(scores: "ClipScores") -> None:
    rows = [
        [
            c.truth.clip,
            str(c.n_truth),
            str(c.n_true_positive),
            str(c.n_false_positive),
            str(c.n_false_negative),
        ]
        for c in scores.clips
    ]
    give(align(rows, ["clip", "truth", "right", "false", "missed"]))
    intervals = scores.intervals()
    give("")
    for name, value in scores.figures().items():
        around = intervals.get(name)
        span = "" if around is None else f"  [{around[0]:.2f}, {around[1]:.2f}]"
        give(f"{name:22s} {_spell(value):>8s}{span}")
    for name, key in SLICES.items():
        slices = scores.slices(key)
        if len(slices) < 2:
            continue
        give("")
        give(
            align(
                [
                    [value, *(_spell(figures[f]) for f in SLICE_FIGURES)]
                    for value, figures in slices.items()
                ],
                [name, *SLICE_FIGURES.values()],
            )
        )


@evaluate.command("frames")
@click.argument("label_set", metavar="SET", required=False, type=PATH)
@click.option("--predictions", type=PATH, help="Score this table; no model is run.")
@model_option
@click.option("--split", default="test", show_default=True, help="`all` for every one.")
@click.option("--threshold", type=float, help="Default: the model's on_score, or 0.5.")
@click.option("--cameras", type=PATH, help="Look at this file's gates alone.")
@device_option
@click.option("--seed", type=int, default=0, show_default=True, help="Of intervals.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def frames(
    label_set: Path | None,
    predictions: Path | None,
    model: str,
    split: str,
    threshold: float | None,
    cameras: Path | None,
    device: str,
    seed: int,
    as_json: bool,
) -> int:
    """Score truck / no truck on the labelled frames of SET.

    Every frame has the largest truck probability of its views. Intervals are drawn
    over groups of frames, never over single ones.

    \b
    Example:
      truckcount evaluate frames labels --model runs/first/weights.safetensors
      truckcount evaluate frames --predictions runs/first/predictions.parquet --json
    """
    if (label_set is None) == (predictions is None):
        msg = "give either SET or --predictions, as `truckcount evaluate frames labels`"
        raise click.UsageError(msg)
    chosen = None if split == "all" else split
    if predictions is not None:
        # a table's figures are of who made the table
        refuse_given(
            ("model", "cameras", "device"),
            "has no say in --predictions, which no model is run for",
        )
        from truckcount.evaluation.frames import read_predictions, score_predictions

        table = read_predictions(predictions, chosen)
        scores = score_predictions(table, 0.5 if threshold is None else threshold)
    elif label_set is not None:
        from truckcount.evaluation.score_frames import evaluate_frames

        scores = evaluate_frames(
            label_set,
            model=model,
            split=chosen,
            threshold=threshold,
            cameras=cameras,
            device=device,
        )
    if as_json:
        give_json(scores.to_json(seed))
    else:
        _tell_frames(scores.to_json(seed))
    return 0


def _tell_frames(said: dict[str, Any]) -> None:
    give(
        f"{said['n_frames']} frames, {said['n_truck']:g} with a truck, from a "
        f"probability of {said['threshold']:g} on; intervals over "
        f"{said['n_units']} values of {said['drawn_by']}"
    )
    give("")
    for name, value in said["figures"].items():
        give(f"{name:22s} {_spell(value):>8s}{_span(said['intervals_95'][name])}")
    for key in ("camera", "light"):
        slices = said.get(f"by_{key}", {})
        if len(slices) < 2:
            continue
        rows = [
            [
                value,
                str(part["n_frames"]),
                f"{part['n_truck']:g}",
                *(_spell(part["figures"][name]) for name in FRAME_FIGURES),
            ]
            for value, part in slices.items()
        ]
        give("")
        give(align(rows, [key, "frames", "trucks", *FRAME_FIGURES.values()]))


def _spell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")


def _span(around: tuple[float, float] | None) -> str:
    return "" if around is None else f"  [{around[0]:.3f}, {around[1]:.3f}]"
