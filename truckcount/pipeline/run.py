"""Paths to parquet: the main job.

Five hops: ``score_file`` makes the first two (video to samples to scores),
``publish_counts`` the other three (scores to passages to hours to parquet).
"""

import time
from collections.abc import Sequence

from truckcount.errors import ClusterError, ConfigError, ModelError
from truckcount.pipeline.camera_desk import CameraDesk
from truckcount.pipeline.camera_run import CameraRun
from truckcount.pipeline.camera_work import (
    CameraWork,
    check_paces,
    find_offered,
    fold_work,
    plan_work,
)
from truckcount.pipeline.cameras import open_book
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.executors import score_tasks
from truckcount.pipeline.fingerprints import Fingerprints
from truckcount.pipeline.kept_gates import check_kept_gates
from truckcount.pipeline.result import RunListener, RunResult
from truckcount.pipeline.run_result import gather_result
from truckcount.pipeline.scoring import ScoredFile, ScoreTask
from truckcount.pipeline.url_cameras import check_urls
from truckcount.presence.weights import Weights, find_weights
from truckcount.store import Store
from truckcount.video import fold_stills


def run_paths(
    paths: Sequence[str],
    options: RunOptions,
    listener: RunListener | None = None,
) -> RunResult:
    """Count the trucks of files, folders, globs or streams.

    One bad file never stops the others: it gets a failed outcome. Nor does a camera
    whose part of the store cannot be written: its files are ``blocked``.

    Returns
    -------
    RunResult
        With ``exit_code`` 0, 3 (some inputs failed), 4 (nothing usable) or 5 (the
        store, for some camera).

    Raises
    ------
    ConfigError, ModelError, StoreError
        When nothing can be done at all.
    VideoNotFoundError
        When some of a folder's stills are given, not all.
    """
    began, cpu_began = time.monotonic(), time.process_time()
    paths = fold_stills(paths)
    check_urls(options, paths)
    weights = find_weights(options.model)
    book = open_book(options, paths)
    offered = find_offered(paths, book, options)
    failed = list(offered.failed)
    if offered.sources or Store.is_at(options.store):  # a slip makes no store
        store = Store.open(options.store)
        if options.cameras is not None:
            store.keep_cameras(options.cameras.read_bytes())
        check_kept_gates(store, options, [(s.path, c) for s, c in offered.sources])
    fingerprints = Fingerprints(options.store, is_forced=options.is_rehash)
    work, unreadable = plan_work(offered.sources, options, fingerprints)
    fingerprints.save()
    check_paces(work, weights)
    failed += unreadable
    if listener is not None:
        listener.started(sum(len(w.sources) for w in work) + len(failed))
        for outcome in failed:
            listener.finished(outcome, 0)
    if work:
        _run_cameras(store, work, weights, listener)
    return gather_result(
        weights,
        options,
        work,
        failed,
        wall_s=time.monotonic() - began,
        cpu_s=time.process_time() - cpu_began,
    )


def _run_cameras(
    store: Store,
    work: Sequence[CameraWork],
    weights: Weights,
    listener: RunListener | None,
) -> None:
    """Score the files of all cameras and count each camera's by itself.

    Raises
    ------
    ConfigError, ModelError, ClusterError
        At once: no camera can be counted.
    StoreError
        The first, where no camera could be counted for such a one.
    """
    desk = CameraDesk(store, work, weights, listener)
    tasks = desk.tasks()
    is_over = False
    try:
        while not is_over:
            try:
                for task, scored in score_tasks(tasks, weights, listener):
                    desk.take(task, scored)
                is_over = True
            except (ConfigError, ModelError, ClusterError):
                raise
            except Exception as error:  # noqa: BLE001 - of those being scored
                desk.give_up(error)
    finally:
        desk.leave()
    if desk.blocked and len(desk.blocked) == len(work):
        raise desk.blocked[0]


def publish_scored(
    task: ScoreTask,
    scored: ScoredFile,
    weights: Weights,
    options: RunOptions,
    whole: dict[str, CameraWork] | None = None,
) -> RunResult:
    """Keep and publish one piece that was scored elsewhere, as of a live camera.

    Parameters
    ----------
    whole : dict of str to CameraWork, optional
        The work of each camera up to here; the piece is folded into it.
    """
    began, cpu_began = time.monotonic(), time.process_time()
    work = CameraWork(camera=task.camera, options=options)
    CameraRun(Store.open(options.store), work, weights, None).keep(task, scored)
    if whole is not None:
        empty = CameraWork(camera=task.camera, options=options)
        fold_work(whole.setdefault(task.camera.name, empty), work)
    return gather_result(
        weights,
        options,
        [work],
        [],
        wall_s=time.monotonic() - began,
        cpu_s=time.process_time() - cpu_began,
    )
