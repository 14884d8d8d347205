"""`truckcount export`: a store's hours for programs that do not read its files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from truckcount.cli._console import give_json, say
from truckcount.cli._options import (
    check_camera,
    check_iso_time,
    check_moment,
    check_order,
    explain_none,
    in_utc,
    store_place,
)

out_option = click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file to write, outside of the store.",
)
from_option = click.option(
    "--from", "from_utc", callback=check_iso_time, help="From this time on, ISO-8601."
)
to_option = click.option(
    "--to", "to_utc", callback=check_iso_time, help="Before this time, ISO-8601."
)
as_of_option = click.option(
    "--as-of",
    callback=check_moment,
    help="As known at this moment, ISO-8601 with zone.",
)


@click.group()
def export() -> None:
    """Write what a store holds in formats of others.

    \b
    Example:
      truckcount export csv store -o hours.csv
    """


@contextmanager
def _as_usage_errors(out: Path) -> Iterator[None]:
    """Turn a place or a name that cannot be into exit code 2; a lost hour is none."""
    from truckcount.errors import ConfigError, FeatureError, MissingHoursError

    try:
        yield
    except MissingHoursError:
        raise
    except FeatureError as error:
        raise ConfigError(str(error)) from error
    except OSError as error:
        msg = f"{out} cannot be written: {error.strerror}"
        raise ConfigError(msg) from error


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


@export.command("csv")
@click.argument("store", callback=store_place)
@out_option
@click.option("--camera", help="Only this camera.")
@from_option
@to_option
@as_of_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def csv(
    store: str | Path,
    out: Path,
    camera: str | None,
    from_utc: str | None,
    to_utc: str | None,
    as_of: str | None,
    as_json: bool,
) -> int:
    """Write the hours of STORE as CSV: all columns, all directions.

    An empty field is null, which an hour that nobody watched has; 0 is zero. Times
    are ISO-8601 with Z. The first line is `# tc.schema_version=...`: skip it, as
    `pd.read_csv("hours.csv", comment="#")` does. An hour that should have a row and
    has none is an error.

    \b
    Example:
      truckcount export csv store -o hours.csv
      truckcount export csv store -o march.csv --camera dc-north --from 2026-03-01
      truckcount export csv store -o then.csv --as-of 2026-03-03T06:00Z
    """
    from truckcount.features.export import csv as write_csv

    check_order(from_utc, to_utc)
    if camera is not None:
        check_camera(store, camera)
    with _as_usage_errors(out):
        n_rows = write_csv(
            store,
            out,
            as_of,
            start=in_utc(from_utc),
            end=in_utc(to_utc),
            cameras=None if camera is None else [camera],
        )
    if as_json:
        give_json({"file": str(out), "n_rows": n_rows})
    else:
        say(f"{out}: {n_rows} rows")
    if not n_rows:
        say(explain_none(store, camera, as_of))
    return 0


def _station_ids(
    _ctx: click.Context, _param: click.Parameter, values: tuple[str, ...]
) -> dict[tuple[str, str], str]:
    """Take ``CAMERA/GATE=ID`` apart."""
    ids = {}
    for value in values:
        place, _, station_id = value.partition("=")
        camera, _, gate = place.partition("/")
        if not (camera and gate and station_id):
            msg = f"{value!r}: want CAMERA/GATE=ID, as dc-north/main=RENO01"
            raise click.BadParameter(msg)
        if (camera, gate) in ids:
            msg = f"{camera}/{gate} is given twice"
            raise click.BadParameter(msg)
        ids[camera, gate] = station_id
    return ids


@export.command("tmg")
@click.argument("store", callback=store_place)
@out_option
@click.option(
    "--state", "state_fips", required=True, metavar="FIPS", help="Two digits, as 32."
)
@click.option(
    "--station",
    "ids",
    multiple=True,
    required=True,
    callback=_station_ids,
    metavar="CAMERA/GATE=ID",
    help="A gate and its station id; once for each gate.",
)
@from_option
@to_option
@as_of_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def tmg(
    store: str | Path,
    out: Path,
    state_fips: str,
    ids: dict[tuple[str, str], str],
    from_utc: str | None,
    to_utc: str | None,
    as_of: str | None,
    as_json: bool,
) -> int:
    """Write hourly volume records of FHWA's Traffic Monitoring Guide.

    One line a station, direction and local day, fields set apart by `|`. A day of
    which an hour was not watched is left out and named, never filled with zeros.
    Which way `out` is says `compass_out` in the `cameras.toml` of the last run: 1
    north, clockwise to 8 north-west; `in` is its opposite. Trucks alone, without
    classes; those of unknown direction are in no record.

    \b
    Example:
      truckcount export tmg store -o v.txt --state 32 --station dc-north/main=RENO01
    """
    from truckcount.features.export import read_stations
    from truckcount.features.export import tmg as write_records

    check_order(from_utc, to_utc)
    for camera, _ in ids:
        check_camera(store, camera)
    with _as_usage_errors(out):
        stations = read_stations(store, state_fips, ids)
        left_out = write_records(
            store,
            out,
            stations,
            as_of,
            start=in_utc(from_utc),
            end=in_utc(to_utc),
            cameras=sorted({camera for camera, _ in ids}),
        )
    n_days = len(out.read_text(encoding="utf-8").splitlines())
    if as_json:
        give_json({"file": str(out), "n_records": n_days, "left_out": left_out})
    else:
        for day in left_out:
            say(f"left out, not watched whole: {day}")
        say(f"{out}: {n_days} records, {len(left_out)} days left out")
    return 0
