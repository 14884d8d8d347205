"""A store and its folders to one screen: is every hour there, and if not, why."""

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from truckcount.domain.credentials import URL_PATTERN, mask_url
from truckcount.domain.iso_time import iso_utc
from truckcount.domain.segment import FUTURE_US
from truckcount.errors import ConfigError
from truckcount.pipeline.segments import is_counted_row
from truckcount.pipeline.unattended.attempts import US_PER_S, WEEK_US, Attempts
from truckcount.pipeline.unattended.failed_files import find_failed
from truckcount.pipeline.unattended.intake import Waiting, find_waiting
from truckcount.pipeline.unattended.known_files import KnownFiles
from truckcount.pipeline.unattended.known_mounts import KnownMounts
from truckcount.store import Store
from truckcount.store.read import read_bins
from truckcount.store.seals import LEFT_OUT
from truckcount.store.segments_table import read_columns
from truckcount.store.stamps import stamps_ahead

FINE, WARNING, CRITICAL = 0, 1, 2
_COLUMNS = (
    "path", "status", "error", "source_kind", "start_utc", "end_utc", "duration_s",
    "known_at_utc",
)  # fmt: skip
LEVELS = ("ok", "warning", "critical")
HOUR_US = 3600 * US_PER_S
MIN_GAP_US = 5 * US_PER_S  # recorders lose a moment between two files
MISSED_CYCLES = 1.5  # a pause this long lacks a clip; clips come some seconds late
LOW_DISK_BYTES = 200 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusOptions:
    """What is worth a warning; every default is an operator's first guess."""

    warn_lag_h: float = 3.0
    critical_lag_h: float = 12.0
    retired_after_days: float = 30.0
    """A camera silent for longer is listed and no longer a reason to worry."""
    settle_s: float = 30.0
    expected: tuple[str, ...] = ()
    """Cameras that ought to be there, as ``cameras.toml`` names them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CameraStatus:
    """How one camera gets on."""

    camera: str
    level: str
    last_end_utc: str | None
    """End of the last counted segment; None: nothing was ever counted."""
    lag_s: float | None
    last_hour_utc: str | None
    last_hour_trucks: int | None
    """None where nobody watched, never 0."""
    last_hour_coverage_s: float | None
    week_covered_s: float
    week_gap_s: float
    week_gaps: tuple[tuple[str, str, float], ...]
    """(from, to, seconds), the longest first; pauses of a duty cycle are none."""
    n_in_future: int = 0
    """Segments whose recorder's clock is ahead: lag and gaps leave them out."""


def read_status(
    store: str | Path,
    folders: Sequence[str] = (),
    options: StatusOptions | None = None,
    now_s: float | None = None,
) -> dict[str, Any]:
    """Gather the state of a store.

    Returns
    -------
    dict
        ``level`` (ok, warning, critical), ``reasons``, ``cameras``, ``waiting``,
        ``failed``, ``disk``: what ``status --json`` prints.

    Raises
    ------
    ConfigError
        When a folder is a URL.
    StoreError
        When the store cannot be read.
    """
    options = StatusOptions() if options is None else options
    now_us = round((time.time() if now_s is None else now_s) * US_PER_S)
    opened = Store.open(store, is_new_allowed=False)
    segments = {
        name: read_columns(opened.root, name, _COLUMNS) for name in opened.cameras()
    }
    segments = {
        name: table  # a deleted camera is no worry
        for name, table in segments.items()
        if table.filter(~pc.field("status").isin(sorted(LEFT_OUT))).num_rows
    }
    cameras = [
        _camera_status(opened, name, segments.get(name), options, now_us)
        for name in sorted({*_cameras_of(segments), *options.expected})
    ]
    attempts = Attempts(opened.root)
    places = [_place(folder) for folder in folders]
    waiting = find_waiting(
        places,
        KnownFiles.of_store(opened),
        KnownMounts(opened.root),
        attempts,
        settle_s=options.settle_s,
        now_s=now_us / US_PER_S,
    )
    failed = find_failed(segments, attempts, now_us)
    disk = _disk_need(opened.root, segments, now_us)
    reasons = [
        *_reasons(cameras, waiting, failed),
        *_clock_reasons(opened, now_us),
        *_disk_reasons(disk),
    ]
    return {
        "store": str(store),
        "time_utc": iso_utc(now_us),
        "level": LEVELS[max((level for level, _ in reasons), default=FINE)],
        "reasons": [text for _, text in sorted(reasons, reverse=True)],
        "cameras": [asdict(one) for one in cameras],
        "waiting": _waiting_row(waiting, now_us) if folders else None,
        "failed": failed,
        "disk": disk,
    }


