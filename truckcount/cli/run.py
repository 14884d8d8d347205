"""`truckcount run`: the main job."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from truckcount.cli._console import align, give, give_json, say
from truckcount.cli._options import check_iso_time

if TYPE_CHECKING:
    from truckcount.pipeline.result import RunResult


@click.command()
@click.argument("paths", nargs=-1, required=True)
@click.option("--cameras", type=click.Path(path_type=Path), help="Gates and zones.")
@click.option("--camera", help="Take every file as this camera's.")
@click.option("--gate", help='One polygon, "x,y x,y x,y ...", in fractions.')
@click.option(
    "--start",
    callback=check_iso_time,
    help="ISO-8601 time of the first frame, with offset.",
)
@click.option(
    "--store", type=click.Path(path_type=Path), default=Path("store"), show_default=True
)
@click.option("--model", default="truckmap", show_default=True, help="Name or path.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda.")
@click.option("--sample-fps", type=float, default=5.0, show_default=True)
@click.option("--bins", type=int, default=60, show_default=True, help="5, 15, 30, 60.")
@click.option("--jobs", type=int, default=1, show_default=True, help="Files at a time.")
@click.option(
    "--speed", default="exact", show_default=True, help="exact, fast, fastest."
)
@click.option("--backend", default="av", show_default=True, help="av or opencv.")
@click.option(
    "--settle",
    type=float,
    default=0.0,
    show_default=True,
    help="Leave files alone that were written to within these seconds.",
)
@click.option("--strict-time", is_flag=True, help="Refuse guessed start times.")
@click.option("--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def run(paths: tuple[str, ...], **options: Any) -> int:
    """Count trucks in PATHS: files, folders, globs or stream URLs.

    \b
    Example:
      truckcount run video.mp4
      truckcount run recordings/ --cameras cameras.toml --settle 30 --jobs 2

    Running again over the same files changes nothing and decodes nothing. Exit
    codes: 0 done, 2 usage, 3 some files failed, 4 nothing usable, 5 store.
    """
    from truckcount.cli._progress import progress_for
    from truckcount.pipeline.config import RunOptions
    from truckcount.pipeline.run import run_paths

    is_quiet, as_json = options.pop("quiet"), options.pop("as_json")
    options["settle_s"] = options.pop("settle")
    options["is_strict_time"] = options.pop("strict_time")
    chosen = RunOptions(**options)
    bar = progress_for(is_quiet=is_quiet)
    try:
        result = run_paths(paths, chosen, bar)
    finally:
        if bar is not None:
            bar.close()
    if not is_quiet:
        for camera, plan in result.speed.get("plans", {}).items():
            say(f"{camera}: {plan['reason']}")
    if as_json:
        give_json(result.to_json())
    elif not is_quiet:
        _summarise(result)
    return result.exit_code


def _summarise(result: "RunResult") -> None:
    for outcome in result.file_outcomes:
        for warning in outcome.warnings:
            say(f"{outcome.path}: {warning}")
    if result.hour_rows:
        give(hour_table(list(result.hour_rows)))
    totals = result.totals
    n = totals["n_trucks"]
    split = ", ".join(f"{k} {v}" for k, v in sorted(totals["by_direction"].items()))
    speed = result.speed["x_realtime"]
    say(
        f"{'no coverage' if n is None else f'{n} trucks'}"
        + (f" ({split})" if split else "")
        + f" in {totals['files'] - totals['files_failed']} of {totals['files']} files, "
        + f"{totals['duration_s']:.0f} s of video"
        + (f", {speed:.0f}x real time" if speed else ", nothing new to decode")
        + f"; hours in {result.store}/hours"
    )


def hour_table(rows: list[dict[str, Any]], *, is_local: bool = False) -> str:
    """Lay out hours: one line a camera, gate and hour; unseen is `-`, never 0."""
    lines: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in rows:
        key = (row["camera"], row["gate"], str(row["hour_start_utc"]))
        line = lines.setdefault(
            key,
            {
                "hour": _local_hour(row) if is_local else _utc_hour(row),
                "coverage_s": row["coverage_s"],
                "unusable_s": row["unusable_s"],
                "est": None,
                "is_seen": True,
            },
        )
        line[row["direction"]] = row["n_trucks"]
        if row["n_trucks"] is None:
            line["is_seen"] = False
        elif row["n_trucks_est"] is not None:
            line["est"] = (line["est"] or 0.0) + row["n_trucks_est"]
    table = []
    for (camera, gate, _), line in sorted(lines.items()):
        counts = {k: line.get(k) for k in ("in", "out", "unknown", "any")}
        seen = [v for v in counts.values() if v is not None]
        table.append(
            [
                camera,
                gate,
                line["hour"],
                str(sum(seen)) if line["is_seen"] else "-",
                *(
                    "" if k not in line else "-" if v is None else str(v)
                    for k, v in counts.items()
                    if k != "any"
                ),
                f"{line['coverage_s']:.0f}",
                f"{line['unusable_s']:.0f}",
                "-" if line["est"] is None else f"{line['est']:.0f}",
            ]
        )
    return align(
        table,
        [
            "camera",
            "gate",
            "hour_local" if is_local else "hour_utc",
            "trucks",
            "in",
            "out",
            "unknown",
            "watched_s",
            "unusable_s",
            "est",
        ],
    )


def _utc_hour(row: dict[str, Any]) -> str:
    text = str(row["hour_start_utc"]).replace(" ", "T")
    return text.replace("+00:00", "Z").replace(":00Z", "Z")


def _local_hour(row: dict[str, Any]) -> str:
    # with its offset: the repeated hour of autumn is two hours, not one
    sign, offset = "-" if row["utc_offset_min"] < 0 else "+", abs(row["utc_offset_min"])
    local = row["local_start"].isoformat(timespec="minutes")
    return f"{local}{sign}{offset // 60:02d}:{offset % 60:02d}"
