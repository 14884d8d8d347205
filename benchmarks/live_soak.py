"""A live camera with injected faults: is coverage what was to be seen?

    python -m benchmarks.live_soak --minutes 30 --faults 20
    python -m benchmarks.live_soak --minutes 3.5 --faults 6 --kind slow --out slow.json
    python -m benchmarks.live_soak --minutes 3 --faults 4 --kind thin --fault-s 16 \
        --out thin.json

A camera on loopback speaks RTSP in real time and is cut, silenced or slowed every so
often: each frame takes half a second, or, by ``--kind thin`` alone, its link carries
a fifth of the bytes. At 16 s one connection falls behind, a second never keeps up and
is given up, and the link is well again in a third. The truth is told frame by frame
(each stands for its share of a second): what was sent so that it could be decoded,
from a key frame on, and all that a camera without a fault had to show, from the first
key frame after a fault, whether anybody was connected or not. It is compared with
what the stored samples cover, and its sum with the coverage of the hours.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks.machine import ROOT, describe
from tests.pipeline.red_box import BOX_PX, SIZE, write_red_model
from tests.video.rtsp_server import RtspCamera, encode_film, red_film
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.unattended.live import LiveStreams

RESULT = ROOT / "benchmarks" / "results" / "live_soak.json"
FPS = 10
SAMPLE_S, BRIDGED_S = 0.2, 2.0  # counting/coverage.py
KINDS = ("cut", "silence", "slow")
SLOW_S, THIN_BYTES_PER_S = 0.5, 6400.0  # a fifth of what the camera sends
FAULT_S = (12.0, 3.0)  # longer and shorter than a silent camera is waited for


@dataclass(frozen=True)
class Fault:
    """When something was wrong, seconds since 1970."""

    kind: str
    begin_s: float
    end_s: float


def read_rows(store: Path, table: str) -> list[dict[str, Any]]:
    """Return the rows of a table."""
    return [
        row
        for path in store.glob(f"{table}/*/[!.]*.parquet")
        for row in pq.read_table(path, partitioning=None).to_pylist()
    ]


def covered_s(store: Path) -> float:
    """Sum the coverage of one camera's hours."""
    hours = {r["hour_start_utc"]: r["coverage_s"] for r in read_rows(store, "hours")}
    return float(sum(hours.values()))


def find_offered(camera: RtspCamera, frames: range, faults: list[Fault]) -> set[int]:
    """Return the frames that a camera without a fault had to show.

    A frame counts when the last key frame before it was shown as well, with nothing
    missing between: a decoder sees no sooner.
    """
    offered, is_decodable = set(), False
    left = list(faults)
    for k in frames:
        taken_s = camera.taken_s(k)
        while left and left[0].end_s < taken_s:
            left.pop(0)
        if left and left[0].begin_s <= taken_s:
            is_decodable = False
            continue
        is_decodable |= camera.is_key(k)
        if is_decodable:
            offered.add(k)
    return offered


def find_covered(camera: RtspCamera, store: Path, frames: range) -> set[int]:
    """Return the frames whose middle some sample covers, by the rule of counting."""
    times_s = np.array(
        sorted(row["t_utc"].timestamp() for row in read_rows(store, "scores"))
    )
    until_s = np.append(times_s[1:], np.inf)
    is_apart = until_s - times_s > BRIDGED_S
    until_s[is_apart] = times_s[is_apart] + SAMPLE_S
    middles_s = np.array([camera.taken_s(k) for k in frames]) + 0.5 / FPS
    last = np.searchsorted(times_s, middles_s, "right") - 1
    is_covered = (last >= 0) & (middles_s < until_s[np.maximum(last, 0)])
    return {k for k, is_in in zip(frames, is_covered.tolist(), strict=True) if is_in}


