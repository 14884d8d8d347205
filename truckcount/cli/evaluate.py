"""`truckcount evaluate`: counts against truth."""

from pathlib import Path

import click

from truckcount.cli._console import align, give, give_json


@click.group()
def evaluate() -> None:
    """Score counts against annotated truth.

    \b
    Example:
      truckcount evaluate clips sample_videos
    """


@evaluate.command("clips")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--role", help="Only clips of this role (clips.csv).")
@click.option("--model", default="truckmap", show_default=True, help="Name or path.")
@click.option("--store", type=click.Path(path_type=Path), help="Keep the counts here.")
@click.option("--sample-fps", type=float, default=5.0, show_default=True)
@click.option("--jobs", type=int, default=1, show_default=True)
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
        shown = "-" if value is None else f"{value:.3f}".rstrip("0").rstrip(".")
        around = intervals.get(name)
        span = "" if around is None else f"  [{around[0]:.2f}, {around[1]:.2f}]"
        give(f"{name:22s} {shown:>8s}{span}")
    return 0
