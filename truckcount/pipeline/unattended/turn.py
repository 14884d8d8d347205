"""One unattended run at a time in a store: the second leaves politely."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from truckcount.errors import StoreError, StoreLockedError
from truckcount.store import Store


@contextmanager
def hold_turn(store: Path) -> Iterator[None]:
    """Hold a store's turn; the kernel frees it when a process dies, however.

    Cameras have locks of their own, so that an attended run beside it is safe; the
    turn keeps runs that start every few minutes from piling up behind a slow one.
    Folders that were made for it alone are gone when it is given back: a slip makes
    no store.

    Raises
    ------
    StoreLockedError
        When another run holds it.
    StoreError
        When the store cannot be written.
    """
    path = store / ".locks" / "_turn.lock"  # no camera may be called so
    lock = FileLock(path, timeout=0)
    made = [p for p in (path.parent, *path.parent.parents) if not p.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        msg = f"another unattended run is at work in {store} (lock {path})"
        raise StoreLockedError(msg) from error
    except OSError as error:
        msg = (
            f"store {store} cannot be written ({error}); check its disk and its rights"
        )
        raise StoreError(msg) from error
    try:
        yield
    finally:
        if made and not Store.is_at(store):
            path.unlink(missing_ok=True)  # held still: nobody else waits for it
        lock.release()
        for folder in made:  # the innermost first; what holds anything stays
            with suppress(OSError):
                folder.rmdir()
