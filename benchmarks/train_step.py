"""Images a second of a training step on one core, with freed memory kept or not.

    python -m benchmarks.train_step

Each figure is of a process of its own (what glibc was told cannot be taken back), the
two ways in turn, forward, backward and optimiser, by CPU time (user + system).
"""

import argparse
import json
import statistics
import subprocess
import sys
import time

import torch
from torch import nn

from benchmarks.machine import ROOT, describe
from truckcount.presence.truckmap import TruckMap
from truckcount.presence.zoo.factory import build_network
from truckcount.training.allocator import keep_freed_memory

RESULT = ROOT / "benchmarks" / "results" / "train_step.json"
NETWORKS = ("seed", "mobilenet_v3_small", "resnet18", "truckmap")
WAYS = ("default", "kept")
ZOO_PX, BATCH = 128, 32


def measure(name: str, way: str, seconds: float) -> float:
    """Train on noise for a while; images a second of CPU time."""
    torch.set_num_threads(1)
    if way == "kept":
        keep_freed_memory()
    network, shape = _network(name)
    network = network.to(memory_format=torch.channels_last).train()
    optimizer = torch.optim.AdamW(network.parameters())
    views = torch.randint(0, 256, (BATCH, 3, *shape), dtype=torch.uint8)
    n, began = 0, 0.0
    for step in range(100_000):
        if step == 2:  # the first allocate what later ones are given again
            n, began = 0, time.process_time()
        elif step > 2 and time.process_time() - began > seconds:
            break
        output = network(views)
        loss = (output.heat if name == "truckmap" else output).float().square().mean()
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
        n += BATCH
    return n / (time.process_time() - began)


def _network(name: str) -> tuple[nn.Module, tuple[int, int]]:
    if name == "truckmap":
        return TruckMap(), (128, 256)
    network = build_network(name, input_px=None if name == "seed" else ZOO_PX)
    return network, (network.input_px, network.input_px)


def main() -> None:
    """Measure and write ``results/train_step.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=6.0, help="of CPU, each")
    parser.add_argument("--one", nargs=2, metavar=("NETWORK", "WAY"))
    arguments = parser.parse_args()
    if arguments.one:
        print(measure(*arguments.one, arguments.seconds))
        return
    rows = []
    for name in NETWORKS:
        speeds: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(arguments.repeats):
            for way, found in speeds.items():
                program = [sys.executable, "-m", "benchmarks.train_step", "--one"]
                program += [name, way, "--seconds", str(arguments.seconds)]
                done = subprocess.run(
                    program, cwd=ROOT, capture_output=True, text=True, check=True
                )
                found.append(float(done.stdout))
        default, kept = (statistics.median(speeds[way]) for way in WAYS)
        rows.append(
            {
                "network": name,
                "images_per_s": round(default, 1),
                "images_per_s_kept": round(kept, 1),
                "ratio": round(kept / default, 2),
            }
        )
        print(json.dumps(rows[-1]), flush=True)
    RESULT.write_text(json.dumps({**describe(), "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
