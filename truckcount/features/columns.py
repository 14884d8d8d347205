"""A frame of hours to arrays, once for all its gates: frames are slow to cut up."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from truckcount.features.moments import Int64s, as_us

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
ESTIMATES = ("n_trucks_est", "n_trucks_se", "n_trucks_se_indep")
BY_ESTIMATE = ("stills", "duty")
"""Kinds of source whose hours are known by their estimate, not by their seconds."""


@dataclass(frozen=True, slots=True)
class Names:
    """A column of few different names: codes, -1 where there is none."""

    codes: Int64s
    names: tuple[str, ...]

    @classmethod
    def of(cls, rows: pd.DataFrame, column: str) -> "Names | None":
        """Encode a column; None where the frame has none."""
        if column not in rows:
            return None
        codes, names = pd.factorize(rows[column])
        return cls(codes.astype(np.int64), tuple(str(name) for name in names))

    def spread(self, value_of: dict[str, float], otherwise: float) -> Floats:
        """Return the value of each row's name."""
        values = [value_of.get(name, otherwise) for name in self.names]
        return np.array([*values, otherwise])[self.codes]


@dataclass(frozen=True, slots=True, kw_only=True)
class HourColumns:
    """What roll-ups need of rows of hours or bins; arrays of shape (n,)."""

    minutes: int
    start_us: Int64s
    zone: Names
    coverage_s: Floats
    n_trucks: Floats
    """NaN where nobody watched."""
    est: Floats | None
    se: Floats | None
    se_indep: Floats | None
    is_still: Bools | None
    is_duty: Bools | None
    bin_hours: Floats | None
    known_us: Int64s | None
    calibration: Names | None
    config: Names | None

    def __len__(self) -> int:
        return len(self.start_us)

    @classmethod
    def of(cls, rows: pd.DataFrame) -> "HourColumns":
        """Read a frame of `load_hours` or `load_bins`."""
        minutes = 60
        if "bin_minutes" in rows and len(rows):
            minutes = int(rows["bin_minutes"].iloc[0])
        zone = Names.of(rows, "tz")
        kind = Names.of(rows, "source_kind")
        stills, duty = (_is_kind(rows, kind, name) for name in BY_ESTIMATE)
        est, se, se_indep = (
            None if stills is None and duty is None else _floats(rows, name)
            for name in ESTIMATES
        )
        return cls(
            minutes=minutes,
            start_us=as_us(
                rows["hour_start_utc" if minutes == 60 else "bin_start_utc"]
            ),
            zone=Names(np.full(len(rows), -1), ()) if zone is None else zone,
            coverage_s=_floats(rows, "coverage_s"),
            n_trucks=_floats(rows, "n_trucks"),
            est=est,
            se=se,
            se_indep=se_indep,
            is_still=stills,
            is_duty=duty,
            bin_hours=_floats(rows, "bin_minutes") / 60
            if "bin_minutes" in rows
            else None,
            known_us=as_us(rows["known_at_utc"]) if "known_at_utc" in rows else None,
            calibration=Names.of(rows, "calibration_id"),
            config=Names.of(rows, "config_hash"),
        )

    def take(self, at: Any) -> "HourColumns":
        """Return some rows, by positions, a mask or a slice."""
        cut: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                cut[field.name] = value[at]
            elif isinstance(value, Names):
                cut[field.name] = Names(value.codes[at], value.names)
        return replace(self, **cut)


def positions_of(
    rows: pd.DataFrame, keys: Sequence[str]
) -> list[tuple[tuple[str, ...], Int64s]]:
    """Return the positions of each group of rows, groups in order of their names."""
    encoded = [
        Names.of(rows, key) or Names(np.zeros(len(rows), int), ("",)) for key in keys
    ]
    group = np.zeros(len(rows), np.int64)
    for column in encoded:
        group = group * (len(column.names) + 1) + column.codes + 1
    order = np.argsort(group, kind="stable")
    bounds = np.flatnonzero(np.diff(group[order])) + 1
    found = []
    for positions in np.split(order, bounds) if len(order) else ():
        first = positions[0]
        name = tuple(column.names[column.codes[first]] for column in encoded)
        found.append((name, positions))
    return sorted(found, key=lambda pair: pair[0])


def _is_kind(rows: pd.DataFrame, kind: Names | None, name: str) -> Bools | None:
    """Mark the rows of a kind; None without any, or without their estimates."""
    if kind is None or name not in kind.names or ESTIMATES[0] not in rows:
        return None
    is_of_kind: Bools = kind.codes == kind.names.index(name)
    return is_of_kind


def _floats(rows: pd.DataFrame, name: str) -> Floats:
    values = rows[name].to_numpy(dtype="float64", na_value=np.nan)
    return np.array(values, dtype=np.float64)
