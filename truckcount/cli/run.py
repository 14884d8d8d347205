"""`truckcount run`, the main job, and `backfill`, which lets late files through."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from truckcount.cli._console import align, give, give_json, say
from truckcount.cli._options import (
    check_iso_time,
    given_paths,
    once,
    run_options,
    segment_option,
)
from truckcount.domain.credentials import mask_credentials
from truckcount.errors import StoreLockedError

if TYPE_CHECKING:
    from truckcount.pipeline.result import RunResult


_COUNT_OPTIONS = (
    click.argument("paths", nargs=-1, required=True, callback=given_paths),
    once(
        "--start",
        then=check_iso_time,
        help="ISO-8601 time of the first frame, with offset.",
    ),
    run_options,
    click.option(
        "--settle",
        type=float,
        default=0.0,
        show_default=True,
        help="Leave files alone that were written to within these seconds.",
    ),
    click.option(
        "--rehash",
        "is_rehash",
        is_flag=True,
        help="Read all bytes of known files, too, whatever their size and times say.",
    ),
    click.option(
        "--if-free",
        "is_if_free",
        is_flag=True,
        help="Leave at once, exit 0, when another unattended run is at work.",
    ),
    click.option("--quiet", is_flag=True, help="Say nothing but errors."),
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
)


def _count_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(_COUNT_OPTIONS):
        command = option(command)
    return command


@click.command()
@_count_options
@click.option(
    "--new",
    "is_new_only",
    is_flag=True,
    help="Only files the store does not know, by path, size and time.",
)
@segment_option
def run(paths: tuple[str, ...], **options: Any) -> int:
    """Count trucks in PATHS: files, folders, globs or stream URLs.

    \b
    Example:
      truckcount run video.mp4
      truckcount run recordings/ --cameras cameras.toml --settle 30 --jobs 2
      truckcount run recordings/ --new --if-free --settle 30   # from cron
      truckcount run recordings/ --cameras cameras.toml --store s3://bucket/store
      truckcount run rtsp://user:password@10.0.0.7/live --cameras cameras.toml

    Running again over the same files changes nothing and decodes nothing. Live
    cameras (rtsp, rtmp, srt, udp, tcp) are read after the files, connected again when
    they break, and counted every --segment-minutes until Ctrl-C or SIGTERM, which
    publishes the rest; a URL of http is read as one file. Exit codes: 0 done,
    1 unexpected, 2 usage, 3 some files failed, 4 nothing usable, 5 store, 130
    interrupted.
    """
    from truckcount.pipeline.unattended.run_live import check_live

    if options["is_new_only"] and options["is_rehash"]:
        msg = "--rehash reads known files, which --new leaves alone: give one of them"
        raise click.UsageError(msg)
    check_live(paths, start=options["start"], store=options["store"])
    return _count(paths, **options)


@click.command()
@_count_options
def backfill(paths: tuple[str, ...], **options: Any) -> int:
    """Count PATHS as `run` does, files of closed hours among them.

    An hour closes 35 days after it ended, or after it was first counted where that is
    later: what was told of a month does not move because a recorder finds an old
    file. `run` and `watch` note such a file as `late` and leave it; this command
    revises its hours, with `is_backfill` set. As-of reads of before stay as they were.

    \b
    Example:
      truckcount backfill recordings/card-of-may --cameras cameras.toml
    """
    from truckcount.video import is_live_url

    if any(is_live_url(path) for path in paths):
        msg = "a live camera has no past to fill: `truckcount run` reads it"
        raise click.UsageError(msg)
    return _count(
        paths, is_new_only=False, is_backfill=True, segment_minutes=5.0, **options
    )


def _count(paths: tuple[str, ...], **options: Any) -> int:
    from truckcount.cli._jobs import say_jobs
    from truckcount.cli._progress import progress_for, say_outcomes, say_plans
    from truckcount.cli._without_pandas import hold_back_pandas
    from truckcount.pipeline.config import RunOptions
    from truckcount.pipeline.interrupts import terminate_as_interrupt
    from truckcount.pipeline.unattended.run_all import run_all
    from truckcount.pipeline.unattended.run_live import run_live
    from truckcount.pipeline.unattended.run_new import run_new
    from truckcount.pipeline.unattended.turn import hold_turn
    from truckcount.pipeline.working_copy import is_url, working_copy

    hold_back_pandas()
    is_quiet, as_json = options.pop("quiet"), options.pop("as_json")
    is_new_only, is_if_free = options.pop("is_new_only"), options.pop("is_if_free")
    options["settle_s"] = options.pop("settle")
    segment_s = 60 * options.pop("segment_minutes")
    place = options.pop("store")
    bar = progress_for(is_quiet=is_quiet)

    def run_files(*asked: Any) -> "RunResult":
        try:
            return (run_new if is_new_only else run_all)(*asked)
        finally:  # live cameras have no end for a bar to go to
            if bar is not None:
                bar.close()

    with ExitStack() as stack:
        stack.enter_context(terminate_as_interrupt())
        if is_url(place):
            options["store"] = stack.enter_context(working_copy(place)).root
        else:
            options["store"] = place
        chosen = RunOptions(**options)
        if not is_quiet:
            say_jobs(chosen)
        if bar is not None:
            stack.callback(bar.close)
        if is_if_free:
            try:
                stack.enter_context(hold_turn(chosen.store))
            except StoreLockedError as error:
                say(f"{error}; left to it")
                return 0
        result = run_live(
            paths,
            chosen,
            bar,
            segment_s=segment_s,
            run_files=run_files,
            heard=None if is_quiet else say_outcomes,
        )
    if is_url(place):
        result = replace(result, store=mask_credentials(place))
    if not is_quiet:
        say_plans(result, set())
        for warning in result.camera_warnings:
            say(warning)
    if as_json:
        give_json(result.to_json())
    elif not is_quiet:
        _summarise(result)
    return result.exit_code


def _summarise(result: "RunResult") -> None:
    from truckcount.cli._progress import say_warnings

    if not result.file_outcomes:
        say(f"nothing new; hours in {result.store}/hours")
        return
    say_warnings(result)
    if result.hour_rows:
        give(hour_table(list(result.hour_rows)))
    if any(map(_is_stills_without_dwell, result.hour_rows)):
        say(
            "stills show who is there, not who passes: `est` needs dwell_mean_s and "
            "dwell_cv of each gate in cameras.toml"
        )
    totals = result.totals
    n = totals["n_trucks"]
    if totals["files_failed"] == totals["files"]:
        say(f"nothing counted: none of {totals['files']} files could be")
        return
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


def _is_stills_without_dwell(row: dict[str, Any]) -> bool:
    is_stills = row.get("source_kind") == "stills" and row["n_samples"]
    has_estimate = row["n_trucks_est"] is not None
    # of a directional gate the `unknown` row carries it
    return bool(
        is_stills and row["direction"] in {"any", "unknown"} and not has_estimate
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
        if row["n_trucks_est"] is not None:  # of stills, too, which count none
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
