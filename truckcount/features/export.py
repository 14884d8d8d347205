"""Hours to files that others read: CSV, FHWA hourly volume records, Delta Lake."""

import csv as csv_file
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from truckcount.errors import FeatureError
from truckcount.features.calendars import bins_between, day_number
from truckcount.features.files import StoreFiles
from truckcount.features.load import load_hours
from truckcount.features.moments import Moment, as_us
from truckcount.features.stations import Station, read_stations
from truckcount.store.schema import SCHEMA_VERSION, schema_of

HOURS_OF_DAY = tuple(range(24))
REVISION_KEY = ("camera", "gate", "direction", "hour_start_utc", "revision")
ANSI = re.compile(r"\x1b\[[0-9;]*m")  # delta-rs colours its errors
FULL_SHARE = 3599.0  # seconds: an hour watched whole has no missed time
US_PER_HOUR = 3_600_000_000

__all__ = ["Station", "csv", "delta", "read_stations", "tmg"]


def csv(
    store: str | Path, dest: str | Path, as_of: Moment | None = None, **options: Any
) -> int:
    """Write the hours as CSV: ISO-8601 times with Z, null empty, zero ``0``.

    The first line is ``# tc.schema_version=1``. Options as of `load_hours`;
    all directions by default.

    Returns
    -------
    int
        Rows written.
    """
    _check_outside(StoreFiles.open(store), str(dest))
    hours = load_hours(store, as_of, **{"direction": None, **options})
    with Path(dest).open("w", encoding="utf-8", newline="") as file:
        file.write(f"# tc.schema_version={SCHEMA_VERSION}\n")
        writer = csv_file.writer(file, lineterminator="\n")
        writer.writerow(hours.columns)
        columns = [_spell(hours[name]) for name in hours.columns]
        writer.writerows(zip(*columns, strict=True))
    return len(hours)


def tmg(
    store: str | Path,
    dest: str | Path,
    stations: dict[tuple[str, str, str], Station],
    as_of: Moment | None = None,
    **options: Any,
) -> list[str]:
    """Write pipe-delimited hourly volume records, one a local day.

    Parameters
    ----------
    stations : mapping of (camera, gate, direction) to Station
        As `read_stations` gives them; other gates and directions are no lines.

    Returns
    -------
    list of str
        Days that were left out since an hour of them was not watched: a record
        has no null, and a zero would be a lie.

    Notes
    -----
    An hour counts as estimated where it was partly watched or has a calibration, as
    counted where it was watched whole and has none: so all hours of a day are on
    one scale. The repeated hour of autumn is added to the first; the hour
    that spring leaves out is empty. Trucks alone, without FHWA's classes.

    References
    ----------
    FHWA Traffic Monitoring Guide. The order of the fields is that of its hourly
    traffic volume record (2013 edition, table 7-9), which the 2022 edition, chapter
    4, lets be pipe-delimited: compare it with your edition before you submit.
    """
    _check_outside(StoreFiles.open(store), str(dest))
    hours = load_hours(store, as_of, **{"direction": None, **options})
    lines, left_out = [], []
    keys = ["camera", "gate", "direction"]
    for key, rows in hours.groupby(keys, sort=True):
        station = stations.get(tuple(str(k) for k in key))  # type: ignore[arg-type]
        if station is None:
            continue
        for day, volumes in _local_days(rows):
            if volumes is None:
                left_out.append(f"{'/'.join(map(str, key))} {day:%Y-%m-%d}")
            else:
                lines.append("|".join(_record(station, day, volumes)))
    Path(dest).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return left_out


def delta(store: str | Path, dest: str) -> int:
    """Append the revisions that a Delta table lacks; needs the extra ``delta``.

    Read it by ``known_at_utc`` as `load_hours` reads ``history``: a plain read of
    its folder would count every revision.

    Parameters
    ----------
    dest : str
        A folder outside the store, or a URL that deltalake writes to.

    Returns
    -------
    int
        Rows appended.

    Raises
    ------
    FeatureError
        When deltalake is not installed, or the table cannot be read or written.
    """
    try:
        from deltalake import DeltaTable, write_deltalake
        from deltalake.exceptions import DeltaError
    except ImportError as error:
        msg = "a Delta table needs deltalake: pip install 'truckcount[delta]'"
        raise FeatureError(msg) from error
    files = StoreFiles.open(store)
    _check_outside(files, dest)
    parts = [
        files.read("history", camera, files.periods("history", camera))
        for camera in files.cameras("history")
    ]
    table = pa.concat_tables(parts) if parts else schema_of("history").empty_table()
    try:
        if DeltaTable.is_deltatable(dest):
            there = DeltaTable(dest).to_pyarrow_table(columns=list(REVISION_KEY))
            table = _without(table, there)
        if len(table):
            write_deltalake(dest, table.replace_schema_metadata(None), mode="append")
    except (DeltaError, OSError, pa.ArrowException) as error:
        reason = " ".join(ANSI.sub("", str(error)).split("\n", 1)[0].split())
        msg = (
            f"{dest} cannot be written as a Delta table of revisions ({reason}); name "
            "a new folder, or a table that this command made"
        )
        raise FeatureError(msg) from error
    return len(table)


