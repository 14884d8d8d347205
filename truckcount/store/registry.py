"""The store's copies of `cameras.toml`, `gates.csv` to when each gate is valid."""

import csv
import io
import json
import tomllib
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from truckcount.errors import StoreError
from truckcount.store.layout import to_us
from truckcount.store.seals import parse_seals, seals_place
from truckcount.store.store import MIRROR_FILE

Validity = tuple[int | None, int | None]
"""From and to, microseconds UTC; None is open."""
GATES, CAMERAS = "_meta/gates.csv", "_meta/cameras.toml"
FOREVER_US = 2**62


def read_validity(root: Path) -> dict[tuple[str, str], Validity]:
    """Return the validity of every configured (camera, gate) of a folder.

    Raises
    ------
    StoreError
        When a copy cannot be read.
    """

    def read_text(place: str) -> str | None:
        try:
            return (root / place).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except UnicodeDecodeError as error:
            raise _damaged(root / place, error) from error

    return validity_by(read_text)


def validity_by(
    read_text: Callable[[str], str | None], known_by_us: int = FOREVER_US
) -> dict[tuple[str, str], Validity]:
    """Return the time in which every configured (camera, gate) owes this store rows.

    From the lines of ``_meta/gates.csv`` known by then (camera, gate,
    active_from_utc, active_to_utc, known_at_utc; a later line replaces an earlier
    one), else from the copy of ``cameras.toml``. A camera that was deleted begins
    anew after that; one that another writer has in the mirror of this copy owes
    nothing here.

    Parameters
    ----------
    read_text : function of a place in the store
        Gives the text of that file, None where there is none.

    Raises
    ------
    StoreError
        When a copy cannot be read.
    """
    lines, cameras = read_text(GATES), read_text(CAMERAS)
    if lines is not None:
        found = _from_lines(lines, known_by_us)
    else:
        found = {} if cameras is None else _from_toml(cameras)
    if not any(begin is not None for begin, _ in found.values()):
        return found
    mirror = read_text(MIRROR_FILE)
    foreign = {} if mirror is None else json.loads(mirror)["foreign"]
    begins = {camera: _begin(read_text, camera) for camera, _ in found}
    return {
        (camera, gate): (None, None)
        if camera in foreign
        else (None if low is None else max(low, begins[camera]), high)
        for (camera, gate), (low, high) in found.items()
    }


def _begin(read_text: Callable[[str], str | None], camera: str) -> int:
    place = seals_place(camera)
    text = read_text(place)
    return 0 if text is None else parse_seals(text, place).deleted_until_us


def _from_lines(text: str, known_by_us: int) -> dict[tuple[str, str], Validity]:
    latest: dict[tuple[str, str], tuple[int, int | None, int | None]] = {}
    try:
        for line in csv.DictReader(io.StringIO(text)):
            known = _moment(line["known_at_utc"]) or 0
            key = (line["camera"], line["gate"])
            if known <= known_by_us and known >= latest.get(key, (0,))[0]:
                low, high = (
                    _moment(line[f"active_{n}_utc"]) for n in ("from", "to")
                )  # fmt: skip
                latest[key] = (known, low, high)
    except (KeyError, ValueError, TypeError) as error:
        raise _damaged(GATES, error) from error
    return {key: (low, high) for key, (_, low, high) in latest.items()}


def _from_toml(text: str) -> dict[tuple[str, str], Validity]:
    found: dict[tuple[str, str], Validity] = {}
    try:
        for camera, body in tomllib.loads(text).get("cameras", {}).items():
            for gate in body.get("gates") or [{"name": "frame"}]:
                own = body | gate
                low, high = (_moment(own.get(f"active_{n}")) for n in ("from", "to"))
                found[camera, gate["name"]] = (low, high)
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise _damaged(CAMERAS, error) from error
    return found


def _moment(value: Any) -> int | None:
    """Return a moment; a day is midnight UTC, and a time without a zone UTC."""
    if value is None or value == "":
        return None
    if isinstance(value, date) and not isinstance(value, datetime):
        value = value.isoformat()
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return to_us(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _damaged(place: str | Path, error: Exception) -> StoreError:
    return StoreError(
        f"{place} of the store is damaged ({error!r}); put it back from a backup, or "
        "run again with --cameras to renew `cameras.toml`"
    )
