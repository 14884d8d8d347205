"""`truckcount report`: a store on one page."""

from pathlib import Path

import click

from truckcount.cli._console import say
from truckcount.cli._options import blur_option


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default="report.html",
    show_default=True,
    help="Page to write.",
)
@click.option(
    "--days",
    type=click.IntRange(1, 366),
    default=90,
    show_default=True,
    help="The newest local days.",
)
@click.option(
    "--frames",
    "has_frames",
    is_flag=True,
    help="Show a frame of each camera, its gates drawn: people included.",
)
@blur_option
@click.option(
    "--refresh",
    "refresh_s",
    type=click.IntRange(1),
    metavar="SECONDS",
    help="Have an open page load itself again so often: a dashboard.",
)
@click.option("--quiet", is_flag=True, help="Say nothing but errors.")
def report(
    store: Path,
    out: Path,
    days: int,
    has_frames: bool,
    is_blurred: bool,
    refresh_s: int | None,
    quiet: bool,
) -> int:
    """Draw STORE as one page that needs nothing else: mail it, open it anywhere.

    Hours by day, coverage, failed files, revisions and calibration, what needs
    attention first. It holds no picture of the footage unless --frames asks: then
    the first of each camera's newest file that is still there. With --refresh a
    browser that shows it takes up what a later run of this command drew.

    \b
    Example:
      truckcount report store -o page.html --days 30
      truckcount report store -o page.html --frames --blur-people
      truckcount report store -o /var/www/trucks.html --refresh 600
    """
    from truckcount.errors import ConfigError
    from truckcount.reporting.facts import read_facts
    from truckcount.reporting.page import build_page

    if is_blurred and not has_frames:
        msg = "--blur-people is for --frames: without it the page holds no picture"
        raise click.UsageError(msg)
    facts, frames = read_facts(store, days), None
    if has_frames:
        from truckcount.reporting.frames import take_frames

        frames = take_frames(store, facts, is_blurred=is_blurred)
    page = build_page(facts, frames=frames, refresh_s=refresh_s).encode()
    draft = out.with_name(f".{out.name}.tmp")
    try:
        draft.write_bytes(page)
        draft.replace(out)
    except OSError as error:
        msg = f"{out} cannot be written: {error}"
        raise ConfigError(msg) from error
    if quiet:
        return 0
    say(f"{out}: {len(page) / 1000:.0f} kB")
    for camera, frame in (frames or {}).items():
        if frame.jpeg is None:
            say(f"{camera}: no frame to show; the page says why")
    return 0
