"""Thousands of small files through `truckcount watch`: none lost, none twice, flat.

    python -m benchmarks.watch_soak --files 10000

A recorder writes files of one second (each with bytes of its own) for many cameras
into a folder, a batch ahead of a real ``truckcount watch`` process. Its memory and
open files are read from /proc as it goes; at the end the store is compared with what
was recorded.
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.machine import ROOT, describe
from tests.pipeline.red_box import write_red_model, write_traffic

RESULT = ROOT / "benchmarks" / "results" / "watch_soak.json"
START = datetime(2026, 3, 2, tzinfo=UTC)
AHEAD = 400  # files on disk and not counted yet: what a short outage leaves
N_CAMERAS = 50
GROWTH_LIMIT = 0.10  # of memory between the first tenth and the end


def record(film: Path, folder: Path, k: int) -> None:
    """Write the k-th file as a recorder does: under a hidden name, then renamed."""
    moment = START + timedelta(seconds=10 * (k // N_CAMERAS))
    name = f"cam{k % N_CAMERAS:02d}_{moment:%Y%m%dT%H%M%SZ}.mp4"
    draft = folder / f".{name}.part"
    shutil.copy(film, draft)
    with draft.open("ab") as file:  # an empty box: other bytes, the same pictures
        file.write(b"\0\0\0\x10free" + k.to_bytes(8, "big"))
    draft.rename(folder / name)


def look_at(process: int) -> tuple[float, int]:
    """Return resident memory in MB and open file handles of a process."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    page_bytes = os.sysconf("SC_PAGE_SIZE")
    return pages * page_bytes / 2**20, len(os.listdir(f"/proc/{process}/fd"))  # noqa: PTH208


def counted(store: Path) -> list[tuple[str, str]]:
    """Return (path, segment) of every row of ``segments``."""
    rows = []
    for path in store.glob("segments/*/[!.]*.parquet"):
        for row in pq.read_table(path, partitioning=None).to_pylist():
            assert row["status"] == "done", row  # noqa: S101
            rows.append((row["path"], row["segment_id"]))
    return rows


def main() -> None:
    """Run the soak; write what was reached, also when it is cut short."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--out", type=Path, default=RESULT)
    parser.add_argument("--minutes", type=float, default=1e9, help="Stop after these.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        folder, store = root / "rec", root / "store"
        folder.mkdir()
        film = write_traffic(root / "film.mp4", {}, 1.0)
        model = write_red_model(root)
        command = [sys.executable, "-m", "truckcount", "watch", folder, "--settle", "0"]
        command += ["--store", store, "--model", model]
        process = subprocess.Popen(
            list(map(str, command)), cwd=ROOT, stderr=subprocess.PIPE, text=True
        )
        told, written, marks = 0, 0, []
        began = time.monotonic()
        assert process.stderr is not None  # noqa: S101
        try:
            while told < arguments.files:
                is_over = time.monotonic() - began > arguments.minutes * 60
                while written < min(told + AHEAD, arguments.files) and not is_over:
                    record(film, folder, written)
                    written += 1
                if is_over and told == written:
                    break
                line = process.stderr.readline()
                if not line:
                    break
                told += ": done, " in line
                if told and told % 50 == 0 and (not marks or marks[-1][0] < told):
                    marks.append((told, *look_at(process.pid)))
                    if told % 500 == 0:
                        print(marks[-1], round(time.monotonic() - began), flush=True)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=120)
        finally:
            process.kill()
        rows = counted(store)
        wall_s = time.monotonic() - began
    result = json.dumps(_sum_up(marks, written, rows, wall_s), indent=2)
    arguments.out.write_text(result + "\n")
    print(result)


def _sum_up(
    marks: list[tuple[int, float, int]],
    written: int,
    rows: list[tuple[str, str]],
    wall_s: float,
) -> dict[str, Any]:
    n = max(1, len(marks) // 10)
    first = statistics.median(m[1] for m in marks[n : 2 * n])
    last = statistics.median(m[1] for m in marks[-n:])
    return {
        "files_recorded": written,
        "files_counted": len(rows),
        "lost": written - len({path for path, _ in rows}),
        "twice": len(rows) - len({segment for _, segment in rows}),
        "cameras": N_CAMERAS,
        "rss_mb_second_tenth": round(first, 1),
        "rss_mb_last_tenth": round(last, 1),
        "rss_growth": round(last / first - 1, 4),
        "rss_is_flat": last / first - 1 <= GROWTH_LIMIT,
        "handles_second_tenth": statistics.median(m[2] for m in marks[n : 2 * n]),
        "handles_last_tenth": statistics.median(m[2] for m in marks[-n:]),
        "handles_most": max(m[2] for m in marks),
        "minutes": round(wall_s / 60, 1),
        "files_per_s": round(len(rows) / wall_s, 2),
        "rss_mb_by_files": {str(m[0]): round(m[1], 1) for m in marks[:: max(1, n)]},
        "machine": describe(),
    }


if __name__ == "__main__":
    main()
