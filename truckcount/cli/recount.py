"""`truckcount recount` and `restate`: hours that were published, counted anew."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from truckcount.cli._console import align, give, give_json, say
from truckcount.cli._options import (
    check_iso_time,
    check_order,
    device_option,
    gate_option,
    model_option,
    precision_option,
    sample_fps_option,
)

if TYPE_CHECKING:
    from truckcount.pipeline.restating.comparison import Comparison

THRESHOLDS = {
    "on": "on_score",
    "off": "off_score",
    "min_on": "min_on_s",
    "fill": "fill_s",
}
EXIT_SOME_FAILED = 3


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option("--camera", help="Only this camera.")
@click.option("--from", "from_utc", callback=check_iso_time, help="Hours from here on.")
@click.option("--to", "to_utc", callback=check_iso_time, help="Hours before this.")
@click.option("--on", type=float, help="Score at which a truck begins.")
@click.option("--off", type=float, help="Score below which it ends.")
@click.option("--min-on", type=float, help="Shortest stay that counts, seconds.")
@click.option("--fill", type=float, help="Longest miss that is filled, seconds.")
@click.option(
    "--config", "--cameras", "cameras", type=click.Path(path_type=Path),
    help="cameras.toml with gates, directions and thresholds; without, the store's "
    "own copy.",
)  # fmt: skip
@click.option("--gate", help="The polygon of the run, where it was given so.")
@model_option
@click.option(
    "--sample-fps", type=float, default=5.0, show_default=True, help="As of the run."
)
@click.option("--bins", type=int, default=60, show_default=True, help="5, 15, 30, 60.")
@click.option("--speed", default="exact", show_default=True, help="As of the run.")
@click.option("--precision", default="f32", show_default=True, help="As of the run.")
@click.option("--backend", default="av", show_default=True, help="As of the run.")
@click.option(
    "--jobs", type=int, default=1, show_default=True, help="Cameras at a time."
)
@click.option("--dry-run", is_flag=True, help="Say what would change; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="A list, one object a camera.")
def recount(store: Path, **options: Any) -> int:
    """Count the stored scores of STORE again, without decoding any video.

    After a change of thresholds, debounce, the `in` vector or the `timezone`. What
    changes becomes revisions of cause `config`; what was known before stays in history.

    \b
    Example:
      truckcount recount store --on 0.6 --dry-run
      truckcount recount store --config cameras.toml --from 2026-03-01
    """
    from truckcount.pipeline.config import RunOptions
    from truckcount.pipeline.restating.store_recount import (
        FOREVER_US,
        RecountOptions,
        recount_store,
    )

    is_dry_run, as_json = options.pop("dry_run"), options.pop("as_json")
    given = {name: options.pop(key) for key, name in THRESHOLDS.items()}
    check_order(options["from_utc"], options["to_utc"])
    begin, end = (_moment_us(options.pop(key)) for key in ("from_utc", "to_utc"))
    wanted = RecountOptions(
        from_us=0 if begin is None else begin,
        to_us=FOREVER_US if end is None else end,
        thresholds=tuple((k, v) for k, v in given.items() if v is not None),
        is_dry_run=is_dry_run,
        jobs=options.pop("jobs"),
    )
    done = recount_store(store, RunOptions(store=store, **options), wanted)
    if as_json:
        give_json(
            [
                one.comparison.to_json()
                | {
                    "n_camera_hours": one.n_camera_hours,
                    "n_revisions": one.n_revisions,
                    "n_segments_left_out": one.n_left_out,
                    "is_published": not is_dry_run,
                }
                for one in done
            ]
        )
        return 0
    for one in done:
        if one.n_left_out:
            say(
                f"{one.comparison.camera}: {one.n_left_out} files were scored with "
                "another model, polygon or sampling and keep their hours"
            )
    show_comparisons([one.comparison for one in done])
    say(
        f"{sum(o.n_camera_hours for o in done)} camera-hours counted again; "
        + ("nothing written: dry run" if is_dry_run else _revised(done))
    )
    return 0


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option("--camera", help="Only this camera.")
@click.option(
    "--cameras",
    type=click.Path(path_type=Path),
    help="Gates to count with from now; without, the store's own copy.",
)
@gate_option
@model_option
@device_option
@precision_option
@sample_fps_option
@click.option("--bins", type=int, default=60, show_default=True, help="5, 15, 30, 60.")
@click.option("--jobs", type=int, default=1, show_default=True, help="Files at a time.")
@click.option("--publish", is_flag=True, help="Write the revisions.")
@click.option("--json", "as_json", is_flag=True, help="A list, one object a camera.")
def restate(store: Path, **options: Any) -> int:
    """Show what STORE would say with another model or polygon; then --publish it.

    Decodes the videos of the store again, where their scores would be others, and
    keeps what it found until it is published. Exit code 3: some videos are gone,
    their hours stay as they are.

    \b
    Example:
      truckcount restate store --model new.safetensors
      truckcount restate store --model new.safetensors --publish
    """
    from truckcount.cli._progress import progress_for
    from truckcount.pipeline.config import RunOptions
    from truckcount.pipeline.restating.restatement import restate_store

    is_published, as_json = options.pop("publish"), options.pop("as_json")
    bar = progress_for(is_quiet=as_json)
    try:
        done = restate_store(
            store,
            RunOptions(store=store, **options),
            is_published=is_published,
            listener=bar,
        )
    finally:
        if bar is not None:
            bar.close()
    if as_json:
        give_json(
            [
                one.comparison.to_json()
                | {
                    "n_camera_hours": one.n_camera_hours,
                    "n_files_decoded": one.n_decoded,
                    "files_missing": list(one.missing),
                    "n_revisions": one.n_revisions,
                    "is_published": is_published,
                }
                for one in done
            ]
        )
    else:
        for path in (path for one in done for path in one.missing):
            say(f"{path}: gone or changed; its hours stay as they are")
        show_comparisons([one.comparison for one in done])
        hint = "nothing published: look, then run again with --publish"
        say(_revised(done) if is_published else hint)
    return EXIT_SOME_FAILED if any(one.missing for one in done) else 0


def show_comparisons(comparisons: "list[Comparison]") -> None:
    """Show old against new: sums and correlation, then the hours that change most."""
    header = ["camera", "hours", "changed", "trucks_old", "trucks_new", "r"]
    rows = [
        [
            c.camera,
            str(c.n_hours),
            str(c.n_changed),
            _spell(c.sum_old),
            _spell(c.sum_new),
            "-" if c.correlation is None else f"{c.correlation:.3f}",
        ]
        for c in comparisons
    ]
    give(align(rows, header) if rows else "no camera")
    worst = [
        [
            c.camera,
            hour.gate,
            hour.direction,
            f"{hour.hour_start_utc:%Y-%m-%dT%HZ}",
            _spell(hour.n_old),
            _spell(hour.n_new),
        ]
        for c in comparisons
        for hour in c.worst
    ]
    if worst:
        give("")
        give(align(worst, ["camera", "gate", "direction", "hour_utc", "old", "new"]))


def _spell(n: float | None) -> str:
    """Spell a count, or an estimate with one decimal."""
    if n is None:
        return "-"
    return str(n) if isinstance(n, int) else f"{n:.1f}"


def _revised(done: list[Any]) -> str:
    n = sum(one.n_revisions for one in done)
    return f"{n} revisions written" if n else "no hour changed, no revision written"


def _moment_us(text: str | None) -> int | None:
    from datetime import UTC, datetime

    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1_000_000)
