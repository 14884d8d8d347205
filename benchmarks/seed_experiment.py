"""The article's experiment: one camera, thousands of labelled frames, split by day.

    python -m benchmarks.seed_experiment --work runs/toy            # all, resumable
    python -m benchmarks.seed_experiment --work runs/toy --only seed --minutes 60
    python -m benchmarks.seed_experiment --work runs/toy --collect  # tables alone
    python -m benchmarks.seed_experiment --work runs/toy --days 240  # 100,800 frames

The camera is drawn (`benchmarks.toy_camera`). Every run goes on where it was
stopped; what has not been trained to its end is written as not obtained. Writes
``benchmarks/results/seed_experiment.json``, or ``..._240_days.json``;
``benchmarks.seed_doc`` makes the page and the curves of them.
"""

import argparse
import json
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from benchmarks.machine import describe
from benchmarks.toy_camera import write_set
from truckcount.training.allocator import keep_freed_memory
from truckcount.training.classifier.options import ClassifierOptions
from truckcount.training.classifier.run_folder import train_run

RESULTS = Path(__file__).parent / "results"
N_DAYS, MANY_DAYS, FRAMES_A_DAY, SEED = 12, 240, 420, 2017
SEED_NETWORK = ClassifierOptions(
    network="seed",
    n_epochs=15,
    batch_size=32,
    learning_rate=1e-3,
    # one fixed camera: what changes from day to day is in the frames already
    augmentation="light",
    patience=0,
)
# the zoo at 128 px: a step of ResNet-18 at 224 px takes 0.3 s a frame on one core
ZOO = replace(SEED_NETWORK, input_px=128, n_epochs=8)
RUNS: dict[str, ClassifierOptions] = {
    "seed": SEED_NETWORK,
    "seed, batch norm": replace(SEED_NETWORK, batch_norm=True),
    "seed, dropout 0.5": replace(SEED_NETWORK, dropout=0.5),
    "seed, batch norm, dropout 0.5": replace(
        SEED_NETWORK, batch_norm=True, dropout=0.5
    ),
    "mobilenet_v3_small": replace(ZOO, network="mobilenet_v3_small"),
    "mobilenet_v3_small, dropout 0.3": replace(
        ZOO, network="mobilenet_v3_small", dropout=0.3
    ),
    "resnet18": replace(ZOO, network="resnet18"),
    "resnet18, no batch norm": replace(ZOO, network="resnet18", batch_norm=False),
    "resnet18, dropout 0.3": replace(ZOO, network="resnet18", dropout=0.3),
    "alexnet": replace(ZOO, network="alexnet", learning_rate=2e-4),
    "alexnet, dropout 0.5": replace(
        ZOO, network="alexnet", dropout=0.5, learning_rate=2e-4
    ),
    "alexnet, batch norm": replace(ZOO, network="alexnet", batch_norm=True),
    "googlenet": replace(ZOO, network="googlenet"),
    "googlenet, dropout 0.3": replace(ZOO, network="googlenet", dropout=0.3),
    "resnet50": replace(ZOO, network="resnet50"),
    "mobilenet_v3_large": replace(ZOO, network="mobilenet_v3_large"),
}
# 20 times the frames: an epoch has as many steps as 20 of the smaller set
MANY = replace(SEED_NETWORK, learning_rate=2e-3, n_epochs=8)
MANY_RUNS = {
    "seed": MANY,
    "seed, batch norm": replace(MANY, batch_norm=True),
    "mobilenet_v3_small": replace(
        MANY, network="mobilenet_v3_small", input_px=160, n_epochs=3
    ),
}
RUNS_OF = {N_DAYS: RUNS, MANY_DAYS: MANY_RUNS}


def result_path(n_days: int) -> Path:
    """File of the figures of a set."""
    name = "" if n_days == N_DAYS else f"_{n_days}_days"
    return RESULTS / f"seed_experiment{name}.json"


def set_folder(work: Path, n_days: int) -> Path:
    """Folder of a set."""
    return work / ("set" if n_days == N_DAYS else f"set{n_days}")


def run_folder(work: Path, name: str, n_days: int) -> Path:
    """Folder of a run."""
    end = "" if n_days == N_DAYS else f"_{n_days}-days"
    return work / (name.replace(", ", "_").replace(" ", "-") + end)


