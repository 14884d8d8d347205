"""`truckcount hours`: what a store says."""

from pathlib import Path
from typing import Any

import click

from truckcount.cli._console import give, give_json, say
from truckcount.cli._options import (
    check_camera,
    check_iso_time,
    check_moment,
    check_order,
    explain_none,
    in_utc,
    once,
    store_place,
)
from truckcount.cli.run import hour_table


@click.command()
@click.argument("store", callback=store_place)
@once("--camera", help="Only this camera.")
@click.option(
    "--from", "from_utc", callback=check_iso_time, help="From this time on, ISO-8601."
)
@click.option(
    "--to", "to_utc", callback=check_iso_time, help="Before this time, ISO-8601."
)
@click.option(
    "--as-of",
    callback=check_moment,
    help="As known at this moment, ISO-8601 with zone.",
)
@click.option("--local", is_flag=True, help="Show local wall-clock hours.")
@click.option("--csv", "as_csv", is_flag=True, help="Comma-separated; null is empty.")
@click.option("--json", "as_json", is_flag=True, help="A list of objects.")
def hours(
    store: str | Path,
    camera: str | None,
    from_utc: str | None,
    to_utc: str | None,
    as_of: str | None,
    local: bool,
    as_csv: bool,
    as_json: bool,
) -> int:
    """Print the hours of STORE, a folder or a URL.

    `-` is an hour nobody watched, never 0.

    \b
    Example:
      truckcount hours store --camera dc-north --from 2026-03-01 --csv
      truckcount hours store --as-of 2026-03-03T06:00Z
    """
    from truckcount.store.read import read_hours

    check_order(from_utc, to_utc)
    if camera is not None:
        check_camera(store, camera)
    if as_of is None and isinstance(store, Path):
        table = read_hours(store, camera=camera, start=from_utc, end=to_utc)
    else:
        table = _read_as_of(store, as_of, camera, from_utc, to_utc)
    rows: list[dict[str, Any]] = table.to_pylist()
    if as_json:
        give_json(rows)
    elif as_csv:
        give(_csv(rows, table.column_names))
    elif rows:
        give(hour_table(rows, is_local=local))
    else:
        give("no hours")
    if not rows:
        say(explain_none(store, camera, as_of))
    return 0


def _read_as_of(
    store: str | Path,
    as_of: str | None,
    camera: str | None,
    from_utc: str | None,
    to_utc: str | None,
) -> Any:
    """Read what was known then, or now; an hour that lacks a row is not there."""
    import pyarrow as pa

    from truckcount.features import load_hours
    from truckcount.store.schema import schema_of

    frame = load_hours(
        store,
        as_of,
        start=in_utc(from_utc),
        end=in_utc(to_utc),
        cameras=None if camera is None else [camera],
        direction=None,
        on_missing="ignore",
    )
    return pa.Table.from_pandas(frame, schema=schema_of("hours"), preserve_index=False)


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