def _place(folder: str) -> str:
    if URL_PATTERN.match(str(folder)):
        msg = (
            f"{mask_url(folder)} is no folder: what is live is told by its camera, of "
            "--cameras and of the store"
        )
        raise ConfigError(msg)
    return str(Path(folder).absolute())


def _cameras_of(segments: dict[str, pa.Table]) -> list[str]:
    """Leave out cameras known by one failed file alone.

    Its name made them up, as of a file of junk: it is told under failed files.
    """
    return [
        name
        for name, table in segments.items()
        if table["error"].null_count or len(pc.unique(table["path"])) > 1
    ]


def _camera_status(
    store: Store,
    camera: str,
    segments: pa.Table | None,
    options: StatusOptions,
    now_us: int,
) -> CameraStatus:
    counted = None if segments is None else segments.filter(is_counted_row())
    n_all = 0 if counted is None else len(counted)
    if counted is not None:
        counted = counted.filter(pc.field("start_utc") <= _moment(now_us + FUTURE_US))
    if counted is None or not len(counted):
        return CameraStatus(
            camera=camera, level="critical", last_end_utc=None, lag_s=None,
            last_hour_utc=None, last_hour_trucks=None, last_hour_coverage_s=None,
            week_covered_s=0.0, week_gap_s=0.0, week_gaps=(), n_in_future=n_all,
        )  # fmt: skip
    starts, ends = (
        counted[name].cast(pa.int64()).to_numpy() for name in ("start_utc", "end_utc")
    )
    last_us = int(ends.max())
    lag_s = (now_us - last_us) / US_PER_S
    is_recent = ends > now_us - WEEK_US
    spans = sorted(
        zip(starts[is_recent].tolist(), ends[is_recent].tolist(), strict=True)
    )
    is_duty = pc.any(pc.equal(counted["source_kind"].filter(is_recent), "duty")).as_py()
    least_us = _pause_us(spans) if is_duty else MIN_GAP_US
    gaps, covered_us = _gaps(spans, max(now_us - WEEK_US, int(starts.min())), least_us)
    hour_us, trucks, coverage_s = _last_hour(store, camera, last_us)
    return CameraStatus(
        camera=camera,
        level=_lag_level(lag_s, options),
        last_end_utc=iso_utc(last_us),
        lag_s=round(lag_s, 1),
        last_hour_utc=iso_utc(hour_us),
        last_hour_trucks=trucks,
        last_hour_coverage_s=coverage_s,
        week_covered_s=round(covered_us / US_PER_S, 1),
        week_gap_s=round(sum(b - a for a, b in gaps) / US_PER_S, 1),
        week_gaps=tuple(
            (iso_utc(a), iso_utc(b), round((b - a) / US_PER_S, 1))
            for a, b in sorted(gaps, key=lambda gap: gap[0] - gap[1])
        ),
        n_in_future=n_all - len(counted),
    )


def _moment(t_us: int) -> pa.Scalar:
    return pa.scalar(t_us, pa.int64()).cast(pa.timestamp("us", tz="UTC"))


def _lag_level(lag_s: float, options: StatusOptions) -> str:
    if lag_s > options.retired_after_days * 86_400:
        return "retired"
    if lag_s > options.critical_lag_h * 3600:
        return "critical"
    return "warning" if lag_s > options.warn_lag_h * 3600 else "ok"


def _pause_us(spans: Sequence[tuple[int, int]]) -> int:
    """Tell from what on a pause of a camera on a cycle is a clip that failed.

    Nobody declares its cycle: it is what lies between most of its clips.
    """
    begins = [start for start, _ in spans]
    cycle_us = median(b - a for a, b in pairwise(begins)) if len(begins) > 1 else 0
    return max(MIN_GAP_US, round(MISSED_CYCLES * cycle_us))


def _gaps(
    spans: Sequence[tuple[int, int]], from_us: int, least_us: int = MIN_GAP_US
) -> tuple[list[tuple[int, int]], int]:
    """Find the stretches between segments since a moment, and the time covered.

    What no segment follows yet is lag, not a gap.
    """
    gaps, covered, at = [], 0, from_us
    for start, end in spans:
        if end <= at:
            continue
        if start - at >= least_us:
            gaps.append((at, start))
        covered += end - max(start, at)
        at = end
    return gaps, covered


