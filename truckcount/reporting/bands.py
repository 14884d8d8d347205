"""Hours of audits' factors, of clips and of stills to days with a 95 % interval."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from truckcount.features import rollup
from truckcount.features.columns import BY_ESTIMATE
from truckcount.features.tables import load_calibrations
from truckcount.features.totals import PROFILE_DAYS

Array = npt.NDArray[np.float64]
Z95 = 1.96
GateKey = tuple[str, str]
BAND_COLUMNS = [
    "source_kind",
    "n_trucks_est",
    "n_trucks_se",
    "n_trucks_se_indep",
    "known_at_utc",
]
"""What a band needs beside the columns of the facts."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Band:
    """A gate's estimated days, missed time filled in; arrays of shape (days,)."""

    total: Array
    """NaN on days watched too little for a total."""
    half: Array
    """Half of the 95 % interval."""
    period_total: float
    """Of all days that have a total."""
    period_half: float
    """Half of its interval: the factor's own error adds up, it does not average."""
    n_days: int
    as_seen: tuple[str, ...] = ()
    """Directions none of whose hours carries an audit's factor."""
    is_calibrated: bool = True
    """False where no hour carries a factor: clips or stills, scaled up."""


def find_bands(
    root: Path, table: pa.Table, days: Sequence[date]
) -> dict[GateKey, Band]:
    """Return a band for each gate whose hours in these days carry an estimate.

    Of an audit's factor, or of clips and stills, which tell no more than a part.

    Parameters
    ----------
    table : pa.Table
        Rows of ``hours``, those of the eight weeks before the days among them.
    """
    first = pa.scalar(np.datetime64(days[0], "us"))
    has_factor = pc.is_valid(table["calibration_id"])
    kinds = pc.is_in(table["source_kind"], value_set=pa.array(BY_ESTIMATE))
    is_told = pc.or_(has_factor, pc.and_(kinds, pc.is_valid(table["n_trucks_est"])))
    is_shown = pc.greater_equal(table["local_start"], first)
    named = {key[:2] for key in _keys(table.filter(pc.and_(is_told, is_shown)))}
    if not named:
        return {}
    lead = first.as_py() - timedelta(days=PROFILE_DAYS + 1)
    recent = table.filter(pc.greater_equal(table["local_start"], pa.scalar(lead)))
    # no row of stills but the one of no direction has an estimate, or ever will
    telling = table.filter(
        pc.or_(pc.is_valid(table["n_trucks"]), pc.is_valid(table["n_trucks_est"]))
    )
    told = {key for key in _keys(telling) if key[:2] in named}
    frame = recent.to_pandas()
    keys = zip(frame.camera, frame.gate, frame.direction, strict=True)
    frame = frame[[key in told for key in keys]]
    totals = rollup(frame, "D", calibrations=load_calibrations(root))
    carrying = _keys(table.filter(pc.and_(has_factor, is_shown)))
    seen = told & _keys(table.filter(is_shown))
    return {
        key: replace(
            band,
            as_seen=tuple(sorted(k[2] for k in seen - carrying if k[:2] == key)),
            is_calibrated=any(k[:2] == key for k in carrying),
        )
        for key, band in _bands(totals.to_dict("records"), days)
    }


def _keys(table: pa.Table) -> set[tuple[str, ...]]:
    rows = table.group_by(["camera", "gate", "direction"]).aggregate([]).to_pylist()
    return {(row["camera"], row["gate"], row["direction"]) for row in rows}


def _bands(
    rows: Sequence[dict[str, Any]], days: Sequence[date]
) -> Iterator[tuple[GateKey, Band]]:
    by_gate: dict[GateKey, dict[date, list[dict[str, Any]]]] = {}
    for row in rows:
        day = row["period_start"].date()
        if days[0] <= day < days[-1] + timedelta(days=1):
            of_day = by_gate.setdefault((row["camera"], row["gate"]), {})
            of_day.setdefault(day, []).append(row)
    for key, of_day in by_gate.items():
        sums = [_sum(of_day.get(day, [])) for day in days]
        known = [one for one in sums if not np.isnan(one[0])]
        trucks = sum(total for total, _, _ in known)
        yield (
            key,
            Band(
                total=np.array([total for total, _, _ in sums]),
                half=np.array([_half(variance, s) for _, variance, s in sums]),
                period_total=float(trucks),
                period_half=_half(
                    sum(variance for _, variance, _ in known),
                    _together(shared for _, _, shared in known),
                ),
                n_days=len(known),
            ),
        )


def _sum(rows: Sequence[dict[str, Any]]) -> tuple[float, float, dict[str, float]]:
    """Add up a day's directions: total, independent variance, shared errors."""
    if not rows:
        return float("nan"), float("nan"), {}
    total = float(sum(row["total"] for row in rows))
    variance = float(sum(row["se_indep"] ** 2 for row in rows))
    return total, variance, _together(dict(row["shared"]) for row in rows)


def _together(parts: Any) -> dict[str, float]:
    """Add errors of one calibration up: they go the same way."""
    shared: dict[str, float] = {}
    for part in parts:
        for name, se in part.items():
            shared[name] = shared.get(name, 0.0) + se
    return shared


def _half(variance: float, shared: dict[str, float]) -> float:
    return float(Z95 * (variance + sum(se**2 for se in shared.values())) ** 0.5)
