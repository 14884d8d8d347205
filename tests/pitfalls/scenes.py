"""Files with known trucks, published into a store as runs would."""

from dataclasses import replace

import numpy as np
import pandas as pd

from tests.counting.simulate import GATE, T0_US, film, through
from tests.pipeline.pieces import CAMERA, HOUR_US, NOW_US, S_US, ingest, piece
from truckcount.store import Store

PLAIN = replace(CAMERA, gates=(replace(GATE, in_vector=None),))
"""A camera whose gate has no direction: one row an hour."""


def read(store, table="hours"):
    """Read a table as anyone would."""
    return pd.read_parquet(store.root / table)


def publish(root, *groups, camera=PLAIN, **more):
    """Publish groups of files in turn; return the store."""
    store = Store.open(root)
    ingest(store, groups, camera=camera, **more)
    return store


def quiet(seconds, name="quiet", at_s=0.0):
    """A file without trucks that begins ``at_s`` after the first hour did."""
    return piece(name, film([], seconds), shift_us=round(at_s * S_US))


def sha_set(store):
    """What the latest revision of each hour says."""
    history = read(store, "history").sort_values("revision")
    key = ["gate", "direction", "hour_start_utc"]
    return set(history.drop_duplicates(key, keep="last")["payload_sha"])


__all__ = [
    "CAMERA", "GATE", "HOUR_US", "NOW_US", "PLAIN", "S_US", "T0_US", "film", "ingest",
    "np", "piece", "publish", "quiet", "read", "sha_set", "through",
]  # fmt: skip