def _last_hour(
    store: Store, camera: str, last_us: int
) -> tuple[int, int | None, float | None]:
    hour_us = (last_us - 1) // HOUR_US * HOUR_US
    rows = read_bins(store.root, camera, 60, hour_us, hour_us + HOUR_US)
    seen = [row["n_trucks"] for row in rows if row["n_trucks"] is not None]
    coverage = [row["coverage_s"] for row in rows]
    return (
        hour_us,
        sum(seen) if seen else None,
        round(max(coverage), 1) if coverage else None,
    )


def _waiting_row(waiting: Waiting, now_us: int) -> dict[str, Any]:
    oldest = min((s.mtime for s in waiting.ready if s.mtime), default=None)
    return {
        "ready": len(waiting.ready),
        "growing": len(waiting.growing),
        "retry_later": len(waiting.later),
        "quarantined": len(waiting.quarantined),
        "missing_folders": list(waiting.missing),
        "oldest_age_s": (
            None if oldest is None else round(now_us / US_PER_S - oldest, 1)
        ),
    }


def _disk_need(
    root: Path, segments: dict[str, pa.Table], now_us: int
) -> dict[str, Any]:
    """Measure bytes a counted day takes, and how long the disk lasts at that."""
    n_bytes = 0
    for folder, _, names in os.walk(root):
        for name in names:
            try:
                n_bytes += (Path(folder) / name).stat().st_size
            except OSError:
                continue  # a draft that was renamed meanwhile
    counted = [table.filter(is_counted_row()) for table in segments.values()]
    week = _moment(now_us - WEEK_US)
    all_s = sum(_seconds(table) for table in counted)
    week_s = sum(
        _seconds(table.filter(pc.field("end_utc") > week)) for table in counted
    )
    per_second = n_bytes / all_s if all_s else None
    per_day = None if per_second is None else per_second * week_s / 7
    free = shutil.disk_usage(root).free
    return {
        "store_bytes": n_bytes,
        "free_bytes": free,
        "bytes_per_camera_day": None if per_second is None else per_second * 86_400,
        "bytes_per_day": per_day,
        "days_left": None if not per_day else round(free / per_day, 1),
    }


def _seconds(counted: pa.Table) -> float:
    return sum(s or 0.0 for s in counted["duration_s"].to_pylist())


def _reasons(
    cameras: Sequence[CameraStatus], waiting: Waiting, failed: list[dict[str, Any]]
) -> list[tuple[int, str]]:
    reasons = []
    for one in cameras:
        if one.level in LEVELS[1:]:
            lag = (
                "nothing was ever counted" + (" in the past" if one.n_in_future else "")
                if one.lag_s is None
                else f"last counted {one.lag_s / 3600:.1f} h ago"
            )
            reasons.append((LEVELS.index(one.level), f"{one.camera}: {lag}"))
        if one.n_in_future:
            why = f"{one.n_in_future} files start in the future: set its recorder's "
            reasons.append((WARNING, f"{one.camera}: {why}clock"))
    for path, why in waiting.missing.items():
        reasons.append((CRITICAL, f"{path} {why}"))
    n_held = sum(row["is_quarantined"] for row in failed)
    if failed:
        reasons.append((WARNING, f"{len(failed)} files failed, {n_held} given up"))
    return reasons


def _clock_reasons(store: Store, now_us: int) -> list[tuple[int, str]]:
    """Say of which cameras no hour can be written, since a clock ran ahead."""
    return [
        (
            CRITICAL,
            (
                f"{camera}: {found.n_rows} rows of history are stamped in the future "
                f"(up to {iso_utc(found.latest_us)}), and no hour is written until "
                f"then; set the clock, then `truckcount store check {store.root} "
                "--repair`"
            ),
        )
        for camera in store.cameras()
        if (found := stamps_ahead(store.root, camera, now_us)) is not None
    ]


def _disk_reasons(disk: dict[str, Any]) -> list[tuple[int, str]]:
    days = disk["days_left"]
    if disk["free_bytes"] < LOW_DISK_BYTES or (days is not None and days < 2):
        return [(CRITICAL, f"disk: {disk['free_bytes'] >> 20} MB left")]
    if days is not None and days < 14:
        return [(WARNING, f"disk: full in {days:.0f} days")]
    return []