def compare(
    camera: RtspCamera, store: Path, faults: list[Fault], frames: range
) -> dict[str, Any]:
    """Compare the store with the truth."""
    truth = find_offered(camera, frames, faults) | (camera.shown & set(frames))
    found = find_covered(camera, store, frames)
    ends = [f.begin_s for f in faults[1:]] + [float("inf")]
    by_fault = []
    for fault, end_s in zip(faults, ends, strict=True):
        mine = [k for k in frames if fault.begin_s <= camera.taken_s(k) < end_s]
        by_fault.append(
            {
                "kind": fault.kind,
                "fault_s": round(fault.end_s - fault.begin_s, 1),
                "missed_s": sum(k in truth - found for k in mine) / FPS,
                "invented_s": sum(k in found - truth for k in mine) / FPS,
            }
        )
    n = max(len(faults), 1)
    return {
        "truth_s": round(len(truth) / FPS, 1),
        "sent_s": round(len(camera.shown & set(frames)) / FPS, 1),
        "covered_s": round(len(found) / FPS, 1),
        "coverage_s_of_hours": round(covered_s(store), 1),
        "missed_s_per_fault": round(len(truth - found) / FPS / n, 2),
        "invented_s_per_fault": round(len(found - truth) / FPS / n, 2),
        "most_missed_s_of_a_fault": max((f["missed_s"] for f in by_fault), default=0),
        "by_fault": by_fault,
    }


def main() -> None:
    """Run the soak."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--faults", type=int, default=20)
    parser.add_argument(
        "--kind", choices=[*KINDS, "thin"], help="Faults of one kind alone"
    )
    parser.add_argument("--fault-s", type=float, help="Of every fault, not 12 and 3")
    parser.add_argument("--rtcp", action="store_true", help="The camera tells its time")
    parser.add_argument("--out", type=Path, default=RESULT)
    arguments = parser.parse_args()
    film = encode_film(red_film(FPS, SIZE, BOX_PX), 60, FPS, SIZE)
    camera = RtspCamera(film, FPS, clock_error_s=0.0 if arguments.rtcp else None)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        options = RunOptions(store=root / "store", model=write_red_model(root))
        streams = LiveStreams([camera.url], options, 60.0)
        streams.start()
        faults: list[Fault] = []

        def rest(seconds: float) -> None:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                for _ in streams.publish():
                    pass
                time.sleep(0.1)

        kinds: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {
            "cut": (camera.cut, camera.mend),
            "silence": (
                lambda: setattr(camera, "is_silent", True),
                lambda: setattr(camera, "is_silent", False),
            ),
            "slow": (
                lambda: setattr(camera, "delay_s", SLOW_S),
                lambda: setattr(camera, "delay_s", 0.0),
            ),
            "thin": (
                lambda: setattr(camera, "bytes_per_s", THIN_BYTES_PER_S),
                lambda: setattr(camera, "bytes_per_s", None),
            ),
        }
        chosen = [arguments.kind] if arguments.kind else KINDS
        lengths = [
            arguments.fault_s or FAULT_S[k // len(chosen) % len(FAULT_S)]
            for k in range(arguments.faults)
        ]
        calm_s = (arguments.minutes * 60 - sum(lengths)) / (arguments.faults + 1)
        while not camera.shown:
            rest(0.1)
        began = time.monotonic()
        for k, length_s in enumerate(lengths):
            rest(calm_s)
            kind = chosen[k % len(chosen)]
            begin, end = kinds[kind]
            begin_s = time.time()
            begin()
            rest(length_s)
            end()
            faults.append(Fault(kind, begin_s, time.time()))
            print(faults[-1], flush=True)
        rest(calm_s)
        wall_s = time.monotonic() - began
        frames = range(min(camera.shown), max(camera.shown))
        for _ in streams.close():
            pass
        assert all(a.end_s < b.begin_s for a, b in pairwise(faults))  # noqa: S101
        found = compare(camera, options.store, faults, frames)
        camera.close()
    result = {
        "minutes": round(wall_s / 60, 1),
        "faults": len(faults),
        "camera_tells_time": arguments.rtcp,
        **found,
        "connections": camera.n_connections,
        "machine": describe(),
    }
    arguments.out.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
