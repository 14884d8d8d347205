"""Calibration factors carried into rows of hours and bins, and taken out again."""

from collections.abc import Mapping, Sequence
from typing import Any

from truckcount.domain.calibration import Calibration, pick_calibration
from truckcount.store.layout import to_us

STILLS = "stills"  # their estimate rests on dwell, not on trucks counted


def carry_factor(
    row: Mapping[str, Any], calibrations: Sequence[Calibration], known_by_us: int
) -> dict[str, Any]:
    """Return an uncalibrated row with the factor known by then, where there is one.

    Parameters
    ----------
    row : mapping
        A row of ``hours`` or of bins whose estimate is as the machine counted.
        Watched too short for an estimate it names its factor all the same: roll-ups
        use its count.
    """
    start = row["hour_start_utc" if "hour_start_utc" in row else "bin_start_utc"]
    found = None
    if row["n_trucks"] is not None and row["source_kind"] != STILLS:
        found = pick_calibration(
            calibrations,
            gate=row["gate"],
            direction=row["direction"],
            config_hash=row["config_hash"],
            hour_us=to_us(start),
            local_hour=row["local_start"].hour,
            known_by_us=known_by_us,
        )
    if found is None:
        return {**row, "calibration_id": None}
    named = {**row, "calibration_id": found.calibration_id}
    seen, exposure_se = row["n_trucks_est"], row["n_trucks_se_indep"]
    if seen is None:
        return named
    est, se, indep = found.apply(seen, exposure_se * _phi(found, row) ** 0.5)
    return named | _estimates(est, se, indep)


def drop_factor(
    row: Mapping[str, Any], calibrations: Mapping[str, Calibration]
) -> dict[str, Any]:
    """Return a row as it was before its factor, up to rounding errors.

    Parameters
    ----------
    calibrations : mapping of calibration_id to Calibration

    Raises
    ------
    KeyError
        When the row's calibration is not among them.
    """
    name = row["calibration_id"]
    if name is None:
        return dict(row)
    used = calibrations[name]
    bare = {**row, "calibration_id": None}
    if row["n_trucks_est"] is None:
        return bare
    seen, se = used.undo(row["n_trucks_est"], row["n_trucks_se_indep"])
    se /= _phi(used, row) ** 0.5
    return bare | _estimates(seen, se, se)


def _phi(calibration: Calibration, row: Mapping[str, Any]) -> float:
    # clips on a cycle carry the spread that was found among them
    return calibration.phi if row["source_kind"] == "video" else 1.0


def _estimates(est: float, se: float, indep: float) -> dict[str, float]:
    return {"n_trucks_est": est, "n_trucks_se": se, "n_trucks_se_indep": indep}
