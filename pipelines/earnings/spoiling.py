"""A world to the same world in which all facts known after a moment are random."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.earnings.forecasts import Floats
from pipelines.earnings.world import Sales, World
from truckcount.store.schema import schema_of

TOLD_AFTER = pd.Timedelta(hours=1)


def spoil_world(
    world: World, folder: Path, after: pd.Timestamp, rng: np.random.Generator
) -> World:
    """Copy a world; what is known up to ``after`` stays, the rest is noise.

    Hours known later are randomised. Calendar, site map, bridges and calibrations,
    which this world knows from its beginning, are told anew an hour later, at random.
    """
    store = folder
    shutil.copytree(world.store, store)
    names: dict[str, set[str]] = {}
    for path in store.glob("history/*/*.parquet"):
        audits = _spoil_hours(path, after, rng)
        names.setdefault(path.parent.name, set()).update(audits)
    told = after + TOLD_AFTER
    for camera, audits in names.items():
        _write_calibrations(store, camera, sorted(audits), told, rng)
    return replace(
        world,
        store=store,
        sales=_spoil_sales(world, after, rng),
        site_map=_tell_anew(
            world.site_map, told, weight=rng.uniform(0.1, 0.9, len(world.site_map))
        ),
        calendar=_tell_anew(
            world.calendar, told, **_shift(world.calendar, int(rng.integers(1, 60)))
        ),
        bridges=_tell_anew(
            world.bridges, told, ratio=rng.uniform(0.5, 2, len(world.bridges))
        ),
    )


def _tell_anew(
    table: pd.DataFrame, told: pd.Timestamp, **changes: object
) -> pd.DataFrame:
    """Append a table's lines once more, changed, and known at a later moment."""
    if "known_at_utc" not in table:
        never = pd.Series(pd.NaT, table.index, "datetime64[us, UTC]")
        table = table.assign(known_at_utc=never)
    late = table.assign(**changes, known_at_utc=told)
    filled = [name for name in changes if name not in table]
    return pd.concat(
        [table.assign(**dict.fromkeys(filled, 1.0)), late], ignore_index=True
    )


def _shift(calendar: pd.DataFrame, n_days: int) -> dict[str, list[object]]:
    shift = timedelta(days=n_days)
    return {
        name: [day + shift for day in calendar[name]]
        for name in ("start_date", "end_date")
    }


def _spoil_sales(world: World, after: pd.Timestamp, rng: np.random.Generator) -> Sales:
    """Draw sales anew that are not announced at a decision, and later consensus."""
    times = np.sort(world.decisions["decision_utc"].unique())
    n_later = int((pd.DatetimeIndex(times) > after).sum())
    growth, consensus = world.sales.growth.copy(), world.sales.consensus.copy()
    for values, n in ((growth, n_later + 1), (consensus, n_later)):
        late = values[:, values.shape[1] - n :]
        late[:] = rng.standard_normal(late.shape)
    return replace(world.sales, growth=growth, consensus=consensus)


def _spoil_hours(path: Path, after: pd.Timestamp, rng: np.random.Generator) -> set[str]:
    """Randomise the rows of a file known later; return the calibrations it names."""
    table = pq.read_table(path, partitioning=None)
    names = set(table["calibration_id"].unique().to_pylist()) - {None}
    is_late = table["known_at_utc"].to_numpy() > after.to_datetime64()
    if not is_late.any():
        return names
    for name, values in _noise(len(table), rng):
        place = table.schema.get_field_index(name)
        kind = table.schema.field(place).type
        old = table[name].to_numpy()
        mixed = np.where(is_late, values, old)
        spoiled = pa.array(mixed, mask=np.isnan(mixed)).cast(kind)
        table = table.set_column(place, table.schema.field(place), spoiled)
    pq.write_table(table, path)
    return names


def _noise(n: int, rng: np.random.Generator) -> Iterator[tuple[str, Floats]]:
    yield "n_trucks", rng.integers(0, 1000, n).astype(float)
    yield "n_trucks_est", rng.random(n) * 1000
    yield "coverage_s", rng.random(n) * 3600


def _write_calibrations(
    store: Path,
    camera: str,
    names: list[str],
    told: pd.Timestamp,
    rng: np.random.Generator,
) -> None:
    """Write calibrations under the names of a camera's own, with any factor."""
    values = {
        "calibration_id": pa.array(names, pa.string()),
        "factor": pa.array(rng.uniform(0.5, 2, len(names))),
        "factor_se": pa.array(rng.uniform(0.01, 0.5, len(names))),
        "known_at_utc": pa.array([told.to_pydatetime()] * len(names)),
    }
    constants = {"camera": camera, "gate": "exit", "direction": "out", "regime": "all"}
    schema = schema_of("calibrations")
    arrays = []
    for field in schema:
        if field.name in values:
            arrays.append(values[field.name].cast(field.type))
            continue
        empty: object = [] if pa.types.is_list(field.type) else 0
        empty = "" if pa.types.is_string(field.type) else empty
        given = pa.scalar(constants.get(field.name, empty), field.type)
        arrays.append(pa.repeat(given, len(names)))
    folder = store / "calibrations" / camera
    folder.mkdir(parents=True)
    pq.write_table(pa.Table.from_arrays(arrays, schema=schema), folder / "all.parquet")
