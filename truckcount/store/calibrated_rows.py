"""Calibration factors carried into rows of hours and bins, and taken out again."""

from collections.abc import Mapping, Sequence
from typing import Any

from truckcount.domain.calibration import Calibration, pick_calibration
from truckcount.domain.exposure import exposure_se
from truckcount.store.layout import to_us


def carry_factor(
    row: Mapping[str, Any], calibrations: Sequence[Calibration], known_by_us: int
) -> dict[str, Any]:
    """Return an uncalibrated row with the factor known by then, where there is one.

    Parameters
    ----------
    row : mapping
        A row of ``hours`` or of bins whose estimate is as the machine counted, or of
        stills as it follows from the trucks that it saw standing there.
        Watched too short for an estimate it names its factor all the same: roll-ups
        use its count.
    calibrations : sequence of Calibration
        The camera's, every revision.
    """
    start = row["hour_start_utc" if "hour_start_utc" in row else "bin_start_utc"]
    found = None
    if row["n_trucks"] is not None or _is_still(row):
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
    seen, se, own_se = (row[name] for name in _NAMES)
    if seen is None:
        return named
    dwell_se = max(se**2 - own_se**2, 0.0) ** 0.5 if _is_still(row) else 0.0
    # clips on a cycle and stills carry the spread that was found among them
    phi = found.phi if row["source_kind"] == "video" else 1.0
    return named | _estimates(*found.apply(seen, own_se * phi**0.5, dwell_se))


def drop_factor(
    row: Mapping[str, Any], calibrations: Mapping[str, Calibration]
) -> dict[str, Any]:
    """Return a row as it was before its factor, up to rounding errors.

    Parameters
    ----------
    calibrations : mapping of calibration_id to Calibration
        Any revision of each: what it says of the factor is the same in all.

    Raises
    ------
    KeyError
        When the row's calibration is not among them.
    """
    name = row["calibration_id"]
    if name is None:
        return dict(row)
    bare = {**row, "calibration_id": None}
    if row["n_trucks_est"] is None:
        return bare
    seen, own_se, dwell_se = calibrations[name].undo(*(row[n] for n in _NAMES))
    if row["source_kind"] == "video":
        # from what was watched, whichever phi the row was given
        share = row["coverage_s"] / (60.0 * row["bin_minutes"])
        own_se, dwell_se = exposure_se(row["n_trucks"], share), 0.0
    elif not _is_still(row):
        dwell_se = 0.0
    return bare | _estimates(seen, (own_se**2 + dwell_se**2) ** 0.5, own_se)


_NAMES = ("n_trucks_est", "n_trucks_se", "n_trucks_se_indep")


def _estimates(*values: float) -> dict[str, float]:
    return dict(zip(_NAMES, values, strict=True))


def _is_still(row: Mapping[str, Any]) -> bool:
    """Tell whether a row rests on trucks present, not on trucks counted."""
    return bool(row["source_kind"] == "stills") and row["n_trucks_est"] is not None
