"""Revisions: appended to ``history``, never edited, and which of them is the latest.

``known_at_utc`` is an upper bound on when a revision became readable: it is stamped
a minute or two ahead, looked at again just before the file is renamed, and where
the rename came too late all the same, a revision of cause ``restamp`` follows.
"""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from truckcount.errors import StoreError
from truckcount.store.file_statistics import column_range
from truckcount.store.layout import file_path, from_us, month_of, to_us
from truckcount.store.payload import ESTIMATES, is_near, is_same_payload
from truckcount.store.publish import publish_table, read_table
from truckcount.store.schema import TIME, schema_of

logger = logging.getLogger(__name__)

US_PER_S = 1_000_000
MINUTE_US = 60 * US_PER_S
HOUR_US = 60 * MINUTE_US
EMBARGO_US = 60 * US_PER_S
MIN_LEAD_US = 30 * US_PER_S  # left of the embargo when the file is renamed
LATE_US = 72 * HOUR_US  # known later than this after its end, an hour is backfill
MAX_LEAD_US = EMBARGO_US + MINUTE_US  # a stamp's farthest way ahead of its clock
MAX_STAMPS = 50  # a machine that stalls this often can publish nothing

Clock = Callable[[], int]
"""Gives the host's time, microseconds since 1970-01-01 UTC."""
GateHour = tuple[str, Any]
Key = tuple[str, str, Any]
"""Gate, direction, start of the hour."""


class _StaleStampError(Exception):
    """The rename would come too late for the stamp in the draft."""


