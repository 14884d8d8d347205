"""What must hold of the calibrations that a camera's hours carry."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from truckcount.domain.calibration import Calibration, latest_revisions
from truckcount.store.hour_invariants import CLOCK_SLACK_US, Broken, Rows, where_of
from truckcount.store.layout import from_us, to_us


def check_calibrations(
    camera: str, hours: Rows, calibrations: Sequence[Calibration]
) -> Iterator[Broken]:
    """Check that each calibration used is there, active, and of this very hour.

    Parameters
    ----------
    calibrations : sequence of Calibration
        The camera's, every revision: hours carry no other camera's.
    """
    known: dict[str, list[Calibration]] = defaultdict(list)
    for calibration in calibrations:
        known[calibration.calibration_id].append(calibration)
    for row in hours:
        name = row["calibration_id"]
        if name is None:
            continue
        why = _misfit(camera, row, known[name])
        if why is not None:
            hour = f"{row['hour_start_utc']:%Y-%m-%dT%H:%MZ}"
            what = (
                f"calibration {name} {why}; put calibrations/{camera}/all.parquet back "
                "from a backup, or take the factor out with `truckcount recount STORE "
                f"--camera {camera} --from {hour}`, then `truckcount calibrate STORE "
                "--publish`"
            )
            yield Broken("F14", where_of(camera, row), what)


def _misfit(
    camera: str, row: Mapping[str, Any], revisions: Sequence[Calibration]
) -> str | None:
    """Say why an hour may not carry a calibration; None where it may."""
    if not revisions:
        return "is not there"
    known_us = to_us(row["known_at_utc"])
    whys: list[str | None] = []
    # with and without the slack of clocks: one that ended a minute later did hold
    for by_us in (known_us, known_us + CLOCK_SLACK_US):
        for latest in latest_revisions(revisions, by_us).values():
            whys.append(_misfit_of(camera, row, latest))
    if not whys:
        first = from_us(min(c.known_at_us for c in revisions))
        return f"was known from {first} on, after the hour that carries it"
    return None if None in whys else whys[-1]


def _misfit_of(camera: str, row: Mapping[str, Any], c: Calibration) -> str | None:
    for name, wanted in (
        ("camera", camera),
        ("gate", row["gate"]),
        ("direction", row["direction"]),
        ("config_hash", row["config_hash"]),
    ):
        if getattr(c, name) != wanted:
            return f"is of {name} {getattr(c, name)}, the hour of {wanted}"
    if c.status == "withdrawn":
        return f"was withdrawn at {from_us(c.known_at_us)}"
    if not c.is_for(to_us(row["hour_start_utc"]), row["local_start"].hour):
        begin = from_us(c.valid_from_us)
        end = "now" if c.valid_to_us is None else str(from_us(c.valid_to_us))
        return f"holds from {begin} to {end}, regime {c.regime}: not in this hour"
    return None
