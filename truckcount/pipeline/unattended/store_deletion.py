"""What a store holds of a day or a camera to nothing, and no way back by accident."""

from dataclasses import dataclass
from pathlib import Path

from truckcount.errors import StoreError
from truckcount.pipeline.unattended.attempts import Attempts
from truckcount.pipeline.unattended.turn import hold_turn
from truckcount.store import Store
from truckcount.store.deletion import delete_camera, delete_day, lift_deletion
from truckcount.store.layout import to_day_us
from truckcount.store.seals import Seal


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletionOptions:
    """What to delete of a store."""

    camera: str
    day: str | None = None
    """A UTC day, ``2026-03-02``; None is all of the camera."""
    has_history: bool = True
    """Keep what was known of a day's hours before it was deleted."""
    note: str = ""
    is_dry_run: bool = False


def delete_from_store(path: Path, options: DeletionOptions) -> Seal:
    """Delete a day or a camera; the seal tells what went.

    A whole camera asks that no unattended run is at work: one might hold what it
    knew of the camera's files and write it back.

    Raises
    ------
    StoreError, StoreLockedError
    """
    if options.day is not None:
        return delete_day(
            path,
            options.camera,
            _day_us(options.day),
            has_history=options.has_history,
            note=options.note,
            is_dry_run=options.is_dry_run,
        )
    store = Store.open(path, is_new_allowed=False)
    with hold_turn(store.root):
        files = {record.path for record in store.segments(options.camera)}
        seal = delete_camera(
            path, options.camera, note=options.note, is_dry_run=options.is_dry_run
        )
        if not options.is_dry_run:
            attempts = Attempts(store.root)
            n_forgotten = sum(attempts.forget(name) for name in sorted(files))
            if n_forgotten:
                attempts.save()
    return seal


def lift_from_store(path: Path, camera: str, day: str | None) -> Seal:
    """Let runs count a deleted day or camera again."""
    return lift_deletion(path, camera, None if day is None else _day_us(day))


def _day_us(day: str) -> int:
    try:
        return to_day_us(day)
    except ValueError as error:
        msg = f"{day!r} is no day like 2026-03-02"
        raise StoreError(msg) from error
