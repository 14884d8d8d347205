"""Files, then live cameras, to hours: until interrupted, or for a while."""

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from truckcount.errors import ConfigError, StoreError
from truckcount.pipeline.camera_work import CameraWork
from truckcount.pipeline.cameras import open_book
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.result import FileOutcome, RunListener, RunResult
from truckcount.pipeline.run import run_paths
from truckcount.pipeline.run_result import gather_result, join_results
from truckcount.pipeline.unattended.live import SEGMENT_S, LiveStreams
from truckcount.pipeline.url_cameras import check_urls
from truckcount.presence.weights import find_weights
from truckcount.store import Store
from truckcount.video import Source, is_live_url

logger = logging.getLogger(__name__)

PAUSE_S = 1.0  # pieces of live cameras are published within

RunFiles = Callable[[Sequence[str], RunOptions, RunListener | None], RunResult]


def run_live(
    paths: Sequence[str],
    options: RunOptions,
    listener: RunListener | None = None,
    *,
    segment_s: float = SEGMENT_S,
    live_s: float | None = None,
    run_files: RunFiles = run_paths,
    heard: Callable[[RunResult], None] | None = None,
) -> RunResult:
    """Count files, then read the live cameras among the paths until interrupted.

    Ctrl-C (``KeyboardInterrupt``) is how it ends, not an error: what the cameras had
    begun is published, and the result is given back. A second one ends it at once.

    Parameters
    ----------
    segment_s : float
        Seconds of the clock after which what was scored is published.
    live_s : float, optional
        Seconds after which the cameras are left; None reads on. A camera that gave
        nothing in all of them is a failed outcome.
    run_files : function
        Counts the paths that are no live cameras.
    heard : function of RunResult, optional
        Told what became of each piece of a camera.

    Returns
    -------
    RunResult
        Of the files and of every piece, ``is_interrupted`` unless ``live_s`` passed;
        without a live camera what ``run_files`` returns.

    Raises
    ------
    StoreError
        When the last pieces cannot be published; a full disk before is outwaited.
    """
    check_urls(options, paths)
    urls = list(dict.fromkeys(path for path in paths if is_live_url(path)))
    files = [path for path in paths if not is_live_url(path)]
    if not urls:
        return run_files(files, options, listener)
    results = [run_files(files, options, listener)] if files else []
    live = _serve(urls, options, segment_s, live_s, heard)
    return replace(join_results([*results, live]), is_interrupted=live.is_interrupted)


def check_live(paths: Sequence[str], *, start: str | None, store: str | Path) -> None:
    """Refuse what cannot be had of a live camera, before anything is read.

    Raises
    ------
    ConfigError
        When live cameras are to be dated, or counted into a store far away.
    """
    is_live = [is_live_url(path) for path in paths]
    if start is not None and all(is_live):
        msg = "--start dates files: a live camera's frames are dated as they come"
        raise ConfigError(msg)
    if "://" in str(store) and any(is_live):
        msg = (
            "`run` counts a live camera into a folder: `truckcount watch` takes a URL "
            "and pushes as it counts"
        )
        raise ConfigError(msg)


def _serve(
    urls: Sequence[str],
    options: RunOptions,
    segment_s: float,
    live_s: float | None,
    heard: Callable[[RunResult], None] | None,
) -> RunResult:
    """Publish what live cameras give until their time is over, then the rest."""
    began, cpu_began = time.monotonic(), time.process_time()
    store = Store.open(options.store)
    if options.cameras is not None:
        store.keep_cameras(options.cameras.read_bytes())
    whole: dict[str, CameraWork] = {}
    streams = LiveStreams(urls, options, segment_s, whole)
    is_waiting, is_interrupted = False, True
    try:
        with suppress(KeyboardInterrupt):
            streams.start()
            end_s = math.inf if live_s is None else time.monotonic() + live_s
            while (left_s := end_s - time.monotonic()) > 0:
                try:
                    _hear(streams.publish(), heard)
                    is_waiting = False
                except StoreError as error:
                    if not is_waiting:  # once, and not at every try
                        logger.warning("%s; live pieces wait", error)
                    is_waiting = True
                time.sleep(min(PAUSE_S, left_s))
            is_interrupted = False
    finally:
        _hear(streams.close(), heard)
    result = gather_result(
        find_weights(options.model),
        options,
        list(whole.values()),
        [] if is_interrupted else _unheard(urls, options, whole),
        wall_s=time.monotonic() - began,
        cpu_s=time.process_time() - cpu_began,
    )
    return replace(result, is_interrupted=is_interrupted)


def _unheard(
    urls: Sequence[str], options: RunOptions, whole: Mapping[str, CameraWork]
) -> list[FileOutcome]:
    """Spell the cameras that gave nothing as failed outcomes."""
    book = open_book(options, urls)
    heard = {outcome.path for work in whole.values() for outcome in work.outcomes}
    return [
        FileOutcome(
            path=name,
            camera=book.camera_for(url).name,
            status="failed",
            error=f"{name}: nothing came of it; see the log for why",
        )
        for url in urls
        for name in [Source(path=url, kind="url").name]
        if name not in heard
    ]


def _hear(
    results: Iterator[RunResult], heard: Callable[[RunResult], None] | None
) -> None:
    for result in results:
        if heard is not None:
            heard(result)
