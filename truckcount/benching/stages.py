"""Where our own CPU time goes: a run in this process, profiled by stage.

Own time of a function belongs to the stage of its file; time in other packages and
in C (PyAV, ONNX Runtime, NumPy, pyarrow) to the stage that called them. Threads that
Python did not start (a decoder's own) are not seen and stand under ``unseen``.
"""

import cProfile
import pstats
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from truckcount.benching.looped import container_suffix, loop_clip
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths

PACKAGE = Path(__file__).parent.parent
# the first prefix that fits a file, relative to the package, names its stage
STAGE_OF = (
    ("video/crop", "convert"),
    ("video/health", "health"),
    ("video/", "decode"),
    ("presence/difference", "gate"),
    ("presence/runtime", "infer"),
    ("presence/", "peaks"),
    ("counting/", "count"),
    ("store/", "write"),
)
STAGES = (
    *("decode", "convert", "health", "gate", "infer", "peaks", "count", "write"),
    *("other", "unseen"),
)
Function = tuple[str, int, str]


def profile_stages(
    clip: Path, options: RunOptions, *, seconds: float = 30.0
) -> dict[str, Any]:
    """Run a clip, looped to a length, and share its CPU time out among the stages.

    Parameters
    ----------
    options : RunOptions
        The store is replaced by a temporary one.

    Returns
    -------
    dict
        ``video_s`` and ``cpu_ms_per_video_s`` by stage; None for a stage that did
        not run.
    """
    from dataclasses import replace

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        once = folder / f"once{container_suffix(clip)}"
        once_s = loop_clip(clip, 1, once)
        looped = folder / f"looped{container_suffix(clip)}"
        video_s = loop_clip(clip, max(1, round(seconds / once_s)), looped)
        # imports and the network's start are not the stages' cost
        run_paths([str(once)], replace(options, store=folder / "warm"))
        began = time.process_time()
        stats = _profile([str(looped)], replace(options, store=folder / "store"))
        total = time.process_time() - began
    shares = share_out(stats)
    shares["unseen"] = max(0.0, total - sum(shares.values()))
    return {
        "clip": clip.stem,
        "video_s": round(video_s, 2),
        "speed": options.speed,
        "cpu_ms_per_video_s": {
            stage: None
            if stage not in shares
            else round(1000 * shares[stage] / video_s, 3)
            for stage in STAGES
        },
    }


def share_out(stats: dict[Function, Any]) -> dict[str, float]:
    """Share own times out among the stages.

    Parameters
    ----------
    stats : dict
        As ``pstats.Stats.stats``: (file, line, name) to (primitive calls, calls,
        own seconds, seconds with callees, the same by caller).
    """
    shares: dict[str, float] = {}
    for function, (_, _, own_s, _, callers) in stats.items():
        stage = stage_of(function)
        if stage is not None:
            shares[stage] = shares.get(stage, 0.0) + own_s
            continue
        weights = _stage_weights(function, stats, frozenset())
        if not callers or not weights:
            weights = {"other": 1.0}
        for name, weight in weights.items():
            shares[name] = shares.get(name, 0.0) + own_s * weight
    return shares


def stage_of(function: Function) -> str | None:
    """Return the stage of one of our functions; None of another package's."""
    path = Path(function[0])
    if PACKAGE not in path.parents:
        return None
    relative = path.relative_to(PACKAGE).as_posix()
    return next((s for prefix, s in STAGE_OF if relative.startswith(prefix)), "other")


def _stage_weights(
    function: Function, stats: dict[Function, Any], above: frozenset[Function]
) -> dict[str, float]:
    """Say on behalf of which stages a foreign function ran, as shares of one."""
    weights: dict[str, float] = {}
    for caller, (_, _, _, with_callees_s) in stats[function][4].items():
        stage = stage_of(caller)
        if stage is not None:
            shares = {stage: 1.0}
        elif caller in above or caller not in stats:
            continue
        else:
            shares = _stage_weights(caller, stats, above | {function})
        for name, share in shares.items():
            weights[name] = weights.get(name, 0.0) + share * with_callees_s
    total = sum(weights.values())
    return {name: w / total for name, w in weights.items()} if total else {}


def _profile(paths: list[str], options: RunOptions) -> dict[Function, Any]:
    """Profile a run, and every thread that Python starts in it, by CPU time."""
    profiles: list[cProfile.Profile] = []

    def begin(*_: Any) -> None:
        profile = cProfile.Profile(time.thread_time)
        profiles.append(profile)
        profile.enable()

    threading.setprofile(begin)
    try:
        begin()
        run_paths(paths, options)
    finally:
        profiles[0].disable()
        threading.setprofile(None)
    total = pstats.Stats(profiles[0])
    for profile in profiles[1:]:
        total.add(profile)
    stats: dict[Function, Any] = total.stats  # type: ignore[attr-defined]
    return stats
