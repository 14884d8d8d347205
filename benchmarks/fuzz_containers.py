"""Damaged recordings through the reader: clean errors or counts, nothing else.

    python -m benchmarks.fuzz_containers --inputs 10000      # goes on where it stopped

Small valid recordings (MP4, fragmented MP4, Matroska, AVI, MPEG-TS, FLV) are damaged
by a seed: flipped bits, cut ends, zeroed and doubled stretches, extreme lengths,
swapped boxes, two containers grown together. A child process probes, dates, decodes
and scores each with a network that sees nothing, under a limit of memory; this
process watches the clock. Every input ends as a count, an error of ours (a clean
line) or a finding: an error of another kind, a crash, a hang.
"""

import argparse
import json
import multiprocessing
import random
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import av
import numpy as np

from benchmarks.machine import ROOT, describe

RESULT = ROOT / "benchmarks" / "results" / "fuzz_containers.json"
HANG_S = 10.0
LIMIT_BYTES = 3 << 30  # of a child's address space beyond what it starts with
KINDS = {
    "mp4": ("mp4", "libx264", {}),
    "fragmented": ("mp4", "libx264", {"movflags": "frag_keyframe+empty_moov"}),
    "mkv": ("mkv", "libx264", {}),
    "avi": ("avi", "mpeg4", {}),
    "ts": ("ts", "libx264", {}),
    "flv": ("flv", "libx264", {}),
}


def make_recordings() -> dict[str, bytes]:
    """Make one small valid recording a kind."""
    made = {}
    with tempfile.TemporaryDirectory() as folder:
        for kind, (suffix, codec, options) in KINDS.items():
            path = Path(folder) / f"{kind}.{suffix}"
            with av.open(str(path), "w", options=options) as file:
                stream = file.add_stream(codec, rate=10)
                stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
                stream.options = (
                    {"g": "5"} if codec == "mpeg4" else {"g": "5", "bf": "1"}
                )
                rng = np.random.default_rng(1)
                for _ in range(12):
                    image = rng.integers(60, 120, (64, 96, 3), np.uint8)
                    frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                    file.mux(stream.encode(frame))
                file.mux(stream.encode())
            made[kind] = path.read_bytes()
    return made


def damage(recordings: dict[str, bytes], seed: int) -> tuple[str, bytes]:
    """Return (ending, bytes) of the damaged recording of a seed."""
    rng = random.Random(seed)  # noqa: S311 - damage, no secret
    kind = rng.choice(sorted(recordings))
    data = bytearray(recordings[kind])
    for _ in range(rng.choice((1, 1, 2, 4))):
        data = bytearray(rng.choice(MUTATIONS)(rng, data, recordings))
        if not data:
            break
    return KINDS[kind][0], bytes(data)


def _flip(rng: random.Random, data: bytearray, _: dict[str, bytes]) -> bytes:
    limit = rng.choice((64, 1024, len(data)))  # headers are where it hurts
    for _n in range(rng.choice((1, 4, 32))):
        data[rng.randrange(min(limit, len(data)))] ^= 1 << rng.randrange(8)
    return bytes(data)


def _cut(rng: random.Random, data: bytearray, _: dict[str, bytes]) -> bytes:
    return bytes(data[: rng.randrange(len(data) + 1)])


def _zero(rng: random.Random, data: bytearray, _: dict[str, bytes]) -> bytes:
    at, n = rng.randrange(len(data)), rng.randrange(1, 512)
    data[at : at + n] = bytes(len(data[at : at + n]))
    return bytes(data)


def _double(rng: random.Random, data: bytearray, _: dict[str, bytes]) -> bytes:
    at, n = rng.randrange(len(data)), rng.randrange(1, 2048)
    return bytes(data[: at + n] + data[at:])


def _extreme(rng: random.Random, data: bytearray, _: dict[str, bytes]) -> bytes:
    values = (b"\xff" * 4, b"\x7f\xff\xff\xff", bytes(4), b"\x80\0\0\0", b"\0\0\0\1")
    for _n in range(rng.choice((1, 3))):
        at = rng.randrange(max(1, len(data) - 4))
        data[at : at + 4] = rng.choice(values)
    return bytes(data)


def _swap(rng: random.Random, data: bytearray, _: dict[str, bytes]) -> bytes:
    boxes = find_boxes(bytes(data)) or [
        (at, min(at + 188, len(data))) for at in range(0, len(data), 188)
    ]
    parts = [bytes(data[a:b]) for a, b in boxes]
    if len(parts) > 1:
        i, j = rng.sample(range(len(parts)), 2)
        parts[i], parts[j] = parts[j], parts[i]
    return b"".join(parts)


def _join(rng: random.Random, data: bytearray, recordings: dict[str, bytes]) -> bytes:
    other = recordings[rng.choice(sorted(recordings))]
    return bytes(data[: rng.randrange(len(data))]) + other[rng.randrange(len(other)) :]


MUTATIONS: list[Callable[[random.Random, bytearray, dict[str, bytes]], bytes]] = [
    _flip, _flip, _cut, _zero, _double, _extreme, _extreme, _swap, _join,
]  # fmt: skip


