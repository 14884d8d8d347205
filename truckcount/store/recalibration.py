"""Published hours to the same hours with the factors known by now, as revisions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from truckcount.domain.calibration import Calibration, latest_revisions
from truckcount.store.bins_table import SUB_HOURS, write_bins
from truckcount.store.calibrated_rows import carry_factor, drop_factor
from truckcount.store.calibrations_table import read_calibrations
from truckcount.store.history import Clock, History, known_at
from truckcount.store.hours_table import month_span, rebuild_month
from truckcount.store.layout import table_files
from truckcount.store.payload import ESTIMATES, is_near, payload_sha
from truckcount.store.publish import read_table

CAUSE = "recalibrate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalibration:
    """What newer factors change in a camera's hours, or changed."""

    old: tuple[dict[str, Any], ...]
    """Rows of ``hours`` that carry another factor than they did, as they stood."""
    new: tuple[dict[str, Any], ...]
    """The same rows with it, in the same order."""
    n_revisions: int
    """0 until it is published."""


def recalibrate_hours(
    root: Path,
    camera: str,
    clock: Clock,
    *,
    fresh: Sequence[Calibration] = (),
    is_published: bool,
) -> Recalibration:
    """Give every hour the factor that a run of now would give it.

    Parameters
    ----------
    fresh : sequence of Calibration
        Or revisions, that are not in the store yet: to be looked at before they are.
    is_published : bool
        Write revisions of cause ``recalibrate``; hold the camera's lock for it.
        Their ``known_at_utc`` is not before that of their factor, so that no reader
        as of a moment meets a factor that nobody had measured yet.
    """
    known = [*read_calibrations(root, camera), *fresh]
    old: list[dict[str, Any]] = []
    new: list[dict[str, Any]] = []
    n_revisions = 0
    for path in table_files(root, "hours", camera):
        history = History(root, camera, *month_span(path.stem), clock)
        pairs = list(_changed(history.latest.to_pylist(), known, known_at(clock())))
        old += [row for row, _ in pairs]
        new += [draft for _, draft in pairs]
        if not is_published:
            continue
        found = [history.revise(draft | {"cause": CAUSE}) for _, draft in pairs]
        added = [row for row in found if row is not None]
        if added:
            history.append(added)
        rebuild_month(root, camera, path.stem, history.latest)
        n_revisions += len(added)
    if is_published:
        for minutes in SUB_HOURS:
            _recalibrate_bins(root, camera, minutes, known, known_at(clock()))
    return Recalibration(old=tuple(old), new=tuple(new), n_revisions=n_revisions)


def _changed(
    rows: Sequence[dict[str, Any]],
    known: Sequence[Calibration],
    known_by_us: int,
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    by_id = latest_revisions(known)
    for row in rows:
        draft = carry_factor(drop_factor(row, by_id), known, known_by_us)
        if draft["calibration_id"] == row["calibration_id"] and all(
            is_near(draft[name], row[name]) for name in ESTIMATES
        ):
            continue
        if "payload_sha" in row:
            draft["payload_sha"] = payload_sha(draft)
        yield row, draft


def _recalibrate_bins(
    root: Path,
    camera: str,
    minutes: int,
    known: Sequence[Calibration],
    known_us: int,
) -> None:
    table = f"bins_{minutes:02d}"
    for path in table_files(root, table, camera):
        rows = read_table(path, table).to_pylist()
        # all bins of a touched hour, so that none is taken for one that is gone
        drafts = {_key(row): row for row in rows}
        drafts |= {_key(new): new for _, new in _changed(rows, known, known_us)}
        spelled = [_spelled(draft) for draft in drafts.values()]
        write_bins(root, camera, minutes, spelled, known_us)


def _spelled(row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "hour_start_utc": row["bin_start_utc"]}


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return (row["gate"], row["direction"], row["bin_start_utc"])
