"""`truckcount export`: a store's hours for programs that do not read its files."""

from pathlib import Path

import click

from truckcount.cli._console import give_json, say
from truckcount.cli._options import store_place


@click.group()
def export() -> None:
    """Write what a store holds in formats of others.

    \b
    Example:
      truckcount export delta store --to lake/hours
    """


@export.command("delta")
@click.argument("store", callback=store_place)
@click.option(
    "--to",
    "dest",
    metavar="FOLDER",
    required=True,
    help="The Delta table: a folder, or a URL such as s3://bucket/table.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def delta(store: str | Path, dest: str, as_json: bool) -> int:
    """Append the revisions of STORE's hours that a Delta Lake table lacks.

    For many hosts that write one table. Each revision is written once, however often
    this runs. Read the table by `known_at_utc`, the last revision of each hour: a sum
    over its rows would count every revision. Needs the extra `delta`.

    \b
    Example:
      truckcount export delta store --to lake/hours
    """
    from truckcount.errors import ConfigError, FeatureError
    from truckcount.features.export import delta as append_revisions

    try:
        n_rows = append_revisions(store, dest)
    except FeatureError as error:
        raise ConfigError(str(error)) from error  # an extra or a place: exit code 2
    if as_json:
        give_json({"table": dest, "n_appended": n_rows})
    else:
        say(f"{dest}: {n_rows} revisions appended" if n_rows else f"{dest}: up to date")
    return 0