def find_boxes(data: bytes) -> list[tuple[int, int]]:
    """Find the top boxes of an MP4, those of ``moov`` one by one; [] where none is."""
    boxes, at = [], 0
    while at + 8 <= len(data):
        n = int.from_bytes(data[at : at + 4], "big")
        name = data[at + 4 : at + 8]
        if n < 8 or at + n > len(data) or not name.isalnum():
            return []
        if name == b"moov":
            boxes.append((at, at + 8))
            at += 8  # its boxes follow as if they were on top
            continue
        boxes.append((at, at + n))
        at += n
    return boxes


class _SeesNothing:
    """A network's stand-in: the reader is what is tried."""

    device = "cpu"

    def score_views(self, views: Any) -> Any:
        from truckcount.presence.runtime import Maps

        n, height, width = views.shape[:3]
        cells = (height // 16, width // 16)
        return Maps(
            heat=np.zeros((n, *cells), np.float32),
            box=np.zeros((n, 4, *cells), np.float32),
        )


def outcome_of(path: Path) -> str:
    """Read one file as a run does; say how it ended."""
    from truckcount.domain.camera import Camera
    from truckcount.errors import TruckcountError
    from truckcount.pipeline.config import RunOptions
    from truckcount.pipeline.scoring import ScoreTask, score_file
    from truckcount.presence.weights import find_weights
    from truckcount.video import find_sources

    task = ScoreTask(
        source=find_sources([str(path)])[0],
        camera=Camera(name="fuzz"),
        segment_id="fuzz",
        options=RunOptions(),
    )
    try:
        score_file(task, find_weights("truckmap"), _SeesNothing())
    except TruckcountError as error:
        return f"error {type(error).__name__}"
    except Exception as error:  # noqa: BLE001 - what is looked for
        return f"FINDING {type(error).__name__}: {str(error)[:80]}"
    return "count"


def _work(link: Connection, folder: str, seeds: list[int]) -> None:
    """Try seeds one after another; tell the parent before and after each."""
    recordings = make_recordings()
    warm = Path(folder) / "warm_20260302T080000Z.mp4"
    warm.write_bytes(recordings["mp4"])
    outcome_of(warm)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * 4096
    resource.setrlimit(resource.RLIMIT_AS, (used + LIMIT_BYTES,) * 2)
    for seed in seeds:
        suffix, data = damage(recordings, seed)
        path = Path(folder) / f"fuzz_20260302T080000Z.{suffix}"
        path.write_bytes(data)
        link.send(seed)
        outcome = outcome_of(path)
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        link.send((outcome, peak_mb))
        path.unlink()
    link.send(None)


def try_seeds(seeds: list[int], note: Callable[[int, str, float], None]) -> None:
    """Try seeds in children; a child that crashes or hangs is followed by another."""
    context = multiprocessing.get_context("spawn")
    while seeds:
        with tempfile.TemporaryDirectory() as folder:
            mine, theirs = context.Pipe(duplex=False)
            child = context.Process(target=_work, args=(theirs, folder, seeds))
            child.start()
            theirs.close()
            seeds = _follow(mine, child, seeds, note)


def _follow(
    link: Connection, child: Any, seeds: list[int], note: Callable[..., None]
) -> list[int]:
    """Note what a child tells; return the seeds that are left when it ends."""
    left, peak_mb = list(seeds), 0.0
    is_begun = False
    while True:
        try:
            # a child that has not begun is starting Python, on a busy machine
            is_told = link.poll(HANG_S if is_begun else 300.0)
            seed = link.recv() if is_told else None
            if not is_told or seed is None:
                break
            is_begun = True
            if not link.poll(HANG_S):
                child.kill()
                note(left.pop(0), f"FINDING hang over {HANG_S:.0f} s", peak_mb)
                break
            outcome, peak_mb = link.recv()
        except EOFError:
            child.join()
            note(left.pop(0), f"FINDING crash, exit {child.exitcode}", peak_mb)
            break
        note(left.pop(0), outcome, peak_mb)
    child.join(5)
    return left


def main() -> None:
    """Try inputs up to a number; keep the tally as it goes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, default=1e9, help="Stop after these.")
    arguments = parser.parse_args()
    state: dict[str, Any] = {"inputs": 0, "outcomes": {}, "findings": []}
    if RESULT.exists():
        state = json.loads(RESULT.read_text())
    tally = Counter(state["outcomes"])
    began = time.monotonic()
    peaks = state.setdefault("peak_rss_mb_by_inputs", {})

    def note(seed: int, outcome: str, peak_mb: float) -> None:
        tally["finding" if outcome.startswith("FINDING") else outcome] += 1
        if outcome.startswith("FINDING"):
            state["findings"].append({"seed": seed, "what": outcome[8:]})
        state["inputs"] = seed + 1
        peaks[str((seed // 1000 + 1) * 1000)] = round(peak_mb, 1)

    while state["inputs"] < arguments.inputs:
        if time.monotonic() - began > arguments.minutes * 60:
            break
        first = state["inputs"]
        try_seeds(list(range(first, min(first + 500, arguments.inputs))), note)
        state["outcomes"] = dict(tally.most_common())
        state["hang_limit_s"] = HANG_S
        state |= {"machine": describe()}
        RESULT.write_text(json.dumps(state, indent=2) + "\n")
        print(state["inputs"], dict(tally), len(state["findings"]), flush=True)


if __name__ == "__main__":
    main()
