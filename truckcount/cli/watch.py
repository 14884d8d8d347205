"""`truckcount watch`: folders that recorders fill, counted as they are finished."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from truckcount.cli._console import say
from truckcount.cli._options import given_paths, run_options, segment_option

if TYPE_CHECKING:
    from truckcount.pipeline.result import RunResult

EXIT_INTERRUPTED = 130


@click.command()
@click.argument("folders", nargs=-1, required=True, callback=given_paths)
@run_options
@click.option(
    "--settle",
    type=float,
    default=10.0,
    show_default=True,
    help="Seconds without a write after which a file is finished.",
)
@click.option(
    "--poll",
    "poll_s",
    type=float,
    help="Look every so many seconds: for network mounts, which tell of nothing.",
)
@segment_option
@click.option(
    "--quarantine-after",
    type=click.IntRange(1),
    default=6,
    show_default=True,
    help="Failures after which a file is left alone until it changes.",
)
@click.option(
    "--metrics",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Prometheus text file to keep, as node_exporter's textfile collector reads.",
)
@click.option(
    "--metrics-port",
    type=click.IntRange(0, 65535),
    help="Serve the same at http://127.0.0.1:PORT/metrics; 0 takes a free port.",
)
@click.option("--quiet", is_flag=True, help="Say nothing but errors.")
def watch(folders: tuple[str, ...], **options: Any) -> int:
    """Count new files of FOLDERS within seconds of their end, until stopped.

    A FOLDER may be the URL of a live camera (rtsp, http): it is read as it comes,
    connected again when it breaks, and what was missed is no coverage.

    \b
    Example:
      truckcount watch recordings/ --cameras cameras.toml --settle 10
      truckcount watch rtsp://user:password@10.0.0.7/live --cameras cameras.toml
      truckcount watch recordings/ --cameras cameras.toml --store s3://bucket/store

    A file that fails is tried again after 1, 5 and 25 minutes, 2 and 10 hours, then
    left alone until it changes; `truckcount status` lists it. Exit codes: 0 stopped
    by SIGTERM, 130 by Ctrl-C; either keeps all that was scored. 5: another unattended
    run is at work in the store.
    """
    from contextlib import ExitStack

    from truckcount.cli._jobs import say_jobs
    from truckcount.cli._progress import say_outcomes, say_plans, say_warnings
    from truckcount.cli._without_pandas import hold_back_pandas
    from truckcount.pipeline.cameras import load_cameras
    from truckcount.pipeline.config import RunOptions
    from truckcount.pipeline.interrupts import Terminated, terminate_as_interrupt
    from truckcount.pipeline.unattended.known_cameras import find_cameras
    from truckcount.pipeline.unattended.metrics import Metrics
    from truckcount.pipeline.unattended.metrics_output import MetricsFile, serve_metrics
    from truckcount.pipeline.unattended.pushing import Pushing
    from truckcount.pipeline.unattended.watch import Watch, WatchOptions
    from truckcount.pipeline.working_copy import is_url, working_copy

    hold_back_pandas()
    own = {name: options.pop(name) for name in ("poll_s", "quarantine_after")}
    own["segment_s"] = 60 * options.pop("segment_minutes")
    is_quiet = options.pop("quiet")
    path, port = options.pop("metrics"), options.pop("metrics_port")
    place = options.pop("store")
    metrics = Metrics(None if path is None else MetricsFile(path))
    pushing: Pushing | None = None

    told: set[str] = set()

    def heard(result: "RunResult") -> None:
        metrics.heard(result)
        if pushing is not None:
            pushing.heard(result)
        if is_quiet:
            return
        say_plans(result, told)
        say_outcomes(result)
        say_warnings(result)
        for warning in sorted(set(result.camera_warnings) - told):
            say(warning)
            told.add(warning)

    with ExitStack() as stack:
        if is_url(place):
            copy = stack.enter_context(working_copy(place))
            pushing = Pushing(copy)
            place = copy.root
            say(f"counting into {copy.root}, pushed to {copy.url}")
        chosen = RunOptions(store=place, settle_s=options.pop("settle"), **options)
        if not is_quiet:
            say_jobs(chosen)
        if chosen.cameras is not None:
            load_cameras(chosen.cameras)  # a slip in it is said now, not outwaited
        one = Watch(
            folders,
            chosen,
            WatchOptions(**own),
            heard=heard,
            looked=metrics.looked,
            rested=None if pushing is None else pushing.push_due,
        )
        metrics.know(find_cameras(chosen, folders))
        if port is not None:
            url = stack.enter_context(serve_metrics(metrics.text, port))
            say(f"metrics at {url}")
        try:
            with terminate_as_interrupt():
                one.run()
        except Terminated:
            say("stopped; what was scored is kept")
            return 0
        except KeyboardInterrupt:
            say("interrupted; what was scored is kept")
            return EXIT_INTERRUPTED
    return 0
