"""The files of a store, on disk or behind any fsspec URL, to arrow tables."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from truckcount.errors import StoreError, StoreVersionError
from truckcount.store.mirror import EMBARGO_US, Told
from truckcount.store.schema import COLUMNS, SCHEMA_VERSION, schema_of
from truckcount.store.store import Store

THREADS_FROM_ROWS = 50_000


@dataclass(frozen=True, slots=True)
class StoreFiles:
    """A store to read from; ``fs`` is None for a folder."""

    root: str
    fs: Any = None

    @classmethod
    def open(cls, store: str | Path) -> "StoreFiles":
        """Open a folder or a URL such as ``s3://bucket/store``.

        Raises
        ------
        StoreError
            When there is no store.
        StoreVersionError
            When a newer truckcount wrote it.
        """
        if "://" not in str(store):
            return cls(str(Store.open(store, is_new_allowed=False).root))
        import fsspec

        try:
            fs, root = fsspec.core.url_to_fs(str(store))
        except (ImportError, ValueError) as error:
            msg = f"{store}: {error}; for s3:// install 'truckcount[s3]'"
            raise StoreError(msg) from error
        fs.invalidate_cache()  # of names: what was pushed since must be found
        files = cls(root.rstrip("/"), fs)
        with Told(str(store)):
            text = files.read_text("_meta/store.json")
        if text is None:
            msg = f"{store} is no store: it has no _meta/store.json"
            raise StoreError(msg)
        version = int(json.loads(text)["schema_version"])
        if version > SCHEMA_VERSION:
            msg = (
                f"store {store} has schema {version}, this truckcount knows "
                f"{SCHEMA_VERSION}; upgrade truckcount"
            )
            raise StoreVersionError(msg)
        return files

    @property
    def embargo_us(self) -> int:
        """How much later than ``known_at_utc`` a row may be readable here."""
        return 0 if self.fs is None else EMBARGO_US

    def cameras(self, table: str) -> list[str]:
        """Return the cameras that have files of a table."""
        return self._names(table)

    def periods(self, table: str, camera: str) -> list[str]:
        """Return the months or days a camera has files for, in order."""
        names = self._names(f"{table}/{camera}")
        return [n.removesuffix(".parquet") for n in names if n.endswith(".parquet")]

    def read_text(self, path: str) -> str | None:
        """Read a text file of the store, or None where there is none."""
        if self.fs is None:
            file = Path(self.root, path)
            return file.read_text(encoding="utf-8") if file.is_file() else None
        place = f"{self.root}/{path}"
        return str(self.fs.cat_file(place), "utf-8") if self.fs.exists(place) else None

    def read(
        self,
        table: str,
        camera: str,
        periods: Sequence[str],
        columns: Sequence[str] | None = None,
    ) -> pa.Table:
        """Read files of one camera; a column that an old file lacks is null."""
        known = table in COLUMNS
        schema = schema_of(table) if known else None
        parts = []
        for period in periods:
            part = self._read_file(f"{table}/{camera}/{period}.parquet", columns)
            if schema is not None:
                part = _complete(part, schema, columns)
            parts.append(part)
        if parts:
            return pa.concat_tables(
                parts, promote_options="none" if known else "default"
            )
        if schema is None:
            return pa.table({})
        empty = schema.empty_table()
        return empty if columns is None else empty.select(list(columns))

    def _read_file(self, path: str, columns: Sequence[str] | None) -> pa.Table:
        place = f"{self.root}/{path}"
        try:
            # one GET an object: ranged reads of a mirror may mix two versions
            source = place if self.fs is None else io.BytesIO(self.fs.cat_file(place))
            with pq.ParquetFile(source, page_checksum_verification=True) as file:
                has = file.schema_arrow.names
                wanted = None if columns is None else [c for c in columns if c in has]
                # a month is small: threads for its columns cost more than they save
                is_large = file.metadata.num_rows > THREADS_FROM_ROWS
                return file.read(columns=wanted, use_threads=is_large)
        except (pa.ArrowInvalid, OSError) as error:
            msg = f"{place} is damaged ({error}); run `truckcount store check`"
            raise StoreError(msg) from error

    def _names(self, path: str) -> list[str]:
        if self.fs is None:
            folder = Path(self.root, path)
            found = [p.name for p in folder.iterdir()] if folder.is_dir() else []
        else:
            place = f"{self.root}/{path}"
            listed = self.fs.ls(place, detail=False) if self.fs.exists(place) else []
            found = [str(name).rstrip("/").rsplit("/", 1)[-1] for name in listed]
        return sorted(name for name in found if name[0] not in "._")


def _complete(
    part: pa.Table, schema: pa.Schema, columns: Sequence[str] | None
) -> pa.Table:
    names = schema.names if columns is None else list(columns)
    has = set(part.column_names)
    arrays = [
        part.column(name)
        if name in has
        else pa.nulls(len(part), schema.field(name).type)
        for name in names
    ]
    fields = [schema.field(name) for name in names]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, schema.metadata))
