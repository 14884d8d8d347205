"""A store's history read once, to be looked at from many moments."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from truckcount.features.files import StoreFiles
from truckcount.features.moments import MAX_US, MIN_US, Int64s
from truckcount.features.revisions import NEEDED, Revisions
from truckcount.store.layout import month_of

SLACK_US = 32 * 86_400_000_000  # a restamp follows its row, perhaps next month
Window = tuple[int, int]


@dataclass(frozen=True, slots=True)
class CameraHistory:
    """One camera's revisions of hours in a window, sorted for replay."""

    table: pa.Table
    revisions: Revisions
    hour_us: Int64s
    """Hour of each position of ``revisions``."""

    @classmethod
    def read(
        cls,
        files: StoreFiles,
        camera: str,
        columns: Sequence[str],
        *,
        window: Window,
        as_of_us: int,
        vintage: str,
        gates: frozenset[str] | None = None,
    ) -> "CameraHistory":
        """Read what a reader at ``as_of_us`` or before may see of the window."""
        low, high = window
        last = as_of_us + SLACK_US if vintage == "strict" else MAX_US
        # a row is known only after its hour has begun, but for the restamp of one
        # that a clock ahead of time wrote
        first_month = month_of(low - SLACK_US) if low > MIN_US + SLACK_US else ""
        last_month = month_of(last) if last < MAX_US else "9999"
        periods = [
            p
            for p in files.periods("history", camera)
            if first_month <= p <= last_month
        ]
        read = [*columns, *(n for n in NEEDED if n not in columns)]
        table = filter_hours(
            files.read("history", camera, periods, read), (low, high), gates
        )
        revisions = Revisions.of(
            table, embargo_us=files.embargo_us, is_simulated=vintage == "simulated"
        )
        hour_us = table["hour_start_utc"].cast(pa.int64()).to_numpy()
        return cls(table, revisions, hour_us[revisions.order])

    def at(self, as_of_us: int, window: Window = (MIN_US, MAX_US)) -> Int64s:
        """Return positions of the rows seen at a moment."""
        positions = self.revisions.at(as_of_us)
        if window == (MIN_US, MAX_US):
            return positions
        hour = self.hour_us[positions]
        return positions[(hour >= window[0]) & (hour < window[1])]

    def zones_at(self, as_of_us: int) -> tuple[str, ...]:
        """Return the zones that the rows seen at a moment name."""
        zones = self.table["tz"].unique().to_pylist()
        if len(zones) > 1:  # told anew: which of them stand is slower to say
            zones = self.rows(self.at(as_of_us))["tz"].unique().to_pylist()
        elif not (self.revisions.known_us <= as_of_us).any():
            return ()
        return tuple(zones)

    def rows(self, positions: Int64s) -> pa.Table:
        """Return the rows at positions."""
        return self.table.take(pa.array(self.revisions.order[positions]))


@dataclass(frozen=True, slots=True)
class Replay:
    """The history of several cameras, read once."""

    cameras: dict[str, CameraHistory]
    columns: tuple[str, ...]

    @classmethod
    def open(
        cls,
        store: str | Path,
        columns: Sequence[str],
        *,
        window: Window,
        as_of_us: int,
        vintage: str = "strict",
    ) -> "Replay":
        """Read the history that moments up to ``as_of_us`` may see."""
        files = StoreFiles.open(store)
        histories = {
            camera: CameraHistory.read(
                files,
                camera,
                columns,
                window=window,
                as_of_us=as_of_us,
                vintage=vintage,
            )
            for camera in files.cameras("history")
        }
        # names as categories: a moment's rows are made a frame many times over
        histories = {
            camera: replace(history, table=_encode_names(history.table))
            for camera, history in histories.items()
        }
        return cls(histories, tuple(columns))

    def at(
        self, as_of_us: int, *, window: Window, cameras: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Return the rows as known at a moment.

        ``known_at_utc`` is when they counted as known: of simulated ones the
        pretended time.
        """
        parts = []
        for camera, history in self.cameras.items():
            if cameras is not None and camera not in cameras:
                continue
            positions = history.at(as_of_us, window)
            if not len(positions):
                continue
            rows = history.rows(positions).select(self.columns)
            known = history.revisions.known_us[positions]
            place = rows.schema.get_field_index("known_at_utc")
            kind = rows.schema.field(place).type
            rows = rows.set_column(place, "known_at_utc", pa.array(known).cast(kind))
            parts.append(rows)
        if not parts:
            return pd.DataFrame(columns=list(self.columns))
        return pa.concat_tables(parts).to_pandas()

    def list_gates(self) -> list[tuple[str, str, str]]:
        """List each (camera, gate, direction) that has a revision at any moment."""
        return [
            (row["camera"], row["gate"], row["direction"])
            for history in self.cameras.values()
            for row in history.table.group_by(["camera", "gate", "direction"])
            .aggregate([])
            .to_pylist()
        ]

    def zones_at(
        self, as_of_us: int, cameras: Sequence[str]
    ) -> dict[str, tuple[str, ...]]:
        """Return the zones of each camera that has rows, as known at a moment."""
        return {
            camera: self.cameras[camera].zones_at(as_of_us)
            for camera in cameras
            if camera in self.cameras
        }


def _encode_names(table: pa.Table) -> pa.Table:
    for place, field in enumerate(table.schema):
        if pa.types.is_string(field.type):
            encoded = table[field.name].dictionary_encode()
            table = table.set_column(place, field.name, encoded)
    return table.unify_dictionaries().combine_chunks()  # `take` is slow on pieces


def filter_hours(
    table: pa.Table, window: Window, gates: frozenset[str] | None = None
) -> pa.Table:
    """Keep hours that begin in [low, high), of some gates."""
    if window == (MIN_US, MAX_US) and gates is None:
        return table
    start_us = table["hour_start_utc"].cast(pa.int64()).to_numpy()
    keep = np.asarray((start_us >= window[0]) & (start_us < window[1]))
    if gates is not None:
        is_mine = pc.is_in(table["gate"], value_set=pa.array(sorted(gates)))
        keep &= is_mine.to_numpy()
    return table if keep.all() else table.filter(pa.array(keep))
