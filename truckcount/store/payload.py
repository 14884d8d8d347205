"""What a row of ``history`` says, without its bookkeeping: equal is nothing new."""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from truckcount.store.schema import schema_of

BOOKKEEPING = frozenset(
    {"known_at_utc", "revision", "is_final", "is_backfill", "cause", "payload_sha"}
)
PAYLOAD = tuple(n for n in schema_of("hours").names if n not in BOOKKEEPING)
ESTIMATES = ("n_trucks_est", "n_trucks_se", "n_trucks_se_indep")
NOISE = 1e-6  # relative, and trucks: what undoing a factor leaves of rounding errors


def payload_sha(row: Mapping[str, Any]) -> str:
    """Hash all columns that are not bookkeeping."""
    text = json.dumps({name: str(row[name]) for name in PAYLOAD}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def is_same_payload(draft: Mapping[str, Any], latest: Mapping[str, Any]) -> bool:
    """Tell whether a draft says what stands already.

    Hours that got a new factor got it from what stood, with the old factor undone;
    counted again, their estimates differ in the last digits: that is no news.

    Parameters
    ----------
    latest : mapping
        With ``payload_sha``, ``calibration_id`` and the estimates at least.
    """
    if draft["payload_sha"] == latest["payload_sha"]:
        return True
    if latest["calibration_id"] is None:
        return False
    if not all(is_near(draft[name], latest[name]) for name in ESTIMATES):
        return False
    as_stands = {name: latest[name] for name in ESTIMATES}
    return bool(payload_sha({**draft, **as_stands}) == latest["payload_sha"])


def is_near(a: float | None, b: float | None) -> bool:
    """Tell whether two estimates are equal but for rounding errors."""
    if a is None or b is None:
        return a is b
    return math.isclose(a, b, rel_tol=NOISE, abs_tol=NOISE)
