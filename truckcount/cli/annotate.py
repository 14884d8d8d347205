"""`truckcount annotate`: see what was counted."""

from pathlib import Path

import click

from truckcount.cli._console import give_json, say
from truckcount.cli._options import (
    blur_option,
    cameras_option,
    check_iso_time,
    gate_option,
    model_option,
)


@click.command()
@click.argument("clip")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="Video to write, an .mp4.",
)
@cameras_option
@gate_option
@model_option
@click.option(
    "--start",
    callback=check_iso_time,
    help="ISO-8601 time of the first frame, with offset.",
)
@blur_option
@click.option("--json", "as_json", is_flag=True, help="Print the passages drawn.")
def annotate(
    clip: str,
    output: Path,
    cameras: Path | None,
    gate: str | None,
    model: str,
    start: str | None,
    is_blurred: bool,
    as_json: bool,
) -> int:
    """Draw gates, truck boxes, passages and the running count on CLIP.

    A folder of stills becomes a film of two pictures a second.

    \b
    Example:
      truckcount annotate video.mp4 -o seen.mp4 --cameras cameras.toml
    """
    from truckcount.pipeline.config import RunOptions
    from truckcount.pipeline.viewing.annotate import annotate_clip

    options = RunOptions(cameras=cameras, gate=gate, model=model, start=start)
    drawn = annotate_clip(clip, output, options, is_blurred=is_blurred)
    if as_json:
        give_json(drawn.passages)
    what = f"{sum(p['is_counted'] for p in drawn.passages)} trucks drawn"
    if drawn.is_stills:
        what = (
            f"{drawn.n_pictures} stills drawn: who is there, two a second; who passes "
            "between them nobody saw"
        )
    say(f"{output}: {what}")
    return 0
