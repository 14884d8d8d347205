"""Calibrations of a camera to one file and back."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from truckcount.domain.calibration import Calibration
from truckcount.store.layout import file_path, from_us, to_us
from truckcount.store.publish import publish_table, read_table
from truckcount.store.schema import schema_of

PERIOD = "all"
_TIMES = ("valid_from", "valid_to", "known_at")


def read_calibrations(root: Path, camera: str | None = None) -> list[Calibration]:
    """Read the calibrations of a camera, or of all: every revision, as they came."""
    if camera is None:
        folders = (root / "calibrations").glob("[!._]*")
        names = sorted(p.name for p in folders if p.is_dir())
        return [row for name in names for row in read_calibrations(root, name)]
    path = file_path(root, "calibrations", camera, PERIOD)
    return to_calibrations(read_table(path, "calibrations"))


def to_calibrations(table: pa.Table) -> list[Calibration]:
    """Return the rows of ``calibrations`` as values."""
    return [_from_row(row) for row in table.to_pylist()]


def write_calibrations(root: Path, camera: str, rows: Sequence[Calibration]) -> None:
    """Add calibrations, or revisions of them; hold the camera's lock.

    A revision of the same id and moment replaces: both lie ahead of their readers.
    """
    kept = {_key(row): row for row in read_calibrations(root, camera)}
    kept |= {_key(row): row for row in rows}
    ordered = sorted(kept.values(), key=lambda r: (r.known_at_us, r.calibration_id))
    table = pa.Table.from_pylist(
        [_to_row(row) for row in ordered], schema=schema_of("calibrations")
    )
    path = file_path(root, "calibrations", camera, PERIOD)
    publish_table(table, "calibrations", path)


def _key(row: Calibration) -> tuple[str, int]:
    return row.calibration_id, row.known_at_us


def _to_row(calibration: Calibration) -> dict[str, Any]:
    row: dict[str, Any] = {
        f: getattr(calibration, f) for f in Calibration.__dataclass_fields__
    }
    for name in _TIMES:
        t_us = row.pop(f"{name}_us")
        row[f"{name}_utc"] = None if t_us is None else from_us(t_us)
    row["audit_ids"] = list(calibration.audit_ids)
    return {name: row[name] for name in schema_of("calibrations").names}


def _from_row(row: dict[str, Any]) -> Calibration:
    values = dict(row)
    for name in _TIMES:
        moment = values.pop(f"{name}_utc")
        values[f"{name}_us"] = None if moment is None else to_us(moment)
    values["audit_ids"] = tuple(values["audit_ids"])
    return Calibration(**values)
