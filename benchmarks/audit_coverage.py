"""How often the 95 % intervals of an audit hold the truth.

    python -m benchmarks.audit_coverage

A month of 15-minute windows with known true counts is audited again and again
(60, 90, 60 windows by the machine's count) and each estimate's interval is held
against the truth. Beside it stands the plain interval of total +- 1.96 se.
"""

import json

import numpy as np

from benchmarks.clip_accuracy import RESULTS
from benchmarks.machine import describe
from tests.audit.worlds import SIZES, draw_strata, make_world
from truckcount.features.estimators import METHODS, estimate_total

N_AUDITS = 4000
N_WINDOWS = 2880  # 30 days of 15 minutes
WORLDS = {
    "as most": {},
    "misses 5 %": {"miss": 0.05},
    "misses 25 %": {"miss": 0.25},
    "quiet": {"quiet": 0.7},
    "busy": {"quiet": 0.1},
    "many false": {"false": 0.1},
}


def main() -> None:
    """Measure and write ``results/audit_coverage.json``."""
    rng = np.random.default_rng(9)
    worlds = {}
    for name, traits in WORLDS.items():
        x, y = make_world(rng, N_WINDOWS, **traits)
        truth = float(y.sum())
        found = {
            method: {"interval": 0, "plain": 0, "width_over_truth": 0.0}
            for method in METHODS
        }
        for _ in range(N_AUDITS):
            strata = draw_strata(rng, x, y)
            for method, row in found.items():
                total = estimate_total(strata, method)
                row["interval"] += total.low <= truth <= total.high
                row["plain"] += abs(total.total - truth) <= 1.96 * total.se
                row["width_over_truth"] += (total.high - total.low) / truth
        worlds[name] = {
            "true_trucks": int(truth),
            "machine_trucks": int(x.sum()),
            "missed_where_machine_saw_none": int(y[x == 0].sum()),
            "coverage": {
                method: {k: round(v / N_AUDITS, 4) for k, v in row.items()}
                for method, row in found.items()
            },
        }
        print(name, json.dumps(worlds[name]))
    shares = [
        row["interval"] for w in worlds.values() for row in w["coverage"].values()
    ]
    result = {
        **describe(),
        "n_audits": N_AUDITS,
        "sizes": SIZES,
        "lowest": min(shares),
        "highest": max(shares),
        "worlds": worlds,
    }
    path = RESULTS / "audit_coverage.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(f"95 % intervals hold the truth in {min(shares):.1%} to {max(shares):.1%}")


if __name__ == "__main__":
    main()
