"""Who is measured: FFmpeg as the floor, ourselves, and peers that are at hand."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from truckcount.errors import ConfigError

PEERS = Path(__file__).parent / "peers"
FLOOR = "floor"
OURS = "truckcount"
ASK_TIMEOUT_S = 300.0  # importing torch on a busy machine
ANY_PEER = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """One peer: which program of ``peers/`` does its job."""

    program: str
    title: str
    arguments: tuple[str, ...] = ()
    needs_weights: bool = False
    is_dear: bool = True
    """So costly that a few seconds of video are measured, not a minute."""


PEER_TABLE = {
    "opencv-resnet18": Peer(
        program="opencv_resnet18",
        title="OpenCV, ResNet-18 on every frame (random weights)",
    ),
    "scenedetect": Peer(
        program="scenedetect_content",
        title="PySceneDetect, content detector",
        is_dear=False,
    ),
    "yolo": Peer(
        program="yolo_track",
        title="Ultralytics YOLO at 640, every frame, tracked, line",
        needs_weights=True,
    ),
    "yolo-5fps": Peer(
        program="yolo_track",
        title="Ultralytics YOLO at 640, 5 samples/s, tracked, line",
        arguments=("5",),
        needs_weights=True,
    ),
    "supervision": Peer(
        program="supervision_line",
        title="supervision LineZone loop, YOLO at 640, every frame",
        needs_weights=True,
    ),
}
# what needs no environment of its own
HOME_PEERS = ("opencv-resnet18",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contestant:
    """Something that does its job on a clip when it is run."""

    name: str
    title: str
    command: Callable[[Path, Path], list[str]]
    """(clip, an empty folder for what it writes) to the command."""
    versions: str
    is_dear: bool = False


def find_floor() -> Contestant:
    """Return FFmpeg's null decoder, or PyAV's where there is no ffmpeg."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        program = str(PEERS / "decode_only.py")
        return Contestant(
            name=FLOOR,
            title="PyAV decoding on one thread (no ffmpeg here)",
            command=lambda clip, _: [sys.executable, program, str(clip)],
            versions=_ask_versions(sys.executable, program),
        )
    said = subprocess.run(  # noqa: S603
        [ffmpeg, "-version"], capture_output=True, text=True, check=False
    ).stdout
    decode = [ffmpeg, "-v", "error", "-nostdin", "-threads", "1", "-i"]
    return Contestant(
        name=FLOOR,
        title="ffmpeg -threads 1 -f null",
        command=lambda clip, _: [*decode, str(clip), "-an", "-f", "null", "-"],
        versions=" ".join(said.split()[:3]),
    )


def find_ourselves(
    speeds: Sequence[str], options: Sequence[str] = ()
) -> list[Contestant]:
    """Return ``truckcount run`` once a speed.

    Parameters
    ----------
    options : sequence of str
        Further words for ``run``.
    """
    return [_ourselves(speed, tuple(options)) for speed in speeds]


def find_peers(
    names: Sequence[str],
    pythons: Mapping[str, str],
    weights: Path | None,
) -> tuple[list[Contestant], dict[str, str]]:
    """Return the peers that work here, and why the others do not.

    Parameters
    ----------
    pythons : mapping of name to path
        The interpreter whose environment holds a peer; ``all`` is for every one.
    weights : path, optional
        Of the YOLO network.

    Raises
    ------
    ConfigError
        For a name that is no peer.
    """
    for name in [*names, *pythons]:
        if name not in PEER_TABLE and name != ANY_PEER:
            known = ", ".join(PEER_TABLE)
            raise ConfigError(f"{name!r} is no peer; there are {known}")
    found, absent = [], {}
    for name in names:
        peer = PEER_TABLE[name]
        home = sys.executable if name in HOME_PEERS else None
        python = pythons.get(name) or home or pythons.get(ANY_PEER)
        if python is None:
            absent[name] = f"no --peer-python {name}=/path/to/python was given"
        elif peer.needs_weights and (weights is None or not weights.is_file()):
            absent[name] = "no --yolo-weights file was given"
        else:
            program = str(PEERS / f"{peer.program}.py")
            try:
                versions = _ask_versions(python, program)
            except ConfigError as error:
                absent[name] = str(error)
                continue
            found.append(_contestant(name, peer, python, weights, versions))
    return found, absent


def _contestant(
    name: str, peer: Peer, python: str, weights: Path | None, versions: str
) -> Contestant:
    words = (str(weights), *peer.arguments) if peer.needs_weights else peer.arguments
    program = str(PEERS / f"{peer.program}.py")
    return Contestant(
        name=name,
        title=peer.title,
        command=lambda clip, _: [python, program, str(clip), *words],
        versions=versions,
        is_dear=peer.is_dear,
    )


def _ourselves(speed: str, options: tuple[str, ...]) -> Contestant:
    from truckcount import __version__

    is_default = speed == "exact"
    words = () if is_default else ("--speed", speed)
    run = [sys.executable, "-m", "truckcount", "run"]
    fixed = ["--quiet", "--device", "cpu", "--start", "2026-03-02T08:00:00Z"]
    return Contestant(
        name=OURS if is_default else f"{OURS}-{speed}",
        title=" ".join(["truckcount run", *words, *options]),
        command=lambda clip, folder: [
            *run,
            str(clip),
            *fixed,
            *words,
            *options,
            "--store",
            str(folder / "store"),
        ],
        versions=f"truckcount {__version__}",
    )


def _ask_versions(python: str, program: str) -> str:
    """Return what a program needs and has; ConfigError where it lacks something."""
    try:
        said = subprocess.run(  # noqa: S603
            [python, program, "versions"],
            capture_output=True,
            text=True,
            check=False,
            timeout=ASK_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConfigError(f"{python} cannot be asked: {error}") from error
    if said.returncode != 0:
        lines = said.stderr.strip().splitlines()
        raise ConfigError(f"{python}: {lines[-1] if lines else 'failed'}")
    return said.stdout.strip().splitlines()[-1]
