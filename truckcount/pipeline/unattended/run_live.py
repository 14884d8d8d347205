"""Files, then live cameras, to hours: a run that goes on until it is interrupted."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace

from truckcount.errors import StoreError
from truckcount.pipeline.camera_work import CameraWork
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.result import RunListener, RunResult
from truckcount.pipeline.run import run_paths
from truckcount.pipeline.run_result import gather_result, join_results
from truckcount.pipeline.unattended.live import SEGMENT_S, LiveStreams
from truckcount.presence.weights import find_weights
from truckcount.store import Store
from truckcount.video import is_live_url

logger = logging.getLogger(__name__)

PAUSE_S = 1.0  # pieces of live cameras are published within

RunFiles = Callable[[Sequence[str], RunOptions, RunListener | None], RunResult]


def run_live(
    paths: Sequence[str],
    options: RunOptions,
    listener: RunListener | None = None,
    *,
    segment_s: float = SEGMENT_S,
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
    run_files : function
        Counts the paths that are no live cameras.
    heard : function of RunResult, optional
        Told what became of each piece of a camera.

    Returns
    -------
    RunResult
        Of the files and of every piece, ``is_interrupted``; without a live camera
        what ``run_files`` returns.

    Raises
    ------
    StoreError
        When the last pieces cannot be published; a full disk before is outwaited.
    """
    urls = list(dict.fromkeys(path for path in paths if is_live_url(path)))
    files = [path for path in paths if not is_live_url(path)]
    if not urls:
        return run_files(files, options, listener)
    results = [run_files(files, options, listener)] if files else []
    results.append(_serve(urls, options, segment_s, heard))
    return replace(join_results(results), is_interrupted=True)


def _serve(
    urls: Sequence[str],
    options: RunOptions,
    segment_s: float,
    heard: Callable[[RunResult], None] | None,
) -> RunResult:
    """Publish what live cameras give until interrupted, then the rest."""
    began, cpu_began = time.monotonic(), time.process_time()
    store = Store.open(options.store)
    if options.cameras is not None:
        store.keep_cameras(options.cameras.read_bytes())
    whole: dict[str, CameraWork] = {}
    streams = LiveStreams(urls, options, segment_s, whole)
    is_waiting = False
    try:
        with suppress(KeyboardInterrupt):
            while True:
                try:
                    _hear(streams.publish(), heard)
                    is_waiting = False
                except StoreError as error:
                    if not is_waiting:  # once, and not at every try
                        logger.warning("%s; live pieces wait", error)
                    is_waiting = True
                time.sleep(PAUSE_S)
    finally:
        _hear(streams.close(), heard)
    return gather_result(
        find_weights(options.model),
        options,
        list(whole.values()),
        [],
        wall_s=time.monotonic() - began,
        cpu_s=time.process_time() - cpu_began,
    )


def _hear(
    results: Iterator[RunResult], heard: Callable[[RunResult], None] | None
) -> None:
    for result in results:
        if heard is not None:
            heard(result)
