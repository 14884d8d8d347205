"""A live camera with injected faults: is coverage what was sent?

    python -m benchmarks.live_soak --minutes 30 --faults 20

A camera on loopback speaks RTSP in real time and is cut, silenced or slowed every so
often. What it sent (each frame stands for its share of a second) is compared with
the coverage that the store tells.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.machine import ROOT, describe
from tests.pipeline.red_box import BOX_PX, SIZE, write_red_model
from tests.video.rtsp_server import RtspCamera, encode_film, red_film
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.live import LiveStreams

RESULT = ROOT / "benchmarks" / "results" / "live_soak.json"
FPS = 10
FAULT_S = 12.0  # longer than the client waits for a silent camera


def covered_s(store: Path) -> float:
    """Sum the coverage of one camera's hours."""
    hours = {}
    for path in store.glob("hours/*/[!.]*.parquet"):
        for row in pq.read_table(path, partitioning=None).to_pylist():
            hours[row["hour_start_utc"]] = row["coverage_s"]
    return float(sum(hours.values()))


def main() -> None:
    """Run the soak."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--faults", type=int, default=20)
    arguments = parser.parse_args()
    camera = RtspCamera(encode_film(red_film(FPS, SIZE, BOX_PX), 60, FPS, SIZE), FPS)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        options = RunOptions(store=root / "store", model=write_red_model(root))
        streams = LiveStreams([camera.url], options, 60.0)
        kinds = []
        calm_s = arguments.minutes * 60 / (arguments.faults + 1) - FAULT_S

        def rest(seconds: float) -> None:
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                for _ in streams.publish():
                    pass
                time.sleep(0.2)

        faults: dict[str, tuple[Callable[[], None], Callable[[], None]]] = {
            "cut": (camera.cut, camera.mend),
            "silence": (
                lambda: setattr(camera, "is_silent", True),
                lambda: setattr(camera, "is_silent", False),
            ),
            "slow": (
                lambda: setattr(camera, "delay_s", 0.5),
                lambda: setattr(camera, "delay_s", 0.0),
            ),
        }
        began = time.monotonic()
        for k in range(arguments.faults):
            rest(calm_s)
            kinds.append(sorted(faults)[k % 3])
            begin, end = faults[kinds[-1]]
            begin()
            rest(FAULT_S)
            end()
        rest(calm_s)
        wall_s = time.monotonic() - began
        sent_s = camera.n_sent / FPS
        for _ in streams.close():
            pass
        found_s = covered_s(options.store)
        camera.close()
    found = {
        "minutes": round(wall_s / 60, 1),
        "faults": {kind: kinds.count(kind) for kind in sorted(faults)},
        "sent_s": round(sent_s, 1),
        "covered_s": round(found_s, 1),
        "missed_s_per_fault": round((sent_s - found_s) / max(arguments.faults, 1), 2),
        "connections": camera.n_connections,
        "machine": describe(),
    }
    RESULT.write_text(json.dumps(found, indent=2) + "\n")
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
