"""`truckcount bench`: our cost beside FFmpeg's and others'."""

import json
from pathlib import Path
from typing import Any

import click

from truckcount.cli._console import align, give, give_json, say
from truckcount.cli._options import model_option

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("clips", nargs=-1, type=PATH)
@click.option(
    "--repeats",
    type=click.IntRange(1),
    default=3,
    show_default=True,
    help="Runs of each, interleaved.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0.1),
    default=60.0,
    show_default=True,
    help="Seconds of video that one figure stands on.",
)
@click.option(
    "--speed",
    "speeds",
    multiple=True,
    default=("exact", "fast"),
    show_default=True,
    help="Ours to measure; repeatable. fastest wants --seconds 600.",
)
@model_option
@click.option(
    "--peers",
    default="opencv-resnet18",
    show_default=True,
    help="Names with commas, `all` or `none`.",
)
@click.option(
    "--peer-python",
    "peer_pythons",
    multiple=True,
    metavar="NAME=PYTHON",
    help="The interpreter that has a peer (`all`: every peer).",
)
@click.option("--yolo-weights", type=PATH, help="For the peers that run YOLO.")
@click.option(
    "--peer-seconds",
    type=click.FloatRange(0.1),
    default=8.0,
    show_default=True,
    help="Seconds of video for each peer.",
)
@click.option(
    "--peer-repeats",
    type=click.IntRange(1),
    default=2,
    show_default=True,
    help="Runs of each peer.",
)
@click.option(
    "--profile/--no-profile",
    default=True,
    show_default=True,
    help="Time our stages, too.",
)
@click.option("--check", type=PATH, help="Fail where a ratio exceeds this report's.")
@click.option(
    "--margin",
    type=click.FloatRange(0),
    default=0.25,
    show_default=True,
    help="Share by which --check lets a ratio exceed.",
)
@click.option("-o", "--output", type=PATH, help="Keep the report (JSON) here.")
@click.option("--json", "as_json", is_flag=True, help="Print the report.")
def bench(
    clips: tuple[Path, ...],
    repeats: int,
    seconds: float,
    speeds: tuple[str, ...],
    model: str,
    peers: str,
    peer_pythons: tuple[str, ...],
    yolo_weights: Path | None,
    peer_seconds: float,
    peer_repeats: int,
    profile: bool,
    check: Path | None,
    margin: float,
    output: Path | None,
    as_json: bool,
) -> int:
    """Measure CPU time a video second, ours over FFmpeg's decoding, in one run.

    \b
    Example:
      truckcount bench video.mp4 -o bench.json
      truckcount bench video.mp4 --check bench.json
      truckcount bench video.mp4 --peers all --peer-python all=peers/bin/python \\
        --yolo-weights yolov8n.pt

    Peers: opencv-resnet18, and in an environment of their own scenedetect, yolo,
    yolo-5fps, supervision. Without CLIPS a made-up road is measured.
    """
    from truckcount.benching.check import check_ratios
    from truckcount.benching.compare import CompareOptions
    from truckcount.benching.contestants import PEER_TABLE
    from truckcount.benching.report import BenchOptions
    from truckcount.benching.report import bench as measure

    named = tuple(n.strip() for n in peers.split(",") if n.strip())
    if peers in {"all", "none"}:
        named = tuple(PEER_TABLE) if peers == "all" else ()
    before = None if check is None else _read_report(check)
    report = measure(
        clips,
        BenchOptions(
            compare=CompareOptions(
                repeats=repeats,
                seconds=seconds,
                dear_seconds=peer_seconds,
                dear_repeats=peer_repeats,
            ),
            speeds=speeds,
            model=model,
            peers=named,
            peer_pythons=dict(_split_pair(pair) for pair in peer_pythons),
            yolo_weights=yolo_weights,
            has_profile=profile,
        ),
        say,
    )
    if output is not None:
        output.write_text(json.dumps(report, indent=1) + "\n")
    if as_json:
        give_json(report)
    else:
        _print_report(report)
    if before is None:
        return 0
    verdicts = check_ratios(report, before, margin)
    if not verdicts:
        raise click.UsageError(
            f"{check} holds no ratio of these clips by this command over this floor"
        )
    for v in verdicts:
        word = "WORSE" if v.is_worse else "fine"
        say(
            f"{v.clip}, {v.name}: {v.now:.2f} where {v.stored:.2f} is stored "
            f"and {v.limit:.2f} allowed: {word}"
        )
    return 1 if any(v.is_worse for v in verdicts) else 0


def _print_report(report: dict[str, Any]) -> None:
    rows = []
    for clip in report["clips"]:
        for name, row in clip["contestants"].items():
            if "error" in row:
                say(f"{clip['clip']}: {name} failed: {row['error']}")
                continue
            rows.append(
                [
                    clip["clip"],
                    name,
                    "1.00" if name == "floor" else _shown(row["ratio"], 2),
                    *_ends(row["ratio"]),
                    _shown(row["cpu_s_per_video_s"], 1, 1000),
                    _shown(row["start_cpu_s"], 2),
                    str(row["peak_rss_mb"]),
                ]
            )
    header = ["clip", "what", "x floor", "least", "most", "ms/s", "start_s", "MB"]
    give(align(rows, header))
    for name, why in report["not_run"].items():
        say(f"{name} was not run: {why}")
    if not report["stages"]:
        return
    stages = list(report["stages"][0]["cpu_ms_per_video_s"])
    lines = [
        [
            found["clip"],
            found["speed"],
            *(_plain(found["cpu_ms_per_video_s"][stage]) for stage in stages),
        ]
        for found in report["stages"]
    ]
    give("")
    give(align(lines, ["ms a video s", "speed", *stages]))


def _shown(spread: dict[str, float] | None, digits: int, times: float = 1.0) -> str:
    return "?" if spread is None else f"{times * spread['median']:.{digits}f}"


def _ends(spread: dict[str, float] | None) -> list[str]:
    if spread is None:
        return ["", ""]
    return [f"{spread['min']:.2f}", f"{spread['max']:.2f}"]


def _plain(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _read_report(path: Path) -> dict[str, Any]:
    try:
        report: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise click.UsageError(f"{path} cannot be read: {error}") from error
    return report


def _split_pair(pair: str) -> tuple[str, str]:
    name, is_pair, python = pair.partition("=")
    if not is_pair:
        raise click.UsageError(f"--peer-python {pair!r} is not NAME=PYTHON")
    return name, python
