"""Stores to audit: scores without pictures, or two short recordings."""

import atexit
import functools
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.conftest import write_clip
from tests.store.fill import HOUR_US, STAMP, T0_US, hour, passage, segment
from truckcount.audit.answers import Answer, save_answers
from truckcount.audit.plan import plan_audits
from truckcount.domain.scores import PEAK_DTYPE, Scores
from truckcount.store import Store

S_US = 1_000_000
CAMERA, GATE = STAMP.camera, "exit"
DRAWN_US = T0_US + 40 * 24 * HOUR_US


def quiet_scores(start_us, seconds, *, step_s=1.0, bad=(), name="s"):
    """Samples without trucks; those with a second in ``bad`` are unusable."""
    t_us = start_us + (np.arange(int(seconds / step_s)) * step_s * S_US).astype(int)
    flags = np.zeros(len(t_us), np.int32)
    for low, high in bad:
        flags[(t_us >= T0_US + low * S_US) & (t_us < T0_US + high * S_US)] = 2
    n = len(t_us)
    return Scores(
        t_us=t_us.astype(np.int64),
        score_u8=np.zeros(n, np.uint8),
        quality_flags=flags,
        segment=np.zeros(n, np.int32),
        segment_ids=(name,),
        peak_start=np.zeros(n + 1, np.int64),
        peaks=np.empty(0, PEAK_DTYPE),
    )


def counted_store(root, onsets_s, n_hours=4, *, bad=(), step_s=1.0):
    """A watched stretch of hours with counted passages at given seconds."""
    store = Store.open(root)
    seconds = n_hours * 3600
    window = (T0_US, T0_US + seconds * S_US)
    scores = quiet_scores(T0_US, seconds, bad=bad, step_s=step_s)
    store.write_scores(CAMERA, {GATE: scores}, "s0")
    store.write_passages(
        CAMERA,
        GATE,
        [passage(t, path=((T0_US, i / 1000, 0.5),)) for i, t in enumerate(onsets_s)],
        window,
        model_id=STAMP.model_id,
        config_hash=STAMP.config_hash,
    )
    counts = np.bincount(np.asarray(onsets_s, int) // 3600, minlength=n_hours)
    rows = [watched(k, int(n)) for k, n in enumerate(counts)]
    store.write_hours(STAMP, rows, T0_US + n_hours * HOUR_US)
    store.write_segment(
        CAMERA,
        segment(segment_id="s", end_us=window[1], winner_intervals=(window,)),
    )
    return store


def watched(k, n, coverage_s=3600.0):
    """An hour as `count_hours` estimates it."""
    f = coverage_s / 3600
    se = ((n + 0.5) * (1 - f)) ** 0.5 / f
    return hour(
        k, n, coverage_s=coverage_s, max_gap_s=3600 - coverage_s,
        n_trucks_est=n / f, n_trucks_se=se, n_trucks_se_indep=se,
    )  # fmt: skip


def add_partly_seen(store, onsets_s, *, first=0, n_full=60, n_partly=4, at_us=None):
    """Whole hours, then some that saw their first half and a quarter of the rest.

    ``onsets_s`` are seconds from the first of these hours.
    """
    onsets = np.sort(np.asarray(onsets_s)) + first * 3600.0
    last = first + n_full + n_partly
    passages = [passage(float(t), path=((T0_US, t % 1, 0.5),)) for t in onsets]
    window = (T0_US + first * HOUR_US, T0_US + last * HOUR_US)
    store.write_passages(
        CAMERA, GATE, passages, window,
        model_id=STAMP.model_id, config_hash=STAMP.config_hash,
    )  # fmt: skip
    counts = np.bincount((onsets // 3600).astype(int), minlength=last)
    rows = [watched(k, int(counts[k])) for k in range(first, first + n_full)]
    for k in range(first + n_full, last):
        rows.append(watched(k, 0, 2250.0))
        start = T0_US + k * HOUR_US
        for low, seconds in ((0, 1800), (2700, 450)):
            begin, name = start + low * S_US, f"s{k}-{low}"
            end = begin + seconds * S_US
            part = quiet_scores(begin, seconds, step_s=2.0, name=name)
            store.write_scores(CAMERA, {GATE: part}, "s0")
            file = segment(
                segment_id=name, start_us=begin, end_us=end,
                winner_intervals=((begin, end),),
            )  # fmt: skip
            store.write_segment(CAMERA, file)
    store.write_hours(STAMP, rows, window[1] + HOUR_US if at_us is None else at_us)
    return store


def month_store(root, *, hours=10):
    """Ten hours of minutes, half of them with a truck or more."""
    shutil.copytree(_month(hours), root)
    return Store.open(root)


@functools.cache
def _month(hours, seed=3):
    """One such store a process: it is copied, since making it takes its time."""
    root = Path(tempfile.mkdtemp(prefix="truckcount-audit-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    rng = np.random.default_rng(seed)
    counts = rng.choice([0, 1, 2, 5], hours * 60, p=[0.5, 0.25, 0.15, 0.1])
    onsets = [60 * m + 5 + 9 * j for m, n in enumerate(counts) for j in range(n)]
    counted_store(root / "store", onsets, hours, step_s=2.0)
    return root / "store"


def label_all(store, miss=0.1, seed=5, labeller="ann", **more):
    """Answer every window as a person would who sees what the machine missed."""
    from truckcount.store.audits_table import read_audits

    rng = np.random.default_rng(seed)
    answers = [
        Answer(
            clip=w.clip,
            count=int(w.x_machine + rng.binomial(max(w.x_machine, 1), miss)),
            labeller=labeller,
        )
        for w in read_audits(store.root)
        if w.label_round == 0
    ]
    save_answers(store, answers, **more)
    return answers


def plan_small(store, **changes):
    """Draw 20 windows of a minute from each stratum."""
    options = {
        "per_stratum": (20, 20, 20),
        "window_s": 60,
        "seed": 1,
        "now_us": DRAWN_US,
    }
    return plan_audits(store, **(options | changes))


@functools.cache
def _films():
    """Two recordings of 10 s, made once a process and copied."""
    folder = Path(tempfile.mkdtemp(prefix="truckcount-films-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    options = {"g": "20", "preset": "ultrafast"}
    for k in range(2):
        write_clip(
            folder / f"cam_{k}.mp4", 100, fps=10, size=(320, 192), options=options
        )
    return folder


def filmed_store(root, folder):
    """Two recordings of 10 s end to end, with a truck counted in each."""
    shutil.copytree(_films(), folder)
    store = Store.open(root)
    scores = []
    for k in range(2):
        path = folder / f"cam_{k}.mp4"
        start = T0_US + k * 10 * S_US
        scores.append(quiet_scores(start, 10, step_s=0.2, name=f"f{k}"))
        store.write_scores(CAMERA, {GATE: scores[-1]}, "s0")
        store.write_segment(
            CAMERA,
            segment(
                segment_id=f"f{k}",
                path=str(path),
                name=path.name,
                size_bytes=path.stat().st_size,
                start_us=start,
                end_us=start + 10 * S_US,
                winner_intervals=((start, start + 10 * S_US),),
            ),
        )
    window = (T0_US, T0_US + 20 * S_US)
    store.write_passages(
        CAMERA, GATE, [passage(2.0), passage(13.0)], window,
        model_id=STAMP.model_id, config_hash=STAMP.config_hash,
    )  # fmt: skip
    row = replace(hour(0, 2), coverage_s=20.0, max_gap_s=3580.0)
    store.write_hours(STAMP, [row], T0_US + HOUR_US)
    return store
