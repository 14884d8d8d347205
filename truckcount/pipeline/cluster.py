"""Score tasks to scored files on a Dask cluster: an engine that others look after."""

import logging
import queue
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from truckcount.errors import ClusterError, ConfigError, TruckcountError, VideoError
from truckcount.pipeline.scoring import ScoredFile, ScoreTask

logger = logging.getLogger(__name__)

RETRIES = 3  # of a task whose worker died; then it is the file's fault
CONNECT_S = 30.0
COME_BACK_S = 300.0  # a scheduler that was lost is waited for so long
DASK_LOGGERS = ("distributed", "distributed.client", "distributed.utils")
LOOK_S = 2.0  # how often the scheduler is looked at while nothing is done

Work = Callable[[ScoreTask], ScoredFile | TruckcountError]
Scored = tuple[ScoreTask, ScoredFile | TruckcountError]
Tasks = dict[str, ScoreTask]
"""Tasks that are not done, by key."""


class _SchedulerLostError(Exception):
    """The scheduler went away, and all that it knew of tasks with it."""


def score_on_cluster(
    tasks: Sequence[ScoreTask], address: str, work: Work
) -> Iterator[Scored]:
    """Yield each task with its scores, as workers are done with it.

    Workers read the files themselves: paths must mean the same on all of them.
    Publishing stays here, with one writer a camera. A task whose worker dies is
    given to another; the scheduler knows how often. A scheduler that is started
    anew at its address is given what was not done.

    Raises
    ------
    ConfigError
        When ``distributed`` is not installed, no scheduler answers, or a GPU is asked
        for and no worker offers one.
    ClusterError
        When the scheduler was lost and does not come back. What was done is kept.
    """
    left = {f"score-{task.segment_id}-{i}": task for i, task in enumerate(tasks)}
    client = _connect(address)
    with _quiet_client():
        try:
            while left:
                try:
                    yield from _score_left(client, left, work)
                except _SchedulerLostError:
                    _close(client)
                    text = "--dask %s: the scheduler is gone, waiting; %d files left"
                    logger.warning(text, address, len(left))
                    client = _connect_again(address, len(left))
        finally:
            _close(client)


def choose_resources(
    device: str, workers: Sequence[Mapping[str, Any]]
) -> dict[str, float]:
    """Return the resources that a task asks of its worker.

    Parameters
    ----------
    device : str
        ``cpu`` takes any worker, ``cuda`` one that offers ``GPU``, and ``auto`` those
        that do where there are any.
    workers : sequence of mappings
        What the scheduler tells of its workers; while it has none, more may come.

    Raises
    ------
    ConfigError
        When a GPU is asked for and none of the workers offers one.
    """
    has_gpu = any(worker.get("resources", {}).get("GPU") for worker in workers)
    if device == "cuda" and workers and not has_gpu:
        msg = (
            "--device cuda: no worker of the cluster offers a GPU; start those that "
            "have one with `dask worker ... --resources GPU=1`"
        )
        raise ConfigError(msg)
    is_gpu_asked = device == "cuda" or (device == "auto" and has_gpu)
    return {"GPU": 1} if is_gpu_asked else {}


@contextmanager
def _quiet_client() -> Iterator[None]:
    """Keep back the tracebacks that Dask logs of a lost scheduler: we say it."""
    theirs = [logging.getLogger(name) for name in DASK_LOGGERS]
    before = [one.level for one in theirs]
    for one in theirs:
        one.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for one, level in zip(theirs, before, strict=True):
            one.setLevel(level)


def _score_left(client: Any, left: Tasks, work: Work) -> Iterator[Scored]:
    """Submit what is left, yield it as it is done, and take it out."""
    workers = list(client.scheduler_info(n_workers=-1)["workers"].values())
    if not workers:
        logger.warning("the cluster has no workers yet; waiting for some")
    device = next(iter(left.values())).options.device
    options = {"resources": r} if (r := choose_resources(device, workers)) else {}
    done: queue.SimpleQueue[Any] = queue.SimpleQueue()
    futures = [
        client.submit(work, task, key=key, retries=RETRIES, **options)
        for key, task in left.items()
    ]
    for future in futures:
        future.add_done_callback(done.put)
    try:
        while left:
            try:
                future = done.get(timeout=LOOK_S)
            except queue.Empty:
                _look(client)
                continue
            scored = _result(left[future.key], future)
            yield left.pop(future.key), scored
            future.release()
    finally:  # interrupted: what has not begun is not begun any more
        with suppress(Exception):  # of a scheduler that is not there to hear it
            client.cancel(futures)


def _look(client: Any) -> None:
    """Raise when the scheduler is gone: one that is stopped politely tells no task."""
    comm = client.scheduler_comm
    if client.status != "running" or comm is None or comm.comm.closed():
        raise _SchedulerLostError


def _connect(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        msg = "--dask needs Dask: pip install 'truckcount[fleet]'"
        raise ConfigError(msg) from error
    try:
        return Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        msg = f"--dask {address}: no scheduler answers ({error})"
        raise ConfigError(msg) from error


def _connect_again(address: str, n_left: int) -> Any:
    """Connect to a scheduler that is being started anew."""
    end_s = time.monotonic() + COME_BACK_S
    while True:
        try:
            return _connect(address)
        except ConfigError as error:
            if time.monotonic() > end_s:
                msg = (
                    f"--dask {address}: the scheduler was lost and did not come back "
                    f"within {COME_BACK_S:.0f} s; {n_left} files are not counted, run "
                    "again for them"
                )
                raise ClusterError(msg) from error
        time.sleep(min(1.0, CONNECT_S))


def _close(client: Any) -> None:
    with suppress(Exception):  # of a scheduler that is gone
        client.close(timeout=LOOK_S)


def _result(task: ScoreTask, future: Any) -> ScoredFile | TruckcountError:
    from distributed import CancelledError

    try:
        error = future.exception()
        if error is None:
            done: ScoredFile | TruckcountError = future.result()
            return done
    except CancelledError as lost:
        raise _SchedulerLostError from lost
    if isinstance(error, TruckcountError) and not isinstance(error, VideoError):
        raise error  # of the model or the options: no file can be counted
    return VideoError(
        f"{task.source.name}: its workers failed ({type(error).__name__}: {error}); "
        "the other files are done"
    )
