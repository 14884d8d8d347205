"""The store's copy of `cameras.toml` to the time in which each gate is valid."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from truckcount.errors import StoreError
from truckcount.store.layout import to_us

Validity = tuple[int | None, int | None]
"""From and to, microseconds UTC; None is open."""


def read_validity(root: Path) -> dict[tuple[str, str], Validity]:
    """Return the validity of every (camera, gate) that was configured with one.

    Raises
    ------
    StoreError
        When the copy cannot be read.
    """
    path = root / "_meta" / "cameras.toml"
    if not path.exists():
        return {}
    try:
        cameras = tomllib.loads(path.read_text(encoding="utf-8"))["cameras"]
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, KeyError) as error:
        msg = f"{path} is damaged ({error!r}); run again with --cameras to renew it"
        raise StoreError(msg) from error
    found: dict[tuple[str, str], Validity] = {}
    for camera, body in cameras.items():
        for gate in body.get("gates") or [{"name": "frame"}]:
            own = body | gate
            span = (_moment(own, "active_from"), _moment(own, "active_to"))
            if span != (None, None):
                found[camera, gate["name"]] = span
    return found


def _moment(body: dict[str, Any], key: str) -> int | None:
    value = body.get(key)
    return to_us(value.astimezone(UTC)) if isinstance(value, datetime) else None
