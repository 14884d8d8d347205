"""`truckcount hours`: what a store says."""

from pathlib import Path
from typing import Any

import click

from truckcount.cli._console import give, give_json
from truckcount.cli._options import check_iso_time
from truckcount.cli.run import hour_table


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option("--camera", help="Only this camera.")
@click.option(
    "--from", "from_utc", callback=check_iso_time, help="From this time on, ISO-8601."
)
@click.option(
    "--to", "to_utc", callback=check_iso_time, help="Before this time, ISO-8601."
)
@click.option("--local", is_flag=True, help="Show local wall-clock hours.")
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated; null is empty.")
@click.option("--json", "as_json", is_flag=True, help="A list of objects.")
def hours(
    store: Path,
    camera: str | None,
    from_utc: str | None,
    to_utc: str | None,
    local: bool,
    as_csv: bool,
    as_json: bool,
) -> int:
    """Print the hours of STORE; `-` is an hour nobody watched, never 0.

    \b
    Example:
      truckcount hours store --camera dc-north --from 2026-03-01 --csv
    """
    from truckcount.store.read import read_hours

    table = read_hours(store, camera=camera, start=from_utc, end=to_utc)
    rows: list[dict[str, Any]] = table.to_pylist()
    if as_json:
        give_json(rows)
    elif as_csv:
        give(_csv(rows, table.column_names))
    elif rows:
        give(hour_table(rows, is_local=local))
    else:
        give("no hours")
    return 0


def _csv(rows: list[dict[str, Any]], names: list[str]) -> str:
    import csv
    import io

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for row in rows:
        writer.writerow(
            v.isoformat().replace("+00:00", "Z") if hasattr(v, "isoformat") else v
            for v in row.values()
        )
    return out.getvalue().rstrip("\n")
