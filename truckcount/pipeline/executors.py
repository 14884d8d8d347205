"""Score tasks to scored files: here, in local processes, or on a cluster."""

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import (
    CancelledError,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    as_completed,
)
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from multiprocessing import active_children, get_context
from typing import Any

from truckcount.errors import TruckcountError, VideoError
from truckcount.pipeline.cluster import score_on_cluster
from truckcount.pipeline.file_errors import file_error
from truckcount.pipeline.result import RunListener
from truckcount.pipeline.scoring import Advance, ScoredFile, ScoreTask, score_file
from truckcount.presence.devices import count_cores, is_on_gpu, open_runtime
from truckcount.presence.runtime import Runtime
from truckcount.presence.weights import Weights, find_weights

Scored = tuple[ScoreTask, ScoredFile | TruckcountError]


def score_tasks(
    tasks: Sequence[ScoreTask], weights: Weights, listener: RunListener | None
) -> Iterator[Scored]:
    """Yield each task with its scores or with what went wrong, as it is done."""
    if tasks and tasks[0].options.dask is not None:
        yield from score_on_cluster(tasks, tasks[0].options.dask, _work)
        return
    if tasks and tasks[0].options.jobs > 1 and len(tasks) > 1:
        options = tasks[0].options
        if is_on_gpu(options.device):
            runtime = _runtime_of(weights, options.device)
            yield from score_in_threads(tasks, weights, runtime, options.jobs)
        else:
            yield from _score_in_workers(tasks)
        return
    for task in tasks:
        # opened late: a run that only meets known files never loads the network
        runtime = _runtime_of(weights, task.options.device)
        advance = _advance_for(task, listener)
        yield task, _guard(task, weights, runtime, advance, is_ahead=count_cores() > 1)


def score_in_threads(
    tasks: Sequence[ScoreTask], weights: Weights, runtime: Any, jobs: int
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
        futures = {
            pool.submit(_guard, task, weights, shared, advance): task for task in tasks
        }
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:  # interrupted: threads leave at their next sample
            is_over.set()
            pool.shutdown(cancel_futures=True)


def _score_in_workers(tasks: Sequence[ScoreTask]) -> Iterator[Scored]:
    left = {task.segment_id: task for task in tasks}
    jobs = tasks[0].options.jobs
    while left:
        for task, scored in _score_in_pool(list(left.values()), jobs):
            del left[task.segment_id]
            yield task, scored
        if jobs == 1 and left:  # the one that was being scored took the worker along
            task = left.pop(next(iter(left)))
            yield task, _died(task)
        jobs = 1  # one at a time from here on, to tell which of them it is


def _score_in_pool(tasks: Sequence[ScoreTask], jobs: int) -> Iterator[Scored]:
    """Yield what is scored; ends early when a worker dies."""
    others = set(active_children())
    # spawn: forked children would share threads of decoder and runtime
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(_work, task): task for task in tasks}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool:
            return
        except BaseException:  # interrupted: what a worker is at is not waited for
            for worker in set(active_children()) - others:
                worker.terminate()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _died(task: ScoreTask) -> VideoError:
    return VideoError(
        f"{task.source.name}: the process that read it died, as of damage that the "
        "decoder cannot bear, or of too little memory; the other files are done"
    )


_RUNTIMES: dict[tuple[str, str], Runtime] = {}


def _runtime_of(weights: Weights, device: str) -> Runtime:
    """Open a runtime once in a process: a watch counts thousands of small runs."""
    key = (weights.sha256, device)
    if key not in _RUNTIMES:
        _RUNTIMES[key] = open_runtime(weights, device)
    return _RUNTIMES[key]


def _work(task: ScoreTask) -> ScoredFile | TruckcountError:
    """Score in a worker process, which keeps its runtime between tasks."""
    began = time.process_time()
    weights = find_weights(task.options.model)
    done = _guard(task, weights, _runtime_of(weights, task.options.device))
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


def _advance_for(task: ScoreTask, listener: RunListener | None) -> Advance | None:
    return None if listener is None else partial(listener.advanced, task.source.name)
