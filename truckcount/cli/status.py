"""`truckcount status`: is every hour there, and if not, why."""

from pathlib import Path
from typing import Any

import click

from truckcount.cli._console import align, give, give_json
from truckcount.cli._options import given_paths

MAX_SHOWN = 10  # one screen; --json tells all


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.argument("folders", nargs=-1, callback=given_paths)
@click.option(
    "--cameras",
    type=click.Path(path_type=Path),
    help="A camera named there and never seen is a fault.",
)
@click.option("--warn-lag", type=float, default=3.0, show_default=True, help="Hours.")
@click.option(
    "--critical-lag", type=float, default=12.0, show_default=True, help="Hours."
)
@click.option(
    "--retired-after",
    type=float,
    default=30.0,
    show_default=True,
    help="Days of silence after which a camera is no longer missed.",
)
@click.option(
    "--settle",
    type=float,
    default=30.0,
    show_default=True,
    help="Seconds without a write after which a file is finished.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def status(
    store: Path,
    folders: tuple[str, ...],
    cameras: Path | None,
    warn_lag: float,
    critical_lag: float,
    retired_after: float,
    settle: float,
    as_json: bool,
) -> int:
    """Say how STORE gets on, and what waits in FOLDERS.

    \b
    Example:
      truckcount status store recordings/ --cameras cameras.toml

    Exit codes, as monitoring systems read them: 0 fine, 1 warning (a camera lags,
    files failed, the disk is full within 14 days), 2 critical (a camera is silent or
    was never seen, a folder is not there, rows are stamped in the future, the disk is
    full within 2 days), 5 when the store cannot be read.
    """
    from truckcount.pipeline.cameras import load_cameras
    from truckcount.pipeline.unattended.status import LEVELS, StatusOptions, read_status

    book = None if cameras is None else load_cameras(cameras)
    options = StatusOptions(
        warn_lag_h=warn_lag,
        critical_lag_h=critical_lag,
        retired_after_days=retired_after,
        settle_s=settle,
        expected=() if book is None else tuple(c.name for c in book.cameras),
    )
    found = read_status(store, folders, options)
    if as_json:
        give_json(found)
    else:
        give(_screen(found))
    return LEVELS.index(found["level"])


def _screen(found: dict[str, Any]) -> str:
    parts = [f"{found['level'].upper()}  {found['store']}  {found['time_utc'][:19]}Z"]
    parts += [f"  {reason}" for reason in found["reasons"]]
    parts += ["", _camera_table(found["cameras"])]
    if found["waiting"] is not None:
        w = found["waiting"]
        age = w["oldest_age_s"]
        parts += [
            "",
            f"waiting: {w['ready']} ready"
            + ("" if age is None else f" (oldest {age / 60:.0f} min)")
            + f", {w['growing']} still growing, {w['retry_later']} to be tried again, "
            f"{w['quarantined']} given up",
        ]
    if found["failed"]:
        parts += ["", "failed:"]
        for row in found["failed"][:MAX_SHOWN]:
            parts.append(f"  {row['reason']} [{_next_try(row)}]")
        if len(found["failed"]) > MAX_SHOWN:
            parts.append(f"  and {len(found['failed']) - MAX_SHOWN} more (--json)")
    disk = found["disk"]
    need = disk["bytes_per_day"]
    parts += [
        "",
        f"disk: {disk['store_bytes'] / 1e6:.1f} MB used, "
        f"{disk['free_bytes'] / 1e9:.1f} GB free"
        + ("" if not need else f", {need / 1e6:.2f} MB a day")
        + _lasts(disk["days_left"]),
    ]
    return "\n".join(parts)


def _next_try(row: dict[str, Any]) -> str:
    if row["is_gone"]:
        return "it is gone"
    if row["is_quarantined"]:
        return "given up until it changes"
    when = row["next_try_utc"]
    return "next try: " + ("next run" if when is None else f"{when[:19]}Z")


def _lasts(days: float | None) -> str:
    if days is None:
        return ""
    return f", lasts {days:.0f} days" if days < 3650 else ", lasts over 10 years"


def _camera_table(cameras: list[dict[str, Any]]) -> str:
    rows = []
    for one in cameras:
        longest = one["week_gaps"][0] if one["week_gaps"] else None
        rows.append(
            [
                one["camera"],
                one["level"],
                "-"
                if one["last_hour_utc"] is None
                else one["last_hour_utc"][:16] + "Z",
                "-"
                if one["last_hour_trucks"] is None
                else str(one["last_hour_trucks"]),
                "-" if one["lag_s"] is None else _length(one["lag_s"]),
                str(len(one["week_gaps"])),
                _length(one["week_gap_s"]),
                "" if longest is None else f"{longest[0][:16]}Z +{_length(longest[2])}",
            ]
        )
    header = ["camera", "state", "last_hour", "trucks", "lag", "gaps_7d", "missing"]
    return align(rows, [*header, "longest_gap"])


def _length(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f}s"
    if seconds < 7200:
        return f"{seconds / 60:.0f}min"
    return f"{seconds / 3600:.1f}h"
