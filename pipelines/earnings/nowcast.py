"""Nowcast the sales of made-up firms from trucks, and try to be fooled.

    pip install -e '.[nowcast]'
    python -m pipelines.earnings.nowcast -o nowcast.html

The truth is known, since the firms are invented: so the page shows that the
machinery works, and what it cannot show.
"""

import argparse
import json
import tempfile
import time
from concurrent.futures import Future, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.earnings import checks
from pipelines.earnings.forecasts import (
    FIRST,
    N_TRAIN,
    REFITTED,
    Floats,
    Forecasts,
    forecast,
    rmse,
)
from pipelines.earnings.inference import Estimate, Placebo, diebold_mariano
from pipelines.earnings.page import write_page
from pipelines.earnings.world import World, WorldOptions, make_world

SEED = 7


def run(
    folder: Path, options: WorldOptions, *, n_null: int, n_power: int, seed: int = SEED
) -> tuple[dict[str, Any], Forecasts, World]:
    """Make a world, forecast it, and check the forecasts.

    Two checks that need nothing of the forecasts are made by a second process.
    """
    with ProcessPoolExecutor(
        1, mp_context=get_context("spawn"), initializer=keep_memory
    ) as pool:
        leak = pool.submit(
            checks.is_leak_free, folder / "leak", np.random.default_rng([seed, 1])
        )
        rng = np.random.default_rng(seed)
        world = make_world(folder / "world", rng, options)
        final = pool.submit(checks.final_growth, world)
        result, made = _check(
            world, rng, options, final, n_null=n_null, n_power=n_power
        )
        result["is_leak_free"] = leak.result()
    result["checks"] = _spell_checks(result)
    return result, made, world


def keep_memory() -> None:
    """Let Arrow keep the memory of tables that are gone.

    Thousands of small ones come and go: its own pool gives each one's memory back to
    the system, and a tenth of the time goes to getting it again.
    """
    pa.set_memory_pool(pa.system_memory_pool())


def _check(
    world: World,
    rng: np.random.Generator,
    options: WorldOptions,
    final: "Future[Floats]",
    *,
    n_null: int,
    n_power: int,
) -> tuple[dict[str, Any], Forecasts]:
    features = checks.features_of(world)
    trucks = checks.to_matrix(world, features, "log_growth")
    sales, consensus = world.sales.growth, world.sales.consensus
    made = forecast(sales, consensus, trucks)
    errors = {name: rmse(m, made.truth) for name, m in made.by_name.items()}
    first = N_TRAIN
    asked = {
        "as known": trucks,
        "placebo: a year late": checks.shift_quarters(trucks),
        "cheat: final vintage": final.result(),
    }
    arms: dict[str, Estimate | Placebo] = {
        name: checks.encompass(sales, consensus, t, rng, first=first)
        for name, t in asked.items()
    }
    others = checks.other_firms(sales, consensus, trucks, rng, first=first)
    arms = {"as known": arms["as known"], "placebo: other firms": others} | arms
    null = WorldOptions(n_firms=options.n_firms, n_quarters=options.n_quarters, kappa=0)
    null_share, null_p = checks.rejection_share(rng, null, first, n_null)
    power, _ = checks.rejection_share(rng, options, first, n_power)
    held = checks.interval_shares(world, features)
    result = {
        "rmse": {n: (e, e / errors[REFITTED]) for n, e in errors.items()},
        "arms": arms,
        "null_share": null_share,
        "null_p": null_p,
        "power": power,
        "held": held,
        "hits": [_hits(made, name) for name in ("both", REFITTED)],
        "dm": _compare(made),
        "n_firm_quarters": int(np.isfinite(trucks[:, FIRST:]).sum()),
    }
    result["told"] = (
        f"{options.n_firms} firms, {world.n_cameras} cameras, {options.n_quarters} "
        f"quarters, {len(made.quarters)} of them tested. Whatever the number of "
        f"firms, the evidence is nearer {len(made.quarters)} observations than "
        f"{made.truth.size}: firms share their quarters."
    )
    return result, made


def _hits(made: Forecasts, name: str) -> float:
    """Return how often the sign of the surprise was right."""
    surprise = made.truth - made.consensus
    called = made.by_name[name] - made.consensus
    use = np.isfinite(called)
    return float((np.sign(called) == np.sign(surprise))[use].mean())


def _compare(made: Forecasts) -> tuple[float, float]:
    quarter = np.broadcast_to(np.arange(len(made.quarters)), made.truth.shape)
    both = (made.by_name["both"] - made.truth) ** 2
    consensus = (made.by_name[REFITTED] - made.truth) ** 2
    use = np.isfinite(both)
    return diebold_mariano(both[use], consensus[use], quarter[use])


def _spell_checks(result: dict[str, Any]) -> list[tuple[str, str, str]]:
    def told(name: str) -> str:
        arm = result["arms"][name]
        low, high = arm.interval
        spelled = f"{arm.value:.3f} [{low:.3f}, {high:.3f}]"
        if isinstance(arm, Placebo):
            n, share = len(arm.coefficients), arm.rejected
            return f"{spelled}, mean and 95 % of {n}; 5 % test rejects {share:.1%}"
        return f"{spelled}, p {arm.p_wild:.3f}"

    t, p = result["dm"]
    hits = " / ".join(f"{share:.0%}" for share in result["hits"])
    held = [f"{share:.0%}" for share in result["held"].values()]
    return [
        ("trucks beside consensus, as known", told("as known"), "above 0"),
        ("placebo: other firms' trucks, mixed up many times",
         told("placebo: other firms"), "mean near 0, about 5 %"),
        ("placebo: trucks a year late", told("placebo: a year late"), "covers 0"),
        ("cheat on the final vintage", told("cheat: final vintage"),
         "more than as known: why vintages matter"),
        ("null worlds that a 5 % test rejects", (f"{result['null_share']:.1%} of "
         f"{len(result['null_p'])}"), "3.1 % to 6.9 % of 500"),
        ("power at kappa 0.7", f"{result['power']:.0%}", "told, not wanted"),
        ("facts known later randomised", "forecasts equal to the bit"
         if result["is_leak_free"] else "forecasts moved: a leak", "equal"),
        ("90 % intervals of truck growth, with shared error", held[0], "about 90 %"),
        ("the same without shared error", held[1], "too few: why it is kept"),
        ("sign of the surprise called right, with / without trucks", hits, "more with"),
        ("Diebold-Mariano against refitted consensus, quarter means",
         f"t {t:.2f}, p {p:.3f}", "negative t"),
    ]  # fmt: skip


def main() -> None:
    """Run it and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=Path("nowcast.html"))
    parser.add_argument("--firms", type=int, default=40)
    parser.add_argument("--null-runs", type=int, default=500)
    parser.add_argument("--power-runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    begin, cpu = time.perf_counter(), time.process_time()
    keep_memory()
    with tempfile.TemporaryDirectory() as folder:
        result, made, _ = run(
            Path(folder),
            WorldOptions(n_firms=given.firms),
            n_null=given.null_runs,
            n_power=given.power_runs,
            seed=given.seed,
        )
    given.output.write_text(write_page(result, made), encoding="utf-8")
    shown = {name: f"{value} (want: {want})" for name, value, want in result["checks"]}
    shown["rmse"] = {n: round(e, 5) for n, (e, _) in result["rmse"].items()}
    shown["seconds"] = {
        "wall": round(time.perf_counter() - begin, 1),
        "cpu": round(time.process_time() - cpu, 1),
    }
    print(json.dumps(shown, indent=2))


if __name__ == "__main__":
    main()
