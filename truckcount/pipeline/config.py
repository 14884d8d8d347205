"""What a run may be told, and the hashes that tell one configuration from another."""

import hashlib
import json
import math
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from truckcount.counting import CountingOptions
from truckcount.domain.camera import Camera, Gate
from truckcount.errors import ConfigError
from truckcount.presence.devices import DEVICES, PRECISIONS
from truckcount.presence.views import may_be_tiled
from truckcount.presence.weights import Weights
from truckcount.video import MAX_PIXELS

COUNTING_VERSION = 4  # raised whenever equal scores may count to other passages
BIN_MINUTES = (5, 15, 30, 60)
SPEEDS = ("exact", "fast", "fastest")
BACKENDS = ("av", "opencv", "nvdec")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOptions:
    """Options of ``truckcount run``; every default is what an operator wants."""

    store: Path = Path("store")
    cameras: Path | None = None
    camera: str | None = None
    """Take every file as this camera's."""
    gate: str | None = None
    """One polygon, ``"x,y x,y x,y ..."``, in fractions or in pixels of the first
    picture."""
    start: str | None = None
    """ISO-8601 start of the first frame, with offset."""
    model: str = "truckmap"
    device: str = "auto"
    precision: str = "f32"
    """Of the network on the CPU; ``bf16`` is faster, a few counts may differ."""
    sample_fps: float = 5.0
    bins: int = 60
    """Minutes of a bin; 60 writes ``hours`` alone."""
    jobs: int = 1
    """Files decoded at the same time."""
    dask: str | None = None
    """Address of a Dask scheduler whose workers score instead of local processes."""
    speed: str = "exact"
    """``fast`` gives a view that has not changed its last score, for two seconds at
    most at 5 samples a second. Scores move (by up to 17 of 255 on real clips, 32 in
    heavy noise) and depend on how the video was cut, which ``exact`` excludes; counts
    are the same on all clips, but not on each copy with noise. ``fastest`` picks
    ``sample_fps``, ``key_frames_only`` and ``exact`` or ``fast`` for each camera."""
    key_frames_only: bool = False
    """Decode no other frames, in files that have one about every tick."""
    is_planned: bool = False
    """Set where ``fastest`` chose these three: the same by hand is no plan."""
    is_strict_time: bool = False
    """Refuse files whose start time could only be guessed."""
    settle_s: float = 0.0
    """Leave files alone that were written to within these seconds."""
    backend: str = "av"
    is_backfill: bool = False
    """Count files of hours that are closed, too: 35 days old and known as long."""
    is_rehash: bool = False
    """Read every byte of known files, too, though nothing tells that they changed."""
    max_pixels: int = MAX_PIXELS
    """Refuse larger pictures: a header of a few bytes may ask for all memory."""

    def __post_init__(self) -> None:
        _check_choice("--bins", self.bins, BIN_MINUTES)
        _check_choice("--speed", self.speed, SPEEDS)
        _check_choice("--backend", self.backend, BACKENDS)
        _check_choice("--device", self.device, DEVICES)
        _check_choice("--precision", self.precision, PRECISIONS)
        if re.match(r"[a-z][a-z0-9+]+:/", str(self.store)):
            msg = (
                f"--store {self.store}: only `run` and `watch` take a URL; write into "
                "a folder here and push it with `truckcount store push FOLDER URL`"
            )
            raise ConfigError(msg)
        if not 0.2 <= self.sample_fps <= 60:
            msg = f"--sample-fps {self.sample_fps} is out of range; use 0.2 to 60"
            raise ConfigError(msg)
        if not 0 <= self.settle_s < math.inf:
            msg = f"--settle {self.settle_s} must be seconds, 0 or more"
            raise ConfigError(msg)
        if self.start is not None:
            _check_start(self.start)
        if self.max_pixels < 1:
            msg = f"--max-pixels {self.max_pixels} must be at least 1"
            raise ConfigError(msg)
        if self.jobs < 1:
            msg = f"--jobs {self.jobs} must be at least 1"
            raise ConfigError(msg)
        if self.gate is not None and self.cameras is not None:
            msg = (
                "--gate and --cameras exclude one another: write the gate into the file"
            )
            raise ConfigError(msg)


