"""Score tasks to scored files: here, or in local worker processes."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from functools import partial
from multiprocessing import get_context

from truckcount.errors import DecodeError, TruckcountError, VideoError
from truckcount.pipeline.result import RunListener
from truckcount.pipeline.scoring import Advance, ScoredFile, ScoreTask, score_file
from truckcount.presence.devices import open_runtime
from truckcount.presence.runtime import Runtime
from truckcount.presence.weights import Weights, find_weights

Scored = tuple[ScoreTask, ScoredFile | TruckcountError]


def score_tasks(
    tasks: Sequence[ScoreTask], weights: Weights, listener: RunListener | None
) -> Iterator[Scored]:
    """Yield each task with its scores or with what went wrong, as it is done."""
    if tasks and tasks[0].options.jobs > 1 and len(tasks) > 1:
        yield from _score_in_workers(tasks)
        return
    runtime: Runtime | None = None
    for task in tasks:
        # opened late: a run that only meets known files never loads the network
        runtime = runtime or open_runtime(weights, task.options.device)
        yield task, _guard(task, weights, runtime, _advance_for(task, listener))


def _score_in_workers(tasks: Sequence[ScoreTask]) -> Iterator[Scored]:
    # spawn: forked children would share threads of decoder and runtime
    jobs = tasks[0].options.jobs
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(_work, task): task for task in tasks}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:  # when interrupted, what has not begun is not begun any more
            pool.shutdown(wait=False, cancel_futures=True)


_RUNTIMES: dict[str, Runtime] = {}


def _work(task: ScoreTask) -> ScoredFile | TruckcountError:
    """Score in a worker process, which keeps its runtime between tasks."""
    began = time.process_time()
    weights = find_weights(task.options.model)
    if weights.sha256 not in _RUNTIMES:
        _RUNTIMES[weights.sha256] = open_runtime(weights, task.options.device)
    done = _guard(task, weights, _RUNTIMES[weights.sha256])
    if isinstance(done, TruckcountError):
        return done
    return replace(done, worker_cpu_s=time.process_time() - began)


def _guard(
    task: ScoreTask,
    weights: Weights,
    runtime: Runtime,
    advance: Advance | None = None,
) -> ScoredFile | TruckcountError:
    try:
        return score_file(task, weights, runtime, advance)
    except VideoError as error:
        return error
    except OSError as error:
        return DecodeError(f"{task.source.name}: cannot be read: {error}")


def _advance_for(task: ScoreTask, listener: RunListener | None) -> Advance | None:
    return None if listener is None else partial(listener.advanced, task.source.name)
