"""Score tasks to scored files: here, in local processes, or on a cluster."""

import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from itertools import chain, islice
from multiprocessing import active_children, current_process, get_context
from multiprocessing.synchronize import Event
from typing import TYPE_CHECKING, Any

from truckcount.errors import (
    ConfigError,
    TruckcountError,
    VideoError,
    WeightsError,
)
from truckcount.pipeline.cluster import score_on_cluster
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.file_errors import file_error
from truckcount.pipeline.scoring import Advance, ScoredFile, ScoreTask, score_file
from truckcount.presence.devices import count_cores, is_on_gpu, open_runtime
from truckcount.presence.runtime import Runtime
from truckcount.presence.weights import Weights, find_weights

if TYPE_CHECKING:  # what it says of hours would load pyarrow in every worker
    from truckcount.pipeline.result import RunListener

QUEUED = 2  # tasks a worker: the next is there while the last is being counted
NO_GUARD = (
    "a worker process imports the script that started it, which calls truckcount.run "
    'there: put the call under `if __name__ == "__main__":`'
)
CLUSTER_TASKS = 256  # given to a cluster together; their cameras are locked meanwhile

Scored = tuple[ScoreTask, ScoredFile | TruckcountError]


def score_tasks(
    tasks: Iterable[ScoreTask], weights: Weights, listener: "RunListener | None"
) -> Iterator[Scored]:
    """Yield each task with its scores or with what went wrong, as it is done.

    Parameters
    ----------
    tasks : iterable of ScoreTask
        Of one run, whatever the camera. Asked for as they can be begun.
    """
    left = (replace(task, model_id=weights.model_id) for task in tasks)
    ahead = list(islice(left, 1))
    if not ahead:
        return
    options = ahead[0].options
    if options.dask is not None:
        while ahead:
            ahead += islice(left, CLUSTER_TASKS - len(ahead))
            yield from score_on_cluster(ahead, options.dask, _work)
            ahead = list(islice(left, CLUSTER_TASKS))
        return
    if options.jobs > 1:
        ahead += islice(left, 1)
    rest = chain(ahead, left)
    if len(ahead) > 1:
        if is_on_gpu(options.device):
            runtime = _runtime_of(weights, options)
            yield from score_in_threads(rest, weights, runtime, options.jobs)
        else:
            yield from _score_in_workers(rest, usable_jobs(options.jobs))
        return
    for task in rest:
        # opened late: a run that only meets known files never loads the network
        runtime = _runtime_of(weights, task.options)
        advance = _advance_for(task, listener)
        yield task, _guard(task, weights, runtime, advance, is_ahead=count_cores() > 1)


def usable_jobs(jobs: int) -> int:
    """Return how many worker processes pay: more than cores cost memory alone."""
    return min(jobs, count_cores())


def score_in_threads(
    tasks: Iterable[ScoreTask], weights: Weights, runtime: Any, jobs: int
) -> Iterator[Scored]:
    """Score files in threads of this process, which fill one GPU together.

    Processes would each hold a context of their own and send it small batches. What
    kills a decoder kills this process, though: that files may not be had apart is
    the price.

    Parameters
    ----------
    runtime : PartsRuntime
    jobs : int
        Threads. Above the number of cores, some decode while others wait.
    """
    from truckcount.presence.shared_runtime import SharedRuntime

    is_over = threading.Event()

    def advance(_at_s: float, _length_s: float | None) -> None:
        if is_over.is_set():
            raise CancelledError

    with SharedRuntime(runtime) as shared, ThreadPoolExecutor(jobs) as pool:
        begun: dict[Future[Any], ScoreTask] = {}
        left = iter(tasks)
        try:
            while True:
                for task in islice(left, QUEUED * jobs - len(begun)):
                    begun[pool.submit(_guard, task, weights, shared, advance)] = task
                if not begun:
                    return
                for future in wait(begun, return_when=FIRST_COMPLETED).done:
                    yield begun.pop(future), future.result()
        finally:  # interrupted: threads leave at their next sample
            is_over.set()
            pool.shutdown(cancel_futures=True)


def _score_in_workers(tasks: Iterator[ScoreTask], jobs: int) -> Iterator[Scored]:
    while True:
        suspects: list[ScoreTask] = []
        yield from _score_in_pool(tasks, jobs, suspects)
        if not suspects:
            return
        yield from _score_apart(suspects)


