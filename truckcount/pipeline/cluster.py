"""Score tasks to scored files on a Dask cluster: an engine that others look after."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from truckcount.errors import ConfigError, TruckcountError, VideoError
from truckcount.pipeline.scoring import ScoredFile, ScoreTask

RETRIES = 3  # of a task whose worker died; then it is the file's fault
CONNECT_S = 30.0

Work = Callable[[ScoreTask], ScoredFile | TruckcountError]
Scored = tuple[ScoreTask, ScoredFile | TruckcountError]


def score_on_cluster(
    tasks: Sequence[ScoreTask], address: str, work: Work
) -> Iterator[Scored]:
    """Yield each task with its scores, as workers are done with it.

    Workers read the files themselves: paths must mean the same on all of them.
    Publishing stays here, with one writer a camera. A task whose worker dies is
    given to another; the scheduler knows how often.

    Raises
    ------
    ConfigError
        When ``distributed`` is not installed or no scheduler answers.
    """
    client = _connect(address)
    try:
        from distributed import as_completed

        options = {"resources": {"GPU": 1}} if _has_gpus(client) else {}
        futures = [
            client.submit(
                work,
                task,
                key=f"score-{task.segment_id}-{i}",
                retries=RETRIES,
                **options,
            )
            for i, task in enumerate(tasks)
        ]
        task_of = dict(zip((f.key for f in futures), tasks, strict=True))
        try:
            for future in as_completed(futures, loop=client.loop):
                task = task_of[future.key]
                yield task, _result(task, future)
                future.release()
        finally:  # interrupted: what has not begun is not begun any more
            client.cancel(futures)
    finally:
        client.close()


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


def _has_gpus(client: Any) -> bool:
    workers = client.scheduler_info()["workers"].values()
    return any(worker.get("resources", {}).get("GPU") for worker in workers)


def _result(task: ScoreTask, future: Any) -> ScoredFile | TruckcountError:
    error = future.exception()
    if error is None:
        done: ScoredFile | TruckcountError = future.result()
        return done
    if isinstance(error, TruckcountError) and not isinstance(error, VideoError):
        raise error  # of the model or the options: no file can be counted
    return VideoError(
        f"{task.source.name}: its workers failed ({type(error).__name__}: {error}); "
        "the other files are done"
    )
