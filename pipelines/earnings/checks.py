"""What would make the nowcast look better than it is, tried one by one."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipelines.earnings.forecasts import FIRST, Floats, demean, forecast
from pipelines.earnings.inference import Estimate, Placebo, estimate
from pipelines.earnings.spoiling import spoil_world
from pipelines.earnings.world import (
    World,
    WorldOptions,
    draw_sales,
    make_world,
    measured_growth,
)
from truckcount.features import PanelSpec, asof_panel, panel, rollup
from truckcount.features.decisions import READ
from truckcount.features.growth import growth_of, pair_records
from truckcount.features.moments import MAX_US, MIN_US
from truckcount.features.replay import Replay

Z90 = 1.645
N_DRAWS_SIMULATED = 399
N_PERMUTATIONS = 200
ALWAYS = MIN_US, MAX_US
Results = tuple[pd.DataFrame, dict[str, Floats]]


def features_of(world: World, decisions: pd.DataFrame | None = None) -> pd.DataFrame:
    """Compute the features of each decision from what was known at it."""
    spec = PanelSpec(
        site_map=world.site_map,
        calendar=world.calendar,
        bridges=world.bridges,
        phi=1.0,  # arrivals are Poisson here, and measuring it costs a minute
    )
    asked = world.decisions if decisions is None else decisions
    return asof_panel(world.store, asked, spec)


def to_matrix(world: World, features: pd.DataFrame, column: str) -> Floats:
    """Lay a column of features out as (firms, quarters), NaN where there is none."""
    matrix = np.full(world.sales.growth.shape, np.nan)
    firm = features["ticker"].str[1:].astype(int)
    quarter = (features["fiscal_year"] - 1) * 4 + features["fiscal_quarter"] - 1
    matrix[firm, quarter.astype(int)] = features[column]
    return matrix


def encompass(
    sales: Floats,
    consensus: Floats,
    trucks: Floats,
    rng: np.random.Generator,
    *,
    first: int,
    n_draws: int = 999,
    is_within_quarters: bool = False,
) -> Estimate:
    """Estimate what trucks add: b of s ~ 1 + c + last surprise + b g.

    The last surprise takes up the persistence of consensus errors. Without it firms'
    errors hang together over quarters, as the audits' errors in g do over a year,
    and the bootstrap over quarters rejects a true null 9 % of the time, not 5 %.

    Within quarters all three lose their quarter's mean: what the market did is then
    no evidence. Another firm's trucks know that, too.
    """
    growth = demean(trucks)[:, first:]
    firm, quarter = np.indices(growth.shape)
    use = ~np.isnan(growth)
    last = (sales - consensus)[:, first - 1 : -1].copy()
    y, c, g = sales[:, first:].copy(), consensus[:, first:].copy(), growth.copy()
    if is_within_quarters:
        for values in (y, c, last, g):
            values -= np.where(use, values, np.nan).mean(0, where=use, keepdims=True)
    return estimate(
        y[use],
        g[use],
        np.column_stack([c[use], last[use]]),
        firm[use],
        quarter[use],
        rng,
        n_draws,
    )


def rejection_share(
    rng: np.random.Generator, options: WorldOptions, first: int, n_runs: int
) -> tuple[float, Floats]:
    """Return how often a 5 % test finds trucks useful, and the p-values.

    In worlds without a store: truck growth with two audits' errors.
    """
    p = np.empty(n_runs)
    for k in range(n_runs):
        sales = draw_sales(rng, options)
        trucks = measured_growth(rng, sales, options)
        trucks[:, :FIRST] = np.nan
        found = encompass(
            sales.growth, sales.consensus, trucks, rng, first=first,
            n_draws=N_DRAWS_SIMULATED,
        )  # fmt: skip
        p[k] = found.p_wild
    return float((p <= 0.05).mean()), p


def other_firms(
    sales: Floats,
    consensus: Floats,
    trucks: Floats,
    rng: np.random.Generator,
    *,
    first: int,
    n: int = N_PERMUTATIONS,
) -> Placebo:
    """Estimate what other firms' trucks add, for many ways to mix up the firms.

    One permutation finds something once in twenty times: only their distribution
    says whether there is anything.
    """
    found = [
        encompass(
            sales,
            consensus,
            permute_firms(trucks, rng),
            rng,
            first=first,
            n_draws=N_DRAWS_SIMULATED,
            is_within_quarters=True,
        )
        for _ in range(n)
    ]
    return Placebo(
        np.array([one.value for one in found]), np.array([one.p_wild for one in found])
    )


def permute_firms(trucks: Floats, rng: np.random.Generator) -> Floats:
    """Give each firm another firm's trucks, within each quarter."""
    return np.column_stack([rng.permutation(column) for column in trucks.T])


