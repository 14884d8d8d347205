"""What a run gives back: files, passages, hours, totals, speed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from truckcount.domain.hour import HourRow
from truckcount.domain.iso_time import iso_utc
from truckcount.domain.passage import Passage
from truckcount.pipeline.camera_warnings import is_of_camera, join_cameras
from truckcount.pipeline.result_frames import hours_frame, passages_frame
from truckcount.store.payload import ESTIMATES
from truckcount.store.seals import LEFT_OUT

if TYPE_CHECKING:
    import pandas as pd

EXIT_DONE = 0
EXIT_SOME_FAILED = 3
EXIT_NOTHING_USABLE = 4
EXIT_STORE = 5
EXIT_INTERRUPTED = 130

BLOCKED = "blocked"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileWork:
    """What decoding and scoring one file came to, for whoever adds it up."""

    n_frames: int
    n_views: int
    end_us: int
    """End of the last frame, microseconds since 1970 UTC."""
    coverage_s: Mapping[str, float]
    """Usable seconds by gate, of this file alone: overlaps are not taken out."""
    unusable_s: Mapping[str, float]
    """Seconds by cause (``domain.sample.CAUSES``); each second has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOutcome:
    """What became of one offered file."""

    path: str
    camera: str
    status: str
    """``done``, ``reused`` (scores were in the store), ``duplicate``, ``conflict``,
    ``ambiguous_time``, ``no_time``, ``missing``, ``corrupt``, ``empty``, ``growing``,
    ``unreadable``, ``failed``; ``blocked`` when not the file but its camera's part of
    the store is in the way; ``deleted``
    or ``sealed`` when its hours are not counted any more, ``late`` when they are
    closed but for a backfill."""
    error: str | None = None
    segment_id: str | None = None
    start_utc: str | None = None
    start_source: str | None = None
    time_quality: str | None = None
    duration_s: float | None = None
    samples: int | None = None
    bad_packets: int | None = None
    unusable_s: float | None = None
    passages: int | None = None
    seconds_decode: float | None = None
    warnings: tuple[str, ...] = ()
    work: FileWork | None = None
    """None where nothing was decoded; not in the JSON."""

    @property
    def is_failed(self) -> bool:
        """Whether the file's trucks could not be counted."""
        return self.status not in {"done", "reused", "duplicate", *LEFT_OUT}


_FILE_KEYS = [name for name in FileOutcome.__dataclass_fields__ if name != "work"]


