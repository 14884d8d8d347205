"""A store's tables to the facts of a report: days by hours, health, revisions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from truckcount.domain.audit import AuditWindow
from truckcount.domain.calibration import Calibration, latest_revisions
from truckcount.errors import StoreError
from truckcount.reporting.bands import BAND_COLUMNS, Band, GateKey, find_bands
from truckcount.store import SegmentRecord, Store
from truckcount.store.audits_table import read_audits
from truckcount.store.calibrations_table import read_calibrations
from truckcount.store.publish import read_table
from truckcount.store.read import read_hours
from truckcount.store.segments_table import undated_segments

Array = npt.NDArray[np.float64]
FOREVER_US = 2**62
HOURS_A_DAY, SPRING_HOURS = 24, 23
NOT_WATCHED = -1.0  # beside counts
HOUR_COLUMNS = [
    "camera",
    "gate",
    "direction",
    "hour_start_utc",
    "n_trucks",
    "n_censored",
    "coverage_s",
    "unusable_s",
    "n_samples",
    "is_final",
    "config_hash",
    "calibration_id",
    "local_start",
    "tz",
    *BAND_COLUMNS,
]
REVISION_COLUMNS = [
    "camera",
    "gate",
    "direction",
    "hour_start_utc",
    "revision",
    "cause",
    "n_trucks",
    "known_at_utc",
    "is_final",
]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GateFacts:
    """One gate's local days; every array has the shape (24, days)."""

    camera: str
    gate: str
    tz: str
    trucks: Array
    """As seen, all directions; NaN where nobody watched. Stills see no truck come:
    theirs are estimated."""
    watched: Array
    """Share of the hour, 0 to 1; NaN where the store has no row. An hour of stills
    counts as watched: nobody knows more of it."""
    unusable: Array
    by_direction: dict[str, int | None]
    """As seen; None where no hour was."""
    config_hash: str
    """Of the newest watched hour."""
    source_kind: str = "video"
    told: Array | None = None
    """Share of the hour that its estimate speaks for, where that is not ``watched``:
    of clips on a cycle, whose plan is to see a part."""
    band: Band | None = None
    """None where no hour carries an audit's factor, nor an estimate of clips or
    stills: then counts are as seen."""

    @property
    def daily_trucks(self) -> Array:
        """Shape (days,): as seen; NaN for days without a watched hour."""
        is_seen = ~np.isnan(self.trucks).all(axis=0)
        return np.where(is_seen, np.nansum(self.trucks, axis=0), np.nan)

    @property
    def daily_watched(self) -> Array:
        """Shape (days,): share of the day; NaN for days without any row.

        The first and the last day are often begun or cut: what has no row yet is
        not watched. A spring day has 23 hours.
        """
        n = (~np.isnan(self.watched)).sum(axis=0)
        total = np.nansum(self.watched, axis=0)
        hours = np.where(n >= SPRING_HOURS, n, HOURS_A_DAY)
        return np.where(n > 0, total / hours, np.nan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One revised count: what was said first and what is said now."""

    camera: str
    gate: str
    direction: str
    hour_start_utc: datetime
    first: int | None
    latest: int | None
    cause: str
    is_after_final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """All that a report shows."""

    name: str
    days: tuple[date, ...]
    gates: tuple[GateFacts, ...]
    files: dict[str, tuple[SegmentRecord, ...]]
    """Files of the period by camera, those without a time among them."""
    last_watched: dict[str, datetime]
    """End of each camera's newest watched hour, over all time."""
    causes: dict[str, int]
    """Revisions of the period's hours by cause."""
    changes: tuple[Change, ...]
    calibrations: tuple[Calibration, ...]
    """As they stand, in the order in which they were measured."""
    audits: tuple[AuditWindow, ...]

    @property
    def cameras(self) -> list[str]:
        """Names in order."""
        return sorted({g.camera for g in self.gates} | self.files.keys())

    def gates_of(self, camera: str) -> list[GateFacts]:
        """Return a camera's gates."""
        return [g for g in self.gates if g.camera == camera]


def read_facts(store: str | Path, n_days: int) -> StoreFacts:
    """Read what a report of the newest ``n_days`` local days shows.

    Raises
    ------
    StoreError
        When there is no store, or nothing in it was ever watched.
    """
    opened = Store.open(store, is_new_allowed=False)
    table = read_hours(opened.root).select(HOUR_COLUMNS)
    watched = table.filter(pc.field("n_samples") > 0)  # stills have no coverage
    if not len(watched):
        msg = f"{store} has no watched hour yet; count something with `truckcount run`"
        raise StoreError(msg)
    days = _days_shown(table, watched, n_days)
    first = days[0]
    since, until = (
        pa.scalar(np.datetime64(day, "us")) for day in (first, days[-1] + timedelta(1))
    )
    start = pc.field("local_start")
    recent = table.filter((start >= since) & (start < until)).to_pandas()
    ends = watched.group_by("camera").aggregate([("hour_start_utc", "max")])
    causes, changes = _read_revisions(opened.root, recent["hour_start_utc"].min())
    return StoreFacts(
        name=opened.root.resolve().name,
        days=days,
        gates=tuple(_gates(recent, days, find_bands(opened.root, table, days))),
        files={c: tuple(_files(opened, c, first)) for c in opened.cameras()},
        last_watched={
            row["camera"]: row["hour_start_utc_max"] + timedelta(hours=1)
            for row in ends.to_pylist()
        },
        causes=causes,
        changes=tuple(changes),
        calibrations=tuple(latest_revisions(read_calibrations(opened.root)).values()),
        audits=tuple(read_audits(opened.root)),
    )


def _days_shown(table: pa.Table, watched: pa.Table, n_days: int) -> tuple[date, ...]:
    """Return the newest local days, the last watched one among them.

    Rows of null may follow that one, up to now: an outage that lasts is shown.
    """
    newest, seen = (pc.max(t["local_start"]).as_py().date() for t in (table, watched))
    last = min(newest, seen + timedelta(days=n_days - 1))
    first = max(
        last - timedelta(days=n_days - 1), pc.min(table["local_start"]).as_py().date()
    )
    return tuple(first + timedelta(days=k) for k in range((last - first).days + 1))


def _gates(
    frame: Any, days: Sequence[date], bands: dict[GateKey, Band]
) -> list[GateFacts]:
    shape = (HOURS_A_DAY, len(days))
    origin = np.datetime64(days[0])
    found = []
    for (camera, gate), rows in frame.groupby(["camera", "gate"], sort=True):
        hours = rows.groupby("hour_start_utc").agg(
            local_start=("local_start", "first"),
            n=("n_trucks", lambda s: s.sum(min_count=1)),
            est=("n_trucks_est", lambda s: s.sum(min_count=1)),
            coverage_s=("coverage_s", "first"),
            unusable_s=("unusable_s", "first"),
            n_samples=("n_samples", "first"),
            kind=("source_kind", "first"),
        )
        _read_estimates(hours)
        local = hours["local_start"].to_numpy().astype("datetime64[h]")
        day = (local.astype("datetime64[D]") - origin).astype(int)
        place = (local - local.astype("datetime64[D]")).astype(int), day
        # an autumn hour comes twice: its counts add up, its shares are averaged
        times = np.zeros(shape)
        np.add.at(times, place, 1)
        counts = hours["n"].astype("Float64").to_numpy(np.float64, na_value=np.nan)
        trucks, n_seen = np.zeros(shape), np.zeros(shape)
        np.add.at(trucks, place, np.nan_to_num(counts))
        np.add.at(n_seen, place, ~np.isnan(counts))
        shares = {}
        for name in ("coverage_s", "unusable_s", "told_s"):
            shares[name] = np.zeros(shape)
            np.add.at(shares[name], place, hours[name].to_numpy() / 3600)
            shares[name] = np.where(
                times > 0, shares[name] / np.maximum(times, 1), np.nan
            )
        newest = rows[rows["n_samples"] > 0]
        newest = (
            (newest if len(newest) else rows).sort_values("hour_start_utc").iloc[-1]
        )
        sums = rows.groupby("direction")["n_trucks"].sum(min_count=1)
        found.append(
            GateFacts(
                camera=camera,
                gate=gate,
                tz=newest["tz"],
                trucks=np.where(n_seen > 0, trucks, np.nan),
                watched=shares["coverage_s"],
                unusable=shares["unusable_s"],
                by_direction={str(k): _count(v) for k, v in sums.items()},
                config_hash=newest["config_hash"],
                source_kind=newest["source_kind"],
                told=shares["told_s"] if (hours["kind"] == "duty").any() else None,
                band=bands.get((camera, gate)),
            )
        )
    return found


def _read_estimates(hours: Any) -> None:
    """Let the estimate of stills stand for their trucks; say what estimates tell of."""
    is_still = hours["kind"] == "stills"
    hours["n"] = hours["n"].astype("Float64").where(~is_still, hours["est"])
    hours["coverage_s"] = hours["coverage_s"].where(
        ~is_still | (hours["n_samples"] == 0), 3600.0
    )
    is_told = (hours["kind"] == "duty") & hours["est"].notna()
    hours["told_s"] = hours["coverage_s"].where(~is_told, 3600.0)


def _files(store: Store, camera: str, first: date) -> list[SegmentRecord]:
    floor_us = int(np.datetime64(first, "us").astype(np.int64)) - 86_400_000_000
    dated = [
        r
        for r in store.segments(camera, window=(floor_us, FOREVER_US))
        if r.start_us is not None and r.start_us >= floor_us
    ]
    counted_us = {r.path: r.known_at_us for r in dated if r.status == "done"}
    undated = [
        r
        for r in undated_segments(store.root, camera)
        if r.known_at_us >= max(floor_us, counted_us.get(r.path, 0))
    ]  # of a file that was read too early, and counted when it was whole, no word
    return undated + dated


def _read_revisions(root: Path, since: Any) -> tuple[dict[str, int], list[Change]]:
    files = sorted((root / "history").glob("[!._]*/[!._]*.parquet"))
    if not files:
        return {}, []
    table = pa.concat_tables(
        [read_table(f, "history").select(REVISION_COLUMNS) for f in files]
    )
    moment = pa.scalar(since.to_pydatetime(), pa.timestamp("us", tz="UTC"))
    table = table.filter(pc.field("hour_start_utc") >= moment)
    counted = pc.value_counts(table["cause"]).to_pylist()
    causes = {row["values"]: row["counts"] for row in counted}
    keys = ["camera", "gate", "direction", "hour_start_utc"]
    frame = table.to_pandas().sort_values([*keys, "revision"])
    many = frame[frame.duplicated(keys, keep=False)]
    return causes, list(_changes(many, keys))


def _changes(frame: Any, keys: list[str]) -> Iterator[Change]:
    """Yield the keys whose count is another than at first; revisions are in order.

    With the newest revision that changed the count: a finality or a factor that came
    after it says nothing of when and why the count did.
    """
    if frame.empty:
        return
    group = frame.groupby(keys, sort=False).ngroup().to_numpy()
    is_first = np.append(True, group[1:] != group[:-1])
    count = frame["n_trucks"].to_numpy(np.float64, na_value=NOT_WATCHED)
    changed = np.flatnonzero(~is_first & (count != np.roll(count, 1)))
    is_newest = np.append(group[changed][1:] != group[changed][:-1], True)
    for at in changed[is_newest[: len(changed)]]:
        first = np.flatnonzero(is_first[: at + 1])[-1]
        if count[first] == count[at]:
            continue
        row = frame.iloc[at]
        yield Change(
            camera=row["camera"],
            gate=row["gate"],
            direction=row["direction"],
            hour_start_utc=row["hour_start_utc"],
            first=_count(frame["n_trucks"].iloc[first]),
            latest=_count(row["n_trucks"]),
            cause=row["cause"],
            is_after_final=bool(frame["is_final"].iloc[at - 1]),
        )


def _count(value: Any) -> int | None:
    return None if pd.isna(value) else int(value)