def _score_apart(tasks: Iterable[ScoreTask]) -> Iterator[Scored]:
    """Score one file at a time, to tell which of them takes the worker along."""
    left = iter(tasks)
    while True:
        suspects: list[ScoreTask] = []
        yield from _score_in_pool(left, 1, suspects)
        if not suspects:
            return
        yield suspects[0], _died(suspects[0])
        left = chain(suspects[1:], left)


def _score_in_pool(
    tasks: Iterator[ScoreTask], jobs: int, suspects: list[ScoreTask]
) -> Iterator[Scored]:
    """Yield what is scored; ends early when a worker dies.

    Parameters
    ----------
    suspects : list of ScoreTask
        Receives those that were begun when one did, in their order.
    """
    others = set(active_children())
    begun: dict[Future[Any], ScoreTask] = {}
    # spawn: forked children would share threads of decoder and runtime
    context = get_context("spawn")
    is_up = context.Event()
    with ProcessPoolExecutor(
        jobs, mp_context=context, initializer=_say_up, initargs=(is_up,)
    ) as pool:
        try:
            while True:
                try:
                    for task in islice(tasks, QUEUED * jobs - len(begun)):
                        suspects.append(task)  # until it is submitted
                        begun[pool.submit(_work, task)] = task
                        suspects.clear()
                except BrokenProcessPool:
                    tasks = iter(())  # what was done before that is taken yet
                if not begun:
                    return
                done = wait(begun, return_when=FIRST_COMPLETED).done
                for future in [f for f in begun if f in done]:
                    if isinstance(future.exception(), BrokenProcessPool):
                        _check_up(is_up)
                        suspects[:] = [*begun.values(), *suspects]
                        return
                    yield begun.pop(future), future.result()
        except BaseException:  # interrupted: what a worker is at is not waited for
            for worker in set(active_children()) - others:
                worker.terminate()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def check_not_starting() -> None:
    """Refuse to run in a process that only imports the script of its parent.

    Raises
    ------
    ConfigError
        Where a script calls ``truckcount.run`` without a guard: each worker would do
        the script's work again, and wait for the store that its parent holds.
    """
    if getattr(current_process(), "_inheriting", False):  # as multiprocessing asks it
        raise ConfigError(NO_GUARD)


def _say_up(is_up: Event) -> None:
    is_up.set()


def _check_up(is_up: Event) -> None:
    """Tell workers that no file has killed from those that one has."""
    if not is_up.is_set():
        msg = (
            "worker processes ended as they started, before any video was read: in a "
            'script, call truckcount.run under `if __name__ == "__main__":`; else '
            "look for too little memory; jobs=1 does without them"
        )
        raise ConfigError(msg)


def _died(task: ScoreTask) -> VideoError:
    return VideoError(
        f"{task.source.name}: the process that read it died, as of damage that the "
        "decoder cannot bear, or of too little memory; the other files are done"
    )


_RUNTIMES: dict[tuple[str, str, str], Runtime] = {}


def _runtime_of(weights: Weights, options: RunOptions) -> Runtime:
    """Open a runtime once in a process: a watch counts thousands of small runs."""
    key = (weights.sha256, options.device, options.precision)
    if key not in _RUNTIMES:
        _RUNTIMES[key] = open_runtime(
            weights, options.device, precision=options.precision
        )
    return _RUNTIMES[key]


def _work(task: ScoreTask) -> ScoredFile | TruckcountError:
    """Score in a worker process, which keeps its runtime between tasks."""
    began = time.process_time()
    weights = find_weights(task.options.model)
    if task.model_id not in {None, weights.model_id}:
        msg = (
            f"--model {task.options.model}: a worker found {weights.model_id}, the run "
            f"began with {task.model_id}; let nothing write over it meanwhile, and "
            "give all machines the same"
        )
        raise WeightsError(msg)
    done = _guard(task, weights, _runtime_of(weights, task.options))
    if isinstance(done, TruckcountError):
        return done
    return replace(done, worker_cpu_s=time.process_time() - began)


def _guard(
    task: ScoreTask,
    weights: Weights,
    runtime: Runtime,
    advance: Advance | None = None,
    *,
    is_ahead: bool = False,
) -> ScoredFile | TruckcountError:
    try:
        return score_file(task, weights, runtime, advance, is_ahead=is_ahead)
    except Exception as error:  # noqa: BLE001
        return file_error(task.source.name, error)


def _advance_for(task: ScoreTask, listener: "RunListener | None") -> Advance | None:
    return None if listener is None else partial(listener.advanced, task.source.name)