class RunListener(Protocol):
    """Hears how a run gets on; the command line draws it."""

    def started(self, n_files: int) -> None:
        """Take note that so many files are about to be read."""

    def advanced(self, path: str, video_s: float, length_s: float | None) -> None:
        """Take note that a file has been read up to here, of what its header tells."""

    def finished(self, outcome: FileOutcome, n_trucks: int) -> None:
        """Take note of a file's end and of all trucks counted so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """Everything a run did, ready for JSON or pandas."""

    version: str
    model_id: str
    config_hash: str
    store: str
    bin_minutes: int
    file_outcomes: tuple[FileOutcome, ...]
    passage_rows: tuple[dict[str, Any], ...]
    hour_rows: tuple[dict[str, Any], ...]
    speed: dict[str, Any] = field(default_factory=dict)
    is_empty_fine: bool = False
    """Only what is new was asked for: no file at all is no failure."""
    is_interrupted: bool = False
    """Live cameras are read until somebody ends it."""

    @property
    def exit_code(self) -> int:
        """0 done, 3 some inputs failed, 4 nothing usable, 5 store, 130 interrupted."""
        if self.is_interrupted:
            return EXIT_INTERRUPTED
        if not self.file_outcomes and self.is_empty_fine:
            return EXIT_DONE
        if self.blocked:
            return EXIT_STORE
        n_failed = sum(outcome.is_failed for outcome in self.file_outcomes)
        if not self.file_outcomes or n_failed == len(self.file_outcomes):
            return EXIT_NOTHING_USABLE
        return EXIT_SOME_FAILED if n_failed else EXIT_DONE

    @property
    def blocked(self) -> tuple[FileOutcome, ...]:
        """Files that wait for their camera's part of the store to be mended."""
        return tuple(o for o in self.file_outcomes if o.status == BLOCKED)

    @property
    def camera_warnings(self) -> tuple[str, ...]:
        """What the files' warnings tell of whole cameras, each once."""
        return join_cameras(
            (outcome.camera, warning)
            for outcome in self.file_outcomes
            for warning in outcome.warnings
            if is_of_camera(warning, outcome.camera)
        )

    @property
    def totals(self) -> dict[str, Any]:
        """Sums over the run's files; trucks are null when nothing was watched."""
        counts = [row["n_trucks"] for row in self.hour_rows]
        is_seen = any(count is not None for count in counts)
        by_direction: dict[str, int] = {}
        for row in self.passage_rows:
            if row["is_counted"]:
                by_direction[row["direction"]] = (
                    by_direction.get(row["direction"], 0) + 1
                )
        return {
            "files": len(self.file_outcomes),
            "files_failed": sum(o.is_failed for o in self.file_outcomes),
            "n_trucks": sum(by_direction.values()) if is_seen else None,
            "by_direction": by_direction,
            "duration_s": sum(o.duration_s or 0.0 for o in self.file_outcomes),
        }

    @property
    def passages(self) -> "pd.DataFrame":
        """Passages as a frame, times tz-aware UTC."""
        return passages_frame(self.passage_rows)

    @property
    def hours(self) -> "pd.DataFrame":
        """Hours touched by this run, typed as the store's; unseen is <NA>, not 0."""
        return hours_frame(self.hour_rows)

    def to_json(self) -> dict[str, Any]:
        """Return the object that ``run --json`` prints."""
        files = [
            {name: getattr(o, name) for name in _FILE_KEYS} for o in self.file_outcomes
        ]
        return {
            "version": self.version,
            "model_id": self.model_id,
            "config_hash": self.config_hash,
            "store": self.store,
            "files": files,
            "passages": list(self.passage_rows),
            "hours": list(self.hour_rows),
            "totals": self.totals,
            "speed": self.speed,
        }


def passage_row(camera: str, passage: Passage) -> dict[str, Any]:
    """Spell a passage as the JSON object of design section 10."""
    return {
        "camera": camera,
        "gate": passage.gate,
        "onset_utc": iso_utc(passage.onset_us),
        "offset_utc": None if passage.offset_us is None else iso_utc(passage.offset_us),
        "direction": passage.direction,
        "is_counted": passage.is_counted,
        "drop_reason": passage.drop_reason,
        "onset_censored": passage.onset_censored,
        "offset_censored": passage.offset_censored,
        "score_peak": round(passage.score_peak, 4),
        "score_mean": round(passage.score_mean, 4),
        "path": [[t, round(x, 4), round(y, 4)] for t, x, y in passage.path],
    }


def hour_row(camera: str, row: HourRow, stored: dict[str, Any]) -> dict[str, Any]:
    """Spell an hour row as a JSON object with the columns of ``hours``.

    Parameters
    ----------
    stored : dict
        The row as the store stamped it; empty for one that it holds no row of.
    """
    values = {name: _plain(value) for name, value in stored.items()}
    values.pop("bin_start_utc", None)
    counted = {
        "camera": camera,
        "gate": row.gate,
        "direction": row.direction,
        "hour_start_utc": iso_utc(row.bin_start_us),
        "bin_minutes": row.bin_minutes,
        "n_trucks": row.n_trucks,
        "onsets": row.onsets,
        "n_censored": row.n_censored,
        "coverage_s": round(row.coverage_s, 3),
        "unusable_s": round(row.unusable_s, 3),
        "max_gap_s": round(row.max_gap_s, 3),
        "busy_s": None if row.busy_s is None else round(row.busy_s, 3),
        "n_samples": row.n_samples,
        "occupancy_mean": row.occupancy_mean,
        "n_trucks_est": row.n_trucks_est,
        "n_trucks_se": row.n_trucks_se,
        "n_trucks_se_indep": row.n_trucks_se_indep,
    }
    # the store's estimates carry the factor of an audit, where there is one
    kept = {k: v for k, v in values.items() if k not in counted or k in ESTIMATES}
    return counted | kept


def _plain(value: Any) -> Any:
    """Spell a moment as ISO-8601; leave what is none."""
    if not isinstance(value, datetime):
        return value
    return value.isoformat().replace("+00:00", "Z")
