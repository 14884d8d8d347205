"""Measure, simulate, print, keep.

python -m pipelines.fleet                  # measures: a minute of one core
python -m pipelines.fleet --keep-cost      # simulates on the costs of the last time
python -m benchmarks.scaling_page          # then writes docs/scaling.md
"""

import argparse
import json
import math
from dataclasses import asdict
from typing import Any

from benchmarks.machine import ROOT, describe
from pipelines.fleet.cost import SegmentCost, measure_cost
from pipelines.fleet.day import DAY_S, SEGMENT_S, FleetOptions, simulate_day

RESULT = ROOT / "benchmarks" / "results" / "fleet_day.json"
BUSY_SHARES = (0.5, 0.7, 0.9)
N_CAMERAS = 1000


def simulate_fleets(
    cost: SegmentCost, n_cameras: int = N_CAMERAS
) -> list[dict[str, Any]]:
    """Simulate the day with as many workers as make them so busy."""
    task_s = cost.score_s + cost.publish_full_s
    rows = []
    for is_on_the_clock in (True, False):
        for share in BUSY_SHARES:
            n_workers = math.ceil(n_cameras * task_s / SEGMENT_S / share)
            options = FleetOptions(
                n_cameras=n_cameras,
                n_workers=n_workers,
                score_s=cost.score_s,
                publish_s=cost.publish_full_s,
                node_workers=min(16, n_workers // 2),
                is_on_the_clock=is_on_the_clock,
            )
            day = simulate_day(options)
            rows.append({"options": asdict(options), "day": asdict(day)})
    return rows


def show(rows: list[dict[str, Any]]) -> str:
    """Lay out the days."""
    head = "recorders  workers  busy  lag p50    p99  before failures p99    max  "
    lines = [head + "waiting  cleared after"]
    for row in rows:
        options, day = row["options"], row["day"]
        cleared = day["cleared_after_s"]
        lines.append(
            f"{'clock' if options['is_on_the_clock'] else 'spread':9}  "
            f"{options['n_workers']:7}  {day['busy_share']:4.0%}  "
            f"{day['lag_p50_s']:5.0f} s  {day['lag_p99_s']:5.0f} s  "
            f"{day['lag_quiet_p99_s']:5.0f} s  {day['lag_max_s']:5.0f} s  "
            f"{day['max_waiting']:6}  "
            + ("not today" if cleared is None else f"{cleared / 60:.0f} min")
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, simulate, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep-cost", action="store_true")
    parser.add_argument("--cameras", type=int, default=N_CAMERAS)
    asked = parser.parse_args()
    if asked.keep_cost:
        found = json.loads(RESULT.read_text())
        cost, machine = SegmentCost(**found["cost"]), found["measured"]
    else:
        machine = describe()
        cost = measure_cost()
    rows = simulate_fleets(cost, asked.cameras)
    found = {
        "measured": machine,
        "cost": cost.to_json(),
        "n_cameras": asked.cameras,
        "segments_a_camera": round(DAY_S / SEGMENT_S),
        "fleets": rows,
    }
    RESULT.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(cost.to_json(), indent=1))
    print(show(rows))


if __name__ == "__main__":
    main()
