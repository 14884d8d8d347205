"""`truckcount inspect`: one frame through the five hops."""

from pathlib import Path

import click

from truckcount.cli._console import give, give_json, say
from truckcount.cli._options import (
    blur_option,
    cameras_option,
    check_iso_time,
    gate_option,
    model_option,
)


@click.command()
@click.argument("clip")
@click.option("--at", "at_s", type=float, required=True, help="Second of the clip.")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="PNG to write.")
@cameras_option
@gate_option
@model_option
@click.option(
    "--start",
    callback=check_iso_time,
    help="ISO-8601 time of the first frame, with offset.",
)
@blur_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def inspect(
    clip: str,
    at_s: float,
    output: Path | None,
    cameras: Path | None,
    gate: str | None,
    model: str,
    start: str | None,
    is_blurred: bool,
    as_json: bool,
) -> int:
    """Print what each hop makes of one frame; save its view with the truck map.

    \b
    Example:
      truckcount inspect video.mp4 --at 12.4 -o view.png
    """
    from truckcount.pipeline.config import RunOptions
    from truckcount.pipeline.viewing.inspect import inspect_frame

    options = RunOptions(cameras=cameras, gate=gate, model=model, start=start)
    hops = inspect_frame(clip, at_s, options, output, is_blurred=is_blurred)
    if as_json:
        give_json(hops)
    else:
        for hop, values in hops.items():
            give(hop)
            for name, value in values.items():
                give(f"  {name}: {value}")
    if output is not None:
        say(f"{output} written")
    return 0
