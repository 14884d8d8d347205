"""A store and its cameras' file to the cameras that ought to be heard of."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from truckcount.domain.credentials import URL_PATTERN
from truckcount.pipeline.cameras import open_book
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.segments import is_counted_row
from truckcount.store import Store
from truckcount.store.layout import table_files
from truckcount.store.publish import read_table
from truckcount.store.seals import LEFT_OUT
from truckcount.store.segments_table import read_columns

_COLUMNS = ("status", "start_utc", "end_utc")


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownCamera:
    """A camera that was counted, or is to be."""

    name: str
    gates: tuple[tuple[str, str], ...]
    """Gate and direction of each of its rows of an hour."""
    end_us: int | None = None
    """End of its newest counted segment, microseconds UTC; None: there is none."""


def find_cameras(options: RunOptions, paths: Sequence[str] = ()) -> list[KnownCamera]:
    """Find the cameras of a store, of the cameras' file and of live URLs, by name.

    Those whose every file was deleted or left out are nobody's worry.

    Raises
    ------
    ConfigError
        When the cameras' file is wrong.
    StoreError
        When the store cannot be read.
    """
    store = Store.open(options.store)
    # a gate in pixels is measured on a picture; for the names it is nothing
    book = open_book(replace(options, gate=None))
    named = [*book.cameras, *(book.camera_for(p) for p in paths if _is_url(p))]
    if book.forced is not None:
        named = [book.forced]
    found = {
        camera.name: KnownCamera(
            name=camera.name,
            gates=tuple((g.name, d) for g in camera.gates for d in g.directions),
        )
        for camera in named
    }
    for name in store.cameras():
        table = read_columns(store.root, name, _COLUMNS)
        if all(status in LEFT_OUT for status in table["status"].to_pylist()):
            continue
        ends = table.filter(is_counted_row())["end_utc"].cast(pa.int64())
        known = found.get(name)
        found[name] = KnownCamera(
            name=name,
            gates=_stored_gates(store, name) if known is None else known.gates,
            end_us=pc.max(ends).as_py(),
        )
    return [found[name] for name in sorted(found)]


def _stored_gates(store: Store, camera: str) -> tuple[tuple[str, str], ...]:
    """Return the gates and directions of the newest hours of a camera."""
    files = table_files(store.root, "hours", camera)
    if not files:
        return ()
    table = read_table(files[-1], "hours", ["gate", "direction"])
    pairs = zip(table["gate"].to_pylist(), table["direction"].to_pylist(), strict=True)
    return tuple(sorted(set(pairs)))


def _is_url(path: str) -> bool:
    return URL_PATTERN.match(path) is not None
