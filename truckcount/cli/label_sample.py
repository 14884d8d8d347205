"""`truckcount label sample`: videos to frames worth labelling."""

from pathlib import Path

import click

from truckcount.cli._console import give, give_json, say
from truckcount.cli._options import (
    blur_option,
    cameras_option,
    check_iso_time,
    device_option,
    gate_option,
    given_paths,
    model_option,
    sample_fps_option,
)

EXIT_SOME_FAILED = 3


@click.command("sample")
@click.argument(
    "paths", metavar="VIDEO...", nargs=-1, required=True, callback=given_paths
)
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Path(path_type=Path),
    help="The label set; made where there is none.",
)
@click.option("-n", "n", type=int, default=200, show_default=True, help="Frames.")
@cameras_option
@click.option("--camera", help="Take every file as this camera's.")
@gate_option
@click.option(
    "--start",
    callback=check_iso_time,
    help="ISO-8601 time of the first frame, with offset.",
)
@model_option
@device_option
@sample_fps_option
@click.option("--jobs", type=int, default=1, show_default=True, help="Files at a time.")
@click.option(
    "--mix",
    default="spread=40,change=20,uncertain=20,random=20",
    show_default=True,
    help="Shares of the kinds of frames.",
)
@click.option(
    "--min-gap",
    "min_gap_s",
    type=float,
    default=1.0,
    show_default=True,
    help="Seconds between frames of one camera, at least.",
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Of the draw: equal seeds, equal frames.",
)
@click.option("--views", is_flag=True, help="Save gate views, not whole pictures.")
@blur_option
@click.option(
    "--light",
    type=click.Choice(["day", "dusk", "night", "unknown"]),
    default="unknown",
    show_default=True,
    help="Of all these videos; a picture's brightness does not tell it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def sample(
    paths: tuple[str, ...],
    target: Path,
    n: int,
    cameras: Path | None,
    camera: str | None,
    gate: str | None,
    start: str | None,
    model: str,
    device: str,
    sample_fps: float,
    jobs: int,
    mix: str,
    min_gap_s: float,
    seed: int,
    views: bool,
    is_blurred: bool,
    light: str,
    as_json: bool,
) -> int:
    """Draw frames to label from VIDEOs: files, folders or globs.

    The model scores every sample; drawn are frames spread over cameras and hours,
    frames where the score changes, frames it is unsure of, and random ones. Running
    again draws others; the same seed on a new set draws the same.

    \b
    Example:
      truckcount label sample sample_videos --cameras sample_videos/cameras.toml \\
          --to labels -n 60
    """
    from truckcount.cli._progress import progress_for
    from truckcount.labelling.draw import DrawOptions, parse_mix
    from truckcount.labelling.label_set import LabelSet
    from truckcount.labelling.sample import sample_videos
    from truckcount.pipeline.config import RunOptions

    run = RunOptions(
        cameras=cameras,
        camera=camera,
        gate=gate,
        start=start,
        model=model,
        device=device,
        sample_fps=sample_fps,
        jobs=jobs,
    )
    options = DrawOptions(n=n, mix=parse_mix(mix), min_gap_s=min_gap_s, seed=seed)
    bar = progress_for(is_quiet=as_json)
    try:
        report = sample_videos(
            LabelSet.open_or_new(target),
            paths,
            run,
            options,
            is_views=views,
            is_blurred=is_blurred,
            light=light,
            listener=bar,
        )
    finally:
        if bar is not None:
            bar.close()
    if as_json:
        give_json(
            {
                "label_set": str(target),
                "frames": report.n_frames,
                "by_kind": report.n_by_kind,
                "candidates": report.n_candidates,
                "failed": report.failed,
            }
        )
    else:
        for line in report.failed:
            say(f"left out: {line}")
        kinds = ", ".join(f"{k} {v}" for k, v in report.n_by_kind.items())
        give(f"{target}: {report.n_frames} new frames ({kinds or 'none'})")
        n_drawn = sum(report.n_by_kind.values())
        if n_drawn < n:
            say(
                f"only {n_drawn} of {n}: the videos hold no more that lie "
                f"{min_gap_s:g} s apart (--min-gap)"
            )
    return EXIT_SOME_FAILED if report.failed else 0