def known_at(now_us: int) -> int:
    """Return now plus the embargo, rounded up to a minute (features.md 3.2)."""
    return -(-(now_us + EMBARGO_US) // MINUTE_US) * MINUTE_US


def latest_rows(history: pa.Table, as_of_us: int | None = None) -> pa.Table:
    """Return what history says, now or as of a moment: one row per key.

    Left out are revisions that a ``restamp`` corrects (they were not readable when
    they say), and rows of a direction kind that the gate has no more: after a
    change from ``in``/``out``/``unknown`` to ``any`` or back, the kind known last
    stands, so that a sum over direction never counts a truck twice.

    Parameters
    ----------
    history : pa.Table
        Rows of any months of one camera.
    """
    if not len(history):
        return history
    columns = {name: history[name].combine_chunks() for name in _ORDER}
    gate, direction = (_codes(columns[n]) for n in ("gate", "direction"))
    hour, known = (
        columns[n].cast(pa.int64()).to_numpy(zero_copy_only=False)
        for n in ("hour_start_utc", "known_at_utc")
    )
    revision = columns["revision"].to_numpy(zero_copy_only=False)
    is_restamp = pc.equal(columns["cause"], "restamp").to_numpy(zero_copy_only=False)
    order = np.lexsort((revision, direction, hour, gate))
    same = np.zeros(len(order), np.bool_)  # as the next: same key, later revision
    same[:-1] = (
        (gate[order][:-1] == gate[order][1:])
        & (hour[order][:-1] == hour[order][1:])
        & (direction[order][:-1] == direction[order][1:])
    )
    is_corrected = same & np.append(is_restamp[order][1:], np.False_)
    order = order[~is_corrected]
    if as_of_us is not None:
        order = order[known[order] <= as_of_us]
    if not len(order):
        return history.slice(0, 0)
    key = np.stack([gate[order], hour[order], direction[order]])
    is_last = np.append((key[:, 1:] != key[:, :-1]).any(axis=0), np.True_)
    order = order[is_last]
    is_any = pc.equal(columns["direction"], "any").to_numpy(zero_copy_only=False)
    order = order[_is_standing_kind(gate, hour, known, is_any, order)]
    return history.take(pa.array(order))


_ORDER = ("gate", "direction", "hour_start_utc", "known_at_utc", "revision", "cause")


def _is_standing_kind(
    gate: np.ndarray,
    hour: np.ndarray,
    known: np.ndarray,
    is_any: np.ndarray,
    order: np.ndarray,
) -> np.ndarray:
    """Tell which rows, sorted by gate and hour, are of the kind known last."""
    kind = is_any[order]
    new = np.ones(len(order), np.bool_)
    new[1:] = (gate[order][1:] != gate[order][:-1]) | (
        hour[order][1:] != hour[order][:-1]
    )
    group = np.cumsum(new) - 1
    newest = np.lexsort((known[order], group))
    last_of_group = newest[np.append(np.flatnonzero(new)[1:], len(order)) - 1]
    return np.asarray(kind == kind[last_of_group][group])


def _codes(column: pa.Array) -> np.ndarray:
    """Give each string the number of its place in their order."""
    encoded = pc.dictionary_encode(column)
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    values = encoded.dictionary.to_pylist()
    rank = np.argsort(np.argsort(np.array(values, object)))
    return np.asarray(rank[encoded.indices.to_numpy(zero_copy_only=False)])


class History:
    """A camera's revisions of some hours: read once, appended to.

    Parameters
    ----------
    low_us, high_us : int
        Hours that begin in [low, high) are wanted; files without any are not read.

    Raises
    ------
    StoreError
        When the clock stands before what was known already: time went backwards.
    """

    def __init__(
        self, root: Path, camera: str, low_us: int, high_us: int, clock: Clock
    ) -> None:
        self._root, self._camera, self._clock = root, camera, clock
        self._range = (low_us, high_us)
        folder = file_path(root, "history", camera, "x").parent
        files = sorted(folder.glob("[!._]*.parquet"))
        parts = [
            _cut(read_table(path, "history"), low_us, high_us)
            for path in files
            if _may_hold(path, low_us, high_us)
        ]
        if files:
            _check_clock(files[-1], clock())
        empty = schema_of("history").empty_table()
        self._rows = pa.concat_tables([empty, *(_plain(p) for p in parts)])
        self._index()

    def _index(self) -> None:
        self.latest = latest_rows(self._rows)
        names = ("gate", "direction", "hour_start_utc", *_HEAD)
        self._standing: dict[Key, dict[str, Any]] = {}
        self._kinds: dict[GateHour, bool] = {}
        self._known_us: dict[GateHour, int] = {}
        self._chains: dict[Key, dict[str, Any]] = {}
        for row in self.latest.select(names).to_pylist():
            gate_hour = (row["gate"], row["hour_start_utc"])
            self._kinds[gate_hour] = row["direction"] == "any"
        for row in self._rows.select(names).to_pylist():
            self._note(row)

    def _note(self, row: dict[str, Any]) -> None:
        key = (row["gate"], row["direction"], row["hour_start_utc"])
        before = self._chains.get(key)
        if before is None or row["revision"] > before["revision"]:
            self._chains[key] = row
        gate_hour = (key[0], key[2])
        known = max(self._known_us.get(gate_hour, 0), to_us(row["known_at_utc"]))
        self._known_us[gate_hour] = known

    def has_hour(self, gate: str, start: Any) -> bool:
        """Tell whether a gate's hour has any row."""
        return (gate, start) in self._kinds

    def revise(self, draft: dict[str, Any]) -> dict[str, Any] | None:
        """Return a draft as a new revision, or None where nothing changed."""
        key = (draft["gate"], draft["direction"], draft["hour_start_utc"])
        latest = self._chains.get(key)
        if latest is None:
            return {**draft, "revision": 1, "cause": draft.get("cause") or "first"}
        is_final = draft["is_final"] or latest["is_final"]  # final stays final
        is_same = is_same_payload(draft, latest)
        is_standing = self._kinds[key[0], key[2]] == (key[1] == "any")
        if is_same and is_standing and latest["is_final"] == is_final:
            return None
        cause = draft.get("cause") or _cause(draft, latest, is_standing=is_standing)
        return {
            **draft,
            "is_final": is_final,
            "revision": latest["revision"] + 1,
            "cause": cause,
        }

    def append(self, rows: list[dict[str, Any]]) -> None:
        """Append revisions to the month of their ``known_at_utc``."""
        for _ in range(MAX_STAMPS):
            stamped = self._stamp(rows)
            try:
                self._publish(stamped)
            except _StaleStampError:
                logger.warning("%s: stalled before a publish; stamp anew", self._camera)
                continue
            late = self._clock() > min(to_us(r["known_at_utc"]) for r in stamped)
            self._take(stamped)
            if not late:
                return
            logger.warning(
                "%s: stalled while publishing; revisions known later follow",
                self._camera,
            )
            rows = [
                {**r, "revision": r["revision"] + 1, "cause": "restamp"}
                for r in stamped
            ]
        msg = (
            f"camera {self._camera!r}: the machine stalled {MAX_STAMPS} times for half "
            "a minute while publishing; nothing more was written, run again later"
        )
        raise StoreError(msg)

    def _stamp(self, rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        now_known = known_at(self._clock())
        stamped = []
        for row in rows:
            # a microsecond orders two revisions of one minute; a minute would let
            # the stamps of quick ones run ahead of the clock. Of the gate's hour,
            # not the key, so that a change of its direction kind has an order, too
            before = self._known_us.get((row["gate"], row["hour_start_utc"]), 0)
            known = max(now_known, before + 1)
            end = to_us(row["hour_start_utc"]) + HOUR_US
            stamped.append(
                {
                    **row,
                    "known_at_utc": from_us(known),
                    "is_backfill": known > end + LATE_US,
                }
            )
        return stamped

    def _publish(self, rows: list[dict[str, Any]]) -> None:
        known = min(to_us(r["known_at_utc"]) for r in rows)
        path = file_path(self._root, "history", self._camera, month_of(known))
        old = _plain(read_table(path, "history"))
        new = pa.Table.from_pylist(rows, schema=schema_of("history"))

        def check(draft: Path) -> None:
            if not _plain(read_table(draft, "history")).slice(0, len(old)).equals(old):
                msg = f"{path}: history would change; nothing was written"
                raise StoreError(msg)
            if self._clock() > known - MIN_LEAD_US:
                raise _StaleStampError

        rows = pa.concat_tables([old, new])
        publish_table(rows, "history", path, before=old, check=check)

    def _take(self, rows: list[dict[str, Any]]) -> None:
        new = pa.Table.from_pylist(rows, schema=schema_of("history"))
        self._rows = pa.concat_tables([self._rows, _cut(new, *self._range)])
        self.latest = latest_rows(self._rows)
        for row in rows:
            self._note(row)
            self._kinds[row["gate"], row["hour_start_utc"]] = row["direction"] == "any"


_HEAD = (
    "payload_sha", "is_final", "revision", "known_at_utc", "model_id", "config_hash",
    "calibration_id", "n_trucks", "coverage_s", *ESTIMATES,
)  # fmt: skip


def _cause(draft: dict[str, Any], latest: dict[str, Any], *, is_standing: bool) -> str:
    if latest["model_id"] != draft["model_id"]:
        return "model"
    if latest["config_hash"] != draft["config_hash"] or not is_standing:
        return "config"
    if is_same_payload(draft, latest):
        return "finalise"
    is_as_seen = all(latest[name] == draft[name] for name in ("n_trucks", "coverage_s"))
    is_other = latest["calibration_id"] != draft["calibration_id"]
    if is_as_seen and (is_other or _is_priced_anew(draft, latest)):
        return "recalibrate"
    return "late_segment"


def _is_priced_anew(draft: dict[str, Any], latest: dict[str, Any]) -> bool:
    """Tell whether trucks that were counted got another error from their factor."""
    is_counted = latest["calibration_id"] is not None and latest["n_trucks"] is not None
    return is_counted and not all(is_near(draft[n], latest[n]) for n in ESTIMATES)


def _plain(table: pa.Table) -> pa.Table:
    return table.replace_schema_metadata(schema_of("history").metadata)


def _cut(table: pa.Table, low_us: int, high_us: int) -> pa.Table:
    start = table["hour_start_utc"]
    keep = pc.and_(
        pc.greater_equal(start, pa.scalar(low_us, pa.int64()).cast(TIME)),
        pc.less(start, pa.scalar(high_us, pa.int64()).cast(TIME)),
    )
    return _plain(table.filter(keep))


def _may_hold(path: Path, low_us: int, high_us: int) -> bool:
    """Look into a file's statistics for hours that begin in [low, high)."""
    span = column_range(path, "hour_start_utc")
    if span is None:
        return True
    return bool(to_us(span[0]) < high_us and to_us(span[1]) >= low_us)


def _check_clock(path: Path, now_us: int) -> None:
    span = column_range(path, "known_at_utc")
    if span is not None and now_us < to_us(span[1]) - MAX_LEAD_US - US_PER_S:
        msg = (
            f"{path}: holds what is known at {span[1].isoformat()}, but this host's "
            f"clock says {from_us(now_us).isoformat()}; set the clock (NTP), then run "
            "again: a revision must not look older than it is"
        )
        raise StoreError(msg)
