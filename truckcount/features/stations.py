"""A store's copy of `cameras.toml` and given ids to the stations of FHWA's records."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from truckcount.errors import FeatureError
from truckcount.features.files import StoreFiles
from truckcount.store.registry import CAMERAS

COMPASS = range(1, 9)  # 1 north, clockwise to 8 north-west
NORTH_SOUTH, EAST_WEST = 9, 0  # TMG: both directions of an axis in one
STATION_ID = re.compile(r"[A-Za-z0-9]{1,6}")
STATE_FIPS = re.compile(r"[0-9]{2}")

GateKey = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """What FHWA's record says of a gate and direction that the store does not."""

    state_fips: str
    station_id: str
    direction_code: int
    """1 north, clockwise to 8 north-west; 9 and 0 both directions in one: 9 of a
    road from north or north-east, 0 of one from east or south-east."""
    lane: int = 0
    """0 is all lanes of the direction."""
    functional_class: str = ""


def read_stations(
    store: str | Path, state_fips: str, ids: Mapping[GateKey, str]
) -> dict[tuple[str, str, str], Station]:
    """Return the stations of gates whose ids are given, by `compass_out` of each.

    Parameters
    ----------
    store : path or fsspec URL
        Its copy of ``cameras.toml`` says which way ``out`` is.
    state_fips : str
        Two digits.
    ids : mapping of (camera, gate) to str
        One to six letters and digits each.

    Returns
    -------
    dict of (camera, gate, direction) to Station
        ``out`` and ``in``, its opposite; ``any`` of a gate without directions, as
        both directions of that road.

    Raises
    ------
    FeatureError
        When an id cannot be FHWA's, or a gate is not in the copy or has no
        ``compass_out`` there.
    """
    if not STATE_FIPS.fullmatch(state_fips):
        msg = f"a state is two digits (FIPS), as 32 for Nevada, got {state_fips!r}"
        raise FeatureError(msg)
    gates = _read_gates(store)
    stations = {}
    for (camera, gate), station_id in ids.items():
        if not STATION_ID.fullmatch(station_id):
            msg = (
                f"{camera}/{gate}: a station id is 1-6 letters and digits, got "
                f"{station_id!r}"
            )
            raise FeatureError(msg)
        for direction, code in _codes(camera, gate, gates).items():
            stations[camera, gate, direction] = Station(
                state_fips=state_fips, station_id=station_id, direction_code=code
            )
    return stations


def _read_gates(store: str | Path) -> dict[GateKey, dict[str, object]]:
    text = StoreFiles.open(store).read_text(CAMERAS)
    if text is None:
        msg = (
            f"{store} has no copy of cameras.toml, which says which way `out` is; run "
            "once with --cameras"
        )
        raise FeatureError(msg)
    cameras = tomllib.loads(text).get("cameras", {})
    return {
        (camera, gate["name"]): gate
        for camera, body in cameras.items()
        for gate in body.get("gates", ())
    }


def _codes(
    camera: str, gate: str, gates: Mapping[GateKey, dict[str, object]]
) -> dict[str, int]:
    """Return FHWA's direction code of each direction of a gate."""
    body = gates.get((camera, gate))
    if body is None:
        has = ", ".join("/".join(key) for key in sorted(gates)) or "none"
        msg = f"no gate {camera}/{gate} in the store's cameras.toml; it has {has}"
        raise FeatureError(msg)
    out = body.get("compass_out")
    if not isinstance(out, int) or out not in COMPASS:
        found = "is missing" if out is None else f"is {out!r}"
        msg = (
            f"{camera}/{gate}: compass_out in cameras.toml {found}; give 1 (north), "
            "clockwise to 8 (north-west), and run once with that file"
        )
        raise FeatureError(msg)
    opposite = (out + 3) % 8 + 1
    if "in" in body:
        return {"out": out, "in": opposite}
    return {"any": NORTH_SOUTH if min(out, opposite) in (1, 2) else EAST_WEST}