def shift_quarters(trucks: Floats, n: int = 4) -> Floats:
    """Move trucks n quarters on: last year's trucks for this year's sales."""
    shifted = np.full_like(trucks, np.nan)
    shifted[:, n:] = trucks[:, :-n]
    return shifted


def final_growth(world: World) -> Floats:
    """Compute truck growth from the final vintage: a cheat, nobody knew it then."""
    matrix = np.full(world.sales.growth.shape, np.nan)
    replay = Replay.open(world.store, READ, window=ALWAYS, as_of_us=MAX_US)
    for k, (ticker, gates) in enumerate(world.site_map.groupby("ticker")):
        hours = replay.at(MAX_US, window=ALWAYS, cameras=list(gates["camera"]))
        calendar = world.calendar[world.calendar["ticker"] == ticker]
        totals = rollup(
            hours, "FQ", calendar, site_map=gates, bridges=world.bridges, phi=1.0
        )
        pairs = panel(totals, "year")
        pairs_at: dict[int, list[dict[str, Any]]] = {}
        for pair in pair_records(pairs):
            at = int((pair["fiscal_year"] - 1) * 4 + pair["fiscal_quarter"] - 1)
            pairs_at.setdefault(at, []).append(pair)
        for at, group in pairs_at.items():
            if at < matrix.shape[1]:
                matrix[k, at] = growth_of(group)["log_growth"]
    return matrix


def interval_shares(world: World, features: pd.DataFrame) -> dict[str, float]:
    """Return how often 90 % intervals of truck growth hold the true growth."""
    measured = to_matrix(world, features, "log_growth")
    held = {}
    for name, column in (
        ("with the audits' shared error", "se_log_growth"),
        ("without it", "se_log_growth_indep"),
    ):
        se = to_matrix(world, features, column)
        use = ~np.isnan(measured)
        missed = np.abs(measured - world.sales.trucks)[use]
        held[name] = float((missed <= Z90 * se[use]).mean())
    return held


def is_leak_free(
    folder: Path, rng: np.random.Generator, *, n_firms: int = 2, n_quarters: int = 14
) -> bool:
    """Randomise all facts known after a decision; no forecast may move by a bit."""
    options = WorldOptions(n_firms=n_firms, n_quarters=n_quarters)
    world = make_world(folder / "honest", rng, options)
    last = first_tested(world)
    spoiled = spoil_world(world, folder / "spoiled", last, rng)
    return is_same(known_results(world, last), known_results(spoiled, last))


def first_tested(world: World) -> pd.Timestamp:
    """Return the decision that a world of 14 quarters tests first: the last but one."""
    return pd.Timestamp(np.sort(world.decisions["decision_utc"].unique())[-2])


def known_results(world: World, last: pd.Timestamp) -> Results:
    """Return all features up to a decision, and by model its forecasts."""
    decisions = world.decisions[world.decisions["decision_utc"] <= last]
    features = features_of(world, decisions)
    trucks = to_matrix(world, features, "log_growth")
    made = forecast(world.sales.growth, world.sales.consensus, trucks).by_name
    return features, {name: values[:, 0] for name, values in made.items()}


def is_same(one: Results, other: Results) -> bool:
    """Say whether features and forecasts are equal to the bit."""
    (features, made), (features_other, made_other) = one, other
    return features.equals(features_other) and all(
        np.array_equal(made[name], made_other[name]) for name in made
    )