def _check_outside(files: StoreFiles, dest: str) -> None:
    """Refuse a place inside the store: who reads its folders would read it, too."""
    if files.fs is not None or "://" in dest:
        return
    if Path(dest).resolve().is_relative_to(Path(files.root).resolve()):
        msg = (
            f"{dest} lies in the store {files.root}, whose folders are read as they "
            "are; name a folder outside of it"
        )
        raise FeatureError(msg)


def _without(table: pa.Table, there: pa.Table) -> pa.Table:
    """Return the revisions of a table whose keys are not there yet."""
    there = there.append_column("there", pa.array([True] * len(there)))
    there = there.cast(_widen(there.schema, table.schema))
    found = table.join(there, list(REVISION_KEY))
    return found.filter(pa.compute.is_null(found["there"])).drop(["there"])


def _local_days(
    rows: pd.DataFrame,
) -> Iterable[tuple[pd.Timestamp, list[int | None] | None]]:
    """Yield each local day with its 24 volumes, None where an hour is unknown."""
    local = rows["local_start"]
    starts = as_us(rows["hour_start_utc"])
    zone = str(rows["tz"].iloc[0])
    # the estimate of a whole hour is its count times the factor of its calibration
    is_plain = (rows["coverage_s"] >= FULL_SHARE) & rows["calibration_id"].isna()
    volumes = np.where(
        is_plain,
        rows["n_trucks"].to_numpy("float64", na_value=np.nan),
        rows["n_trucks_est"].to_numpy("float64", na_value=np.nan),
    )
    for day, at in rows.groupby(local.dt.normalize()).indices.items():
        number = day_number(pd.Timestamp(day))
        due = bins_between(number, number + 1, zone, US_PER_HOUR)
        is_whole = len(set(starts[at])) == due and not np.isnan(volumes[at]).any()
        if not is_whole:
            yield pd.Timestamp(day), None
            continue
        hours: list[int | None] = [None] * 24
        sums = np.bincount(local.dt.hour.to_numpy()[at], volumes[at], minlength=24)
        for hour in set(local.dt.hour.to_numpy()[at]):
            hours[hour] = round(float(sums[hour]))
        yield pd.Timestamp(day), hours


def _record(
    station: Station, day: pd.Timestamp, volumes: list[int | None]
) -> list[str]:
    """Spell the fields of one record, in their order."""
    fields = {
        "record_type": "V",
        "state_fips": station.state_fips,
        "functional_class": station.functional_class,
        "station_id": station.station_id,
        "direction": str(station.direction_code),
        "lane": str(station.lane),
        "year": f"{day:%Y}",
        "month": f"{day:%m}",
        "day": f"{day:%d}",
        "day_of_week": str((day.weekday() + 1) % 7 + 1),  # 1 is Sunday
        **{
            f"volume_{hour:02d}": "" if volumes[hour] is None else str(volumes[hour])
            for hour in HOURS_OF_DAY
        },
        "restrictions": "0",
    }
    return list(fields.values())


def _spell(column: pd.Series) -> list[Any]:
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        times = column.dt.tz_convert("UTC").dt.tz_localize(None)
        return [None if pd.isna(t) else f"{t.isoformat()}Z" for t in times]
    if pd.api.types.is_datetime64_dtype(column.dtype):
        return [t.isoformat() for t in column]
    if pd.api.types.is_bool_dtype(column.dtype):
        return ["true" if v else "false" for v in column]
    return [None if pd.isna(v) else v for v in column]


def _widen(narrow: pa.Schema, like: pa.Schema) -> pa.Schema:
    """Give a Delta table's columns the types of ours, so that they can be joined."""
    return pa.schema(
        [like.field(f.name) if f.name in like.names else f for f in narrow]
    )
