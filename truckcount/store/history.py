"""Revisions: appended to ``history``, never edited, and which of them is the latest.

``known_at_utc`` is an upper bound on when a revision became readable: it is stamped
a minute or two ahead, looked at again just before the file is renamed, and where
the rename came too late all the same, a revision of cause ``restamp`` follows.
"""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from truckcount.errors import StoreError
from truckcount.store.file_statistics import column_range
from truckcount.store.finality import HOUR_US, LATE_US, is_final_at
from truckcount.store.latest import latest_rows
from truckcount.store.layout import file_path, from_us, month_of, to_us
from truckcount.store.payload import ESTIMATES, is_near, is_same_payload
from truckcount.store.publish import publish_table, read_table
from truckcount.store.schema import TIME, schema_of
from truckcount.store.stamps import (
    EMBARGO_US,
    MINUTE_US,
    US_PER_S,
    ahead_of,
    check_clock,
    corrected_rows,
)

logger = logging.getLogger(__name__)

MIN_LEAD_US = 30 * US_PER_S  # left of the embargo when the file is renamed
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


class History:
    """A camera's revisions of some hours: read once, appended to.

    Parameters
    ----------
    low_us, high_us : int
        Hours that begin in [low, high) are wanted; files without any are not read.
    is_ahead_allowed : bool
        Whoever mends the stamps of a clock that ran ahead must read them.

    Raises
    ------
    StoreError
        When the clock stands before what was known already: time went backwards.
    """

    def __init__(
        self,
        root: Path,
        camera: str,
        low_us: int,
        high_us: int,
        clock: Clock,
        *,
        is_ahead_allowed: bool = False,
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
        if not is_ahead_allowed:
            check_clock(root, camera, clock())
        empty = schema_of("history").empty_table()
        self._rows = pa.concat_tables([empty, *(_plain(p) for p in parts)])
        self._index()

    def _index(self) -> None:
        self.latest = latest_rows(self._rows)
        self._standing: dict[Key, dict[str, Any]] = {}
        self._kinds: dict[GateHour, bool] = {}
        self._known_us: dict[GateHour, int] = {}
        self._chains: dict[Key, dict[str, Any]] = {}
        for row in self.latest.select(_KEY_HEAD).to_pylist():
            gate_hour = (row["gate"], row["hour_start_utc"])
            self._kinds[gate_hour] = row["direction"] == "any"
        holds = ~corrected_rows(self._rows)
        for row, is_holding in zip(
            self._rows.select(_KEY_HEAD).to_pylist(), holds, strict=True
        ):
            self._note(row, is_holding=is_holding)

    def _note(self, row: dict[str, Any], *, is_holding: bool = True) -> None:
        key = (row["gate"], row["direction"], row["hour_start_utc"])
        before = self._chains.get(key)
        if before is None or row["revision"] > before["revision"]:
            self._chains[key] = row
        if not is_holding:  # nothing has to come after such a stamp
            return
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

    def restamp_ahead(self) -> int:
        """Stamp anew, by today's clock, what one that ran ahead wrote; return rows.

        Hours that were final only by that clock are open again.

        Raises
        ------
        StoreError
            When this clock stands before all that was recorded: it is the wrong one.
        """
        now_us = self._clock()
        watched = self._rows.filter(pc.field("coverage_s") > 0)["hour_start_utc"]
        first = pc.min(watched).as_py()
        if first is not None and now_us < to_us(first):
            msg = (
                f"camera {self._camera!r}: was first watched at {first.isoformat()}, "
                f"but this host's clock says {from_us(now_us).isoformat()}; set the "
                "clock (NTP), then repair: nothing was changed"
            )
            raise StoreError(msg)
        known = self._rows["known_at_utc"].cast(pa.int64()).to_numpy()
        holds = ~corrected_rows(self._rows)
        is_ahead = holds & (known > ahead_of(now_us))
        right = self._rows.filter(pa.array(holds & ~is_ahead))
        self._known_us.clear()
        final: set[Key] = set()
        for row in right.select(_KEY_HEAD).to_pylist():
            self._note(row)
            if row["is_final"]:
                final.add(_key_of(row))
        newest: dict[Key, dict[str, Any]] = {}
        for row in self._rows.filter(pa.array(is_ahead)).to_pylist():
            before = newest.get(_key_of(row))
            if before is None or row["revision"] > before["revision"]:
                newest[_key_of(row)] = row
        anew = [
            {
                **row,
                "revision": row["revision"] + 1,
                "cause": "restamp",
                "is_final": key in final or _is_final_at(now_us, row),
            }
            for key, row in newest.items()
        ]
        # the kind of direction that stands is stamped last, so that it still does
        kinds = dict(self._kinds)
        for is_standing in (False, True):
            part = [
                row
                for row in anew
                if (
                    kinds[row["gate"], row["hour_start_utc"]]
                    == (row["direction"] == "any")
                )
                == is_standing
            ]
            if part:
                self.append(part)
        return len(anew)

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


_KEY_HEAD = ("gate", "direction", "hour_start_utc", *_HEAD)


def _key_of(row: dict[str, Any]) -> Key:
    return row["gate"], row["direction"], row["hour_start_utc"]


def _is_final_at(now_us: int, row: dict[str, Any]) -> bool:
    return is_final_at(
        now_us,
        start_us=to_us(row["hour_start_utc"]),
        bin_us=row["bin_minutes"] * MINUTE_US,
        watched_s=row["coverage_s"] + row["unusable_s"],
        clock_sd_s=row["clock_sd_s"],
    )


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