def run_one(
    folder: Path,
    options: ClassifierOptions,
    *,
    data: Path,
    device: str,
    minutes: float,
    is_packed: bool,
) -> None:
    """Train one run to its end, or until the minutes are over."""
    began = time.monotonic()

    def check(_progress: object) -> None:
        if time.monotonic() - began > 60 * minutes:
            raise TimeoutError

    try:
        result = train_run(
            data, options, folder, device=device, is_packed=is_packed, listener=check
        )
    except TimeoutError:
        print(f"{folder}: stopped after {minutes:.0f} minutes; goes on when run again")
        return
    test = result.metrics["splits"]["test"]
    print(f"{folder}: test balanced accuracy {100 * test['balanced_accuracy']:.2f} %")


def collect(work: Path, n_days: int) -> dict[str, Any]:
    """Gather the finished runs; the others are not obtained.

    A row that was obtained elsewhere, with these options on this many frames, is kept
    with the machine that it names: no machine has had the time for all of them.
    """
    data = set_folder(work, n_days)
    found = describe_data(data, n_days)
    known = read_known(result_path(n_days), found)
    machine = describe()
    runs: dict[str, Any] = {}
    for name, options in RUNS_OF[n_days].items():
        folder = run_folder(work, name, n_days)
        row: dict[str, Any] = {"options": asdict(options), "is_obtained": False}
        if (folder / "metrics.json").exists():
            metrics = json.loads((folder / "metrics.json").read_text())
            lines = (folder / "curves.csv").read_text().splitlines()
            names = lines[0].split(",")
            row |= {
                "is_obtained": True,
                "machine": machine,
                "metrics": metrics,
                "history": [
                    dict(zip(names, map(float, line.split(",")), strict=True))
                    for line in lines[1:]
                ],
            }
        elif name in known and ClassifierOptions(**known[name]["options"]) == options:
            row = known[name]
        runs[name] = row
    return {"machine": machine, "data": found, "runs": runs}


def read_known(path: Path, found: dict[str, Any]) -> dict[str, Any]:
    """Read the rows that were obtained before on a set of the same counts."""
    if not path.exists():
        return {}
    before = json.loads(path.read_text())
    if before["data"] != found:
        return {}
    return {
        name: {"machine": before["machine"]} | row
        for name, row in before["runs"].items()
        if row["is_obtained"]
    }


def describe_data(data: Path, n_days: int) -> dict[str, Any]:
    """Count the set's frames by split and label."""
    from truckcount.training.classifier.frames import SPLITS, read_frames

    frames = read_frames(data)
    return {
        "days": n_days,
        "frames": len(frames),
        "splits": {
            split: {
                "frames": len(rows := frames.rows_of(split)),
                "with_truck": int((frames.p_truck[rows] >= 0.5).sum()),
            }
            for split in SPLITS
        },
    }


def main() -> None:
    """Draw the camera, train, gather."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--days", type=int, choices=list(RUNS_OF), default=N_DAYS)
    parser.add_argument("--only", action="append", choices=list(RUNS))
    parser.add_argument("--minutes", type=float, default=600.0, help="of each run")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--workers", type=int, default=0, help="that make batches")
    parser.add_argument("--processes", type=int, default=1, help="that draw")
    parser.add_argument("--collect", action="store_true")
    arguments = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(arguments.threads)
    work, n_days = arguments.work, arguments.days
    data, path, runs = set_folder(work, n_days), result_path(n_days), RUNS_OF[n_days]
    if not arguments.collect:
        write_set(
            data,
            n_days=n_days,
            frames_a_day=FRAMES_A_DAY,
            seed=SEED,
            n_processes=arguments.processes,
        )
        for name in arguments.only or runs:
            run_one(
                run_folder(work, name, n_days),
                replace(runs[name], n_workers=arguments.workers),
                data=data,
                device=arguments.device,
                minutes=arguments.minutes,
                # packed, the larger set takes 34 GB
                is_packed=n_days == N_DAYS,
            )
            path.write_text(json.dumps(collect(work, n_days), indent=1) + "\n")
    path.write_text(json.dumps(collect(work, n_days), indent=1) + "\n")


if __name__ == "__main__":
    main()