def counting_options(
    gate: Gate, thresholds: tuple[tuple[str, float], ...]
) -> CountingOptions:
    """Return the defaults, then the weights' thresholds, then the gate's own."""
    return CountingOptions().with_overrides(thresholds).with_overrides(gate.thresholds)


def check_pace(
    gate: Gate, counting: CountingOptions, sample_fps: float, *, has_peaks: bool
) -> None:
    """Refuse samples so far apart that every track ends before the next one.

    Hours would be watched wholly, and without a truck.

    Raises
    ------
    ConfigError
        With the pace that is wanted.
    """
    held_s = counting.held_s(has_peaks=has_peaks)
    if sample_fps * held_s < 1:
        msg = (
            f"gate {gate.name!r}: --sample-fps {sample_fps:g} looks every "
            f"{1 / sample_fps:g} s, and a truck that is not seen for {held_s:g} s is "
            "lost: none would be counted; raise --sample-fps, or fill_s and seam_s "
            "in the gate's thresholds"
        )
        raise ConfigError(msg)


def scoring_hash(camera: Camera, model_id: str, options: RunOptions) -> str:
    """Hash what scores depend on: equal hash, equal scores, no need to decode."""
    return _hash(
        {
            "model_id": model_id,
            "sample_fps": options.sample_fps,
            "backend": options.backend,
            **_speed_of(options),
            "gates": [[g.name, g.polygon] for g in camera.gates],
            **_views_of(camera.gates),
            **_spans_of(camera.gates),
        }
    )


def config_hash(
    gate: Gate, model_id: str, counting: CountingOptions, options: RunOptions
) -> str:
    """Hash what this gate's counts depend on (features.md section 1.1)."""
    return _hash(
        {
            "counting_version": COUNTING_VERSION,
            "model_id": model_id,
            "sample_fps": options.sample_fps,
            "backend": options.backend,
            **_speed_of(options),
            "polygon": gate.polygon,
            "in": gate.in_vector,
            "counting": asdict(counting),
        }
        | ({} if gate.dwell is None else {"dwell": gate.dwell})
        | _spans_of([gate])
    )


def run_hash(chosen: Sequence[tuple[Camera, RunOptions]], weights: Weights) -> str:
    """Hash the configuration of every gate of a run, each camera's with its own."""
    return _hash(
        {
            f"{camera.name}/{gate.name}": config_hash(
                gate,
                weights.model_id,
                counting_options(gate, weights.header.thresholds),
                options,
            )
            for camera, options in chosen
            for gate in camera.gates
        }
    )


def _spans_of(gates: Sequence[Gate]) -> dict[str, Any]:
    # gates without one keep the hash that they had before there was a span
    spans = {gate.name: gate.view_span for gate in gates if gate.view_span}
    return {"view_span": spans} if spans else {}


def _views_of(gates: Sequence[Gate]) -> dict[str, Any]:
    # since 2026-11-29 a gate in tiles has one more view; others' scores stay valid
    return {"views": 2} if any(may_be_tiled(gate) for gate in gates) else {}


def _speed_of(options: RunOptions) -> dict[str, Any]:
    # left out where default, so that stores scored before it was an option stay valid
    keys: dict[str, Any] = {}
    if options.key_frames_only:
        keys["key_frames_only"] = True
    if options.precision != "f32":
        keys["precision"] = options.precision
    if options.is_planned:
        keys["is_planned"] = True
    return {"speed": options.speed, **keys}


def _hash(value: dict[str, Any]) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _check_start(start: str) -> None:
    """Refuse what is no time at once: a file that is known would not read it."""
    try:
        datetime.fromisoformat(start)
    except (TypeError, ValueError) as error:
        msg = (
            f"--start {start!r} is no ISO-8601 text like 2026-03-02T08:00:00-06:00; "
            "of a datetime give .isoformat()"
        )
        raise ConfigError(msg) from error


def _check_choice(option: str, value: object, choices: tuple[object, ...]) -> None:
    if value not in choices:
        msg = f"{option} {value!r} is not one of {', '.join(map(str, choices))}"
        raise ConfigError(msg)
