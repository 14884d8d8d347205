"""One bench: clips and contestants to a report that a program can read."""

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from truckcount.benching.compare import CompareOptions, Say, compare_on
from truckcount.benching.contestants import find_floor, find_ourselves, find_peers
from truckcount.benching.machine import describe_machine, load_now
from truckcount.benching.scene import write_scene
from truckcount.benching.stages import profile_stages
from truckcount.errors import BenchError
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.speed_plan import WORTH_S
from truckcount.presence.weights import DEFAULT_MODEL

HOW = (
    "CPU is user + system of a whole process and its children, one at a time, "
    "interleaved within each repeat; the difference of a long and a short version of "
    "the clip (looped without re-encoding) takes start-up off; a ratio divides by the "
    "floor's CPU in the same repeat on the same files; median, least and most of the "
    "repeats. The machine may be shared: trust ratios, not seconds, wall least of all."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions:
    """What a bench may be told."""

    compare: CompareOptions = field(default_factory=CompareOptions)
    speeds: tuple[str, ...] = ("exact", "fast")
    run_options: tuple[str, ...] = ()
    """Words for ``truckcount run``."""
    peers: tuple[str, ...] = ()
    peer_pythons: Mapping[str, str] = field(default_factory=dict)
    yolo_weights: Path | None = None
    model: str = DEFAULT_MODEL
    has_profile: bool = True


def bench(
    clips: Sequence[Path], options: BenchOptions, say: Say = lambda _: None
) -> dict[str, Any]:
    """Measure clips; without any, a made-up one.

    Raises
    ------
    BenchError
        When a clip is not there, or cannot be decoded by the floor or by us.
    """
    if "fastest" in options.speeds and options.compare.seconds < WORTH_S:
        say(
            f"fastest calibrates where there are {WORTH_S:.0f} s of video: with "
            f"--seconds {options.compare.seconds:g} its figures are those of exact"
        )
    floor = find_floor()
    words = options.run_options
    if options.model != DEFAULT_MODEL:
        words = ("--model", options.model, *words)
    ours = find_ourselves(options.speeds, words)
    peers, not_run = find_peers(
        options.peers, options.peer_pythons, options.yolo_weights
    )
    report: dict[str, Any] = {
        **describe_machine(),
        "how": HOW,
        "not_run": not_run,
        "clips": [],
        "stages": [],
    }
    with ExitStack() as stack:
        if not clips:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            say("no clip given: a made-up road, 1280x720, is encoded")
            clips = [write_scene(folder / "made_up_720p.mp4")]
        for clip in clips:
            if not clip.is_file():
                raise BenchError(f"{clip} is not there; give a video file")
            say(f"{clip.stem}:")
            found = compare_on(
                clip,
                floor,
                [*ours, *peers],
                options.compare,
                say=say,
            )
            report["clips"].append({**found, **_describe_clip(clip)})
            if options.has_profile:
                say(f"{clip.stem}: stages")
                report["stages"] += _profile_speeds(clip, options)
    report["load_after"] = load_now()
    return report


def _profile_speeds(clip: Path, options: BenchOptions) -> list[dict[str, Any]]:
    seconds = min(30.0, options.compare.seconds)
    return [
        profile_stages(
            clip,
            RunOptions(
                model=options.model,
                speed=speed,
                device="cpu",
                start="2026-03-02T08:00:00Z",
            ),
            seconds=seconds,
        )
        for speed in options.speeds
    ]


def _describe_clip(clip: Path) -> dict[str, Any]:
    from truckcount.video import find_sources, probe_video

    probe = probe_video(find_sources([str(clip)])[0])
    return {
        "width": probe.width,
        "height": probe.height,
        "megabytes": round(clip.stat().st_size / 1e6, 2),
        "video_s": probe.duration_s_from_header,
    }
