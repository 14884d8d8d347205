"""`truckcount report`: a store on one page."""

from pathlib import Path

import click

from truckcount.cli._console import say


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    default="report.html",
    show_default=True,
)
@click.option(
    "--days",
    type=click.IntRange(1, 366),
    default=90,
    show_default=True,
    help="The newest local days.",
)
def report(store: Path, out: Path, days: int) -> int:
    """Draw STORE as one page that needs nothing else: mail it, open it anywhere.

    Hours by day, coverage, failed files, revisions and calibration, what needs
    attention first. It holds no picture of the footage.

    \b
    Example:
      truckcount report store -o page.html --days 30
    """
    from truckcount.errors import ConfigError
    from truckcount.reporting.facts import read_facts
    from truckcount.reporting.page import build_page

    page = build_page(read_facts(store, days)).encode()
    draft = out.with_name(f".{out.name}.tmp")
    try:
        draft.write_bytes(page)
        draft.replace(out)
    except OSError as error:
        msg = f"{out} cannot be written: {error}"
        raise ConfigError(msg) from error
    say(f"{out}: {len(page) / 1000:.0f} kB")
    return 0
