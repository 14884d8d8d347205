"""Failures of files to when each is tried again, or never: kept in the store."""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from truckcount.errors import StoreError
from truckcount.video import Source

US_PER_S = 1_000_000
WEEK_US = 7 * 86_400 * US_PER_S
FIRST_RETRY_S = 60.0
RETRY_FACTOR = 5.0  # 1, 5, 25 minutes, 2 and 10 hours: a night's outage is outlived
MAX_RETRY_S = 86_400.0
QUARANTINE_AFTER = 6
DIED = "the process died while this file was read"

FileMark = tuple[int, int]
"""Size in bytes and time of the last write in microseconds: another mark, another
file, whatever its name."""


def mark_of(source: Source) -> FileMark:
    """Return what tells whether a file is still the one that was tried."""
    return source.size_bytes, round(source.mtime * US_PER_S)


def is_gone(path: str) -> bool:
    """Tell whether nothing stands at a path; never of one that is not spelled out."""
    is_spelled = os.path.isabs(path) and not re.search(r"\\|\*\*\*", path)  # noqa: PTH117
    return is_spelled and not os.path.lexists(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How often a file failed, why, and when it is tried again."""

    path: str
    n_failures: int
    reason: str
    status: str
    size_bytes: int
    mtime_us: int
    tried_us: int
    next_us: int | None
    """None: in quarantine, until the file changes or is released."""

    @property
    def is_quarantined(self) -> bool:
        """Whether it is not tried again of itself."""
        return self.next_us is None


class Attempts:
    """The failures of a store's files: one small JSON file, replaced atomically."""

    def __init__(self, store: Path, quarantine_after: int = QUARANTINE_AFTER) -> None:
        self._path = store / "_meta" / "attempts.json"
        self._quarantine_after = quarantine_after
        self._of = {one.path: one for one in read_attempts(store)}
        self._saved = dict(self._of)

    def __iter__(self) -> Iterator[Attempt]:
        """Yield all, by path."""
        yield from sorted(self._of.values(), key=lambda one: one.path)

    def of(self, source: Source) -> Attempt | None:
        """Return the failures of a file as it is now: a changed one has none."""
        found = self._of.get(source.name)
        if found is None or (found.size_bytes, found.mtime_us) != mark_of(source):
            return None
        return found

    def failed(self, source: Source, status: str, reason: str, now_us: int) -> Attempt:
        """Note a failure; ``save`` keeps it."""
        before = self.of(source)
        n = 1 if before is None else before.n_failures + 1
        wait_s = min(FIRST_RETRY_S * RETRY_FACTOR ** (n - 1), MAX_RETRY_S)
        is_last = n >= self._quarantine_after
        size_bytes, mtime_us = mark_of(source)
        one = Attempt(
            path=source.name,
            n_failures=n,
            reason=reason,
            status=status,
            size_bytes=size_bytes,
            mtime_us=mtime_us,
            tried_us=now_us,
            next_us=None if is_last else now_us + round(wait_s * US_PER_S),
        )
        self._of[source.name] = one
        return one

    def put_back(self, source: Source, before: Attempt | None) -> None:
        """Restore what was known of a file before a failure was noted."""
        self._of.pop(source.name, None)
        if before is not None:
            self._of[source.name] = before

    def forget(self, path: str) -> bool:
        """Forget a file that was counted after all; tell whether it was known."""
        return self._of.pop(path, None) is not None

    def release(self, now_us: int) -> int:
        """Take every file out of quarantine; return how many."""
        held = [one for one in self if one.is_quarantined]
        for one in held:
            self._of[one.path] = replace(one, next_us=now_us, n_failures=0)
        return len(held)

    def hear_of_release(self) -> None:
        """Forget all where somebody deleted what was written down of it."""
        if self._saved and not self._path.exists():
            self._of.clear()
            self._saved.clear()

    def drop_gone(self, now_us: int) -> None:
        """Forget files that are gone a week after their last try; ``save`` keeps it."""
        for one in list(self._of.values()):
            if one.tried_us <= now_us - WEEK_US and is_gone(one.path):
                del self._of[one.path]

    def save(self) -> None:
        """Write them down, where that changes anything."""
        if self._of == self._saved:
            return
        body = json.dumps([asdict(one) for one in self], indent=1) + "\n"
        draft = self._path.with_name(f".attempts.{os.getpid()}.tmp")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(body, encoding="utf-8")
            draft.replace(self._path)
        except OSError as error:
            msg = f"{self._path} cannot be written: {error}; is the disk full?"
            raise StoreError(msg) from error
        finally:
            draft.unlink(missing_ok=True)
        self._saved = dict(self._of)


def read_attempts(store: Path) -> list[Attempt]:
    """Read a store's failures.

    A damaged file is as good as none: its files are tried once more.
    """
    path = store / "_meta" / "attempts.json"
    try:
        return [Attempt(**row) for row in json.loads(path.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError):
        return []
    except OSError as error:
        msg = f"{path} cannot be read: {error}"
        raise StoreError(msg) from error
