"""Audit windows and their answers of a camera to one file and back."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
from filelock import FileLock, Timeout

from truckcount.domain.audit import AuditWindow
from truckcount.errors import StoreLockedError
from truckcount.store.layout import file_path, from_us, to_us
from truckcount.store.publish import publish_table, read_table
from truckcount.store.schema import schema_of

PERIOD = "all"
LOCK_TIMEOUT_S = 60.0
_TIMES = ("window_start", "window_end", "drawn_at", "known_at")


def read_audits(root: Path, camera: str | None = None) -> list[AuditWindow]:
    """Read the windows of a camera, or of all, by audit, time and round."""
    if camera is None:
        folders = sorted(p for p in (root / "audits").glob("[!._]*") if p.is_dir())
        return [row for folder in folders for row in read_audits(root, folder.name)]
    path = file_path(root, "audits", camera, PERIOD)
    return from_table(read_table(path, "audits"))


def change_audits(
    root: Path,
    camera: str,
    change: Callable[[list[AuditWindow]], Sequence[AuditWindow]],
) -> None:
    """Replace a camera's windows by what ``change`` makes of them, under a lock.

    The lock is the audits' own: a labeller does not wait for an ingest.
    """
    with lock_audits(root, camera):
        rows = sorted(
            change(read_audits(root, camera)),
            key=lambda r: (r.audit_id, r.window_start_us, r.label_round),
        )
        path = file_path(root, "audits", camera, PERIOD)
        publish_table(to_table(rows), "audits", path)


def to_table(windows: Sequence[AuditWindow]) -> pa.Table:
    """Spell windows as rows of the table."""
    rows = [_to_row(window) for window in windows]
    return pa.Table.from_pylist(rows, schema=schema_of("audits"))


def from_table(table: pa.Table) -> list[AuditWindow]:
    """Return rows of the table as windows."""
    return [_from_row(row) for row in table.to_pylist()]


@contextmanager
def lock_audits(root: Path, camera: str) -> Iterator[None]:
    """Hold the lock of a camera's audits."""
    path = root / ".locks" / f"{camera}.audits.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, timeout=LOCK_TIMEOUT_S)
    try:
        lock.acquire()
    except Timeout as error:
        msg = f"the audits of {camera!r} are being written (lock {path}); try again"
        raise StoreLockedError(msg) from error
    try:
        yield
    finally:
        lock.release()


def _to_row(window: AuditWindow) -> dict[str, Any]:
    row: dict[str, Any] = {
        f: getattr(window, f) for f in AuditWindow.__dataclass_fields__
    }
    for name in _TIMES:
        row[f"{name}_utc"] = from_us(row.pop(f"{name}_us"))
    return {name: row[name] for name in schema_of("audits").names}


def _from_row(row: dict[str, Any]) -> AuditWindow:
    values = dict(row)
    for name in _TIMES:
        values[f"{name}_us"] = to_us(values.pop(f"{name}_utc"))
    return AuditWindow(**values)
