"""Contestants on one clip, interleaved: CPU time a video second, and ratios."""

import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from truckcount.benching.contestants import FLOOR, Contestant
from truckcount.benching.looped import container_suffix, loop_clip
from truckcount.benching.spend import Spent, spend, spread
from truckcount.errors import BenchError

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOptions:
    """How long and how often is measured."""

    repeats: int = 3
    seconds: float = 60.0
    """Video that the long version has more than the short one."""
    dear_repeats: int = 2
    dear_seconds: float = 8.0
    """The same of contestants that take more than real time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Versions:
    """A short and a long version of a clip; the difference takes start-up off."""

    short: Path
    long: Path
    short_s: float
    long_s: float


@dataclass(slots=True)
class _Taken:
    """What one contestant took, a repeat a pair (short, long)."""

    pairs: list[tuple[Spent, Spent]] = field(default_factory=list)
    floor_pairs: list[tuple[Spent, Spent]] = field(default_factory=list)
    """The floor's on the same files, in the same repeats."""
    error: str | None = None


def compare_on(
    clip: Path,
    floor: Contestant,
    others: Sequence[Contestant],
    options: CompareOptions,
    *,
    say: Say = lambda _: None,
    measure: Callable[[Sequence[str]], Spent] = spend,
) -> dict[str, Any]:
    """Measure every contestant on one clip.

    Returns
    -------
    dict
        ``clip``, and by contestant: ``ratio`` of its CPU time to the floor's on the
        same files, ``cpu_s_per_video_s`` and ``wall_s_per_video_s`` with start-up
        taken off, ``start_cpu_s``, ``peak_rss_mb``. A figure is None where the
        difference of the versions drowned in noise.

    Raises
    ------
    BenchError
        When the floor or ``truckcount`` itself fails; a peer that fails is noted.
    """
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        for is_dear in (False, True):
            group = [c for c in others if c.is_dear == is_dear]
            if not group and is_dear:
                continue
            place = Path(folder) / ("dear" if is_dear else "cheap")
            place.mkdir()
            versions = _make_versions(clip, place, options, is_dear=is_dear)
            repeats = options.dear_repeats if is_dear else options.repeats
            taken = _measure_group(
                [floor, *group], versions, repeats, place, say, measure
            )
            for contestant in [floor, *group]:
                if contestant is floor and is_dear:
                    continue  # the cheap files gave its figures, longer
                rows[contestant.name] = {
                    "title": contestant.title,
                    "versions": contestant.versions,
                    **_figures(taken[contestant.name], versions),
                }
    return {"clip": clip.stem, "contestants": rows}


def _make_versions(
    clip: Path, folder: Path, options: CompareOptions, *, is_dear: bool
) -> _Versions:
    suffix = container_suffix(clip)
    short, long = folder / f"short{suffix}", folder / f"long{suffix}"
    until_s = options.dear_seconds if is_dear else None
    short_s = loop_clip(clip, 1, short, until_s=until_s)
    more = options.dear_seconds if is_dear else options.seconds
    n_loops = 1 + max(1, math.ceil(more / short_s - 0.1))
    long_s = loop_clip(clip, n_loops, long, until_s=until_s)
    return _Versions(short=short, long=long, short_s=short_s, long_s=long_s)


def _measure_group(
    group: Sequence[Contestant],
    versions: _Versions,
    repeats: int,
    folder: Path,
    say: Say,
    measure: Callable[[Sequence[str]], Spent],
) -> dict[str, _Taken]:
    taken = {c.name: _Taken() for c in group}
    for k in range(repeats):
        for contestant in group:
            if taken[contestant.name].error is not None:
                continue
            say(f"{contestant.name}, {k + 1} of {repeats}")
            place = folder / f"{contestant.name}_{k}"
            try:
                pair = _measure_pair(contestant, versions, place, measure)
            except BenchError as error:
                if contestant.versions.startswith("truckcount") or (
                    contestant.name == FLOOR
                ):
                    raise
                taken[contestant.name].error = str(error)
                continue
            taken[contestant.name].pairs.append(pair)
            if contestant.name != FLOOR:
                floor_pair = taken[FLOOR].pairs[-1]
                taken[contestant.name].floor_pairs.append(floor_pair)
    return taken


def _measure_pair(
    contestant: Contestant,
    versions: _Versions,
    folder: Path,
    measure: Callable[[Sequence[str]], Spent],
) -> tuple[Spent, Spent]:
    found = []
    for path in (versions.short, versions.long):
        place = folder / path.stem
        place.mkdir(parents=True)
        found.append(measure(contestant.command(path, place)))
    return found[0], found[1]


def _figures(taken: _Taken, versions: _Versions) -> dict[str, Any]:
    if taken.error is not None:
        return {"error": taken.error}
    seconds = versions.long_s - versions.short_s
    cpu = [(b.cpu_s - a.cpu_s) / seconds for a, b in taken.pairs]
    floor = [(b.cpu_s - a.cpu_s) / seconds for a, b in taken.floor_pairs]
    ratios = [x / y for x, y in zip(cpu, floor, strict=False) if x > 0 and y > 0]
    wall = [(b.wall_s - a.wall_s) / seconds for a, b in taken.pairs]
    starts = [
        a.cpu_s - rate * versions.short_s
        for (a, _), rate in zip(taken.pairs, cpu, strict=True)
    ]
    return {
        "ratio": spread(ratios),
        "cpu_s_per_video_s": spread([v for v in cpu if v > 0]),
        "wall_s_per_video_s": spread([v for v in wall if v > 0]),
        "start_cpu_s": spread([v for v in starts if v > 0]),
        "peak_rss_mb": round(max(b.peak_rss_mb for _, b in taken.pairs)),
        "n_repeats": len(taken.pairs),
        "video_s": [round(versions.short_s, 2), round(versions.long_s, 2)],
    }
