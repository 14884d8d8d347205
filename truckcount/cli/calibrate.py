"""`truckcount calibrate`: labelled windows to factors with standard errors."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from truckcount.cli._console import align, give, give_json, say

if TYPE_CHECKING:
    from truckcount.audit.calibrate import Result
    from truckcount.store import Store


@click.command()
@click.argument("store", type=click.Path(path_type=Path))
@click.option(
    "--method",
    type=click.Choice(["ratio", "difference", "ppi"]),
    default="ratio",
    show_default=True,
    help="`ratio` is carried into hours; the others report the audited time.",
)
@click.option("--audit", "audits", multiple=True, help="Only these audits.")
@click.option("--partial", is_flag=True, help="Use an audit that is not all labelled.")
@click.option("--drift", is_flag=True, help="Hold factors against fresh windows.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
def calibrate(
    store: Path,
    method: str,
    audits: tuple[str, ...],
    partial: bool,
    drift: bool,
    as_json: bool,
) -> int:
    """Estimate true trucks from STORE's audits, with standard errors.

    A factor is refused, and hours stay uncalibrated, where people saw fewer than 50
    trucks or its relative error is above 15 %.

    \b
    Example:
      truckcount calibrate store --method ppi --json
    """
    from truckcount.audit.calibrate import calibrate as estimate
    from truckcount.store import Store

    opened = Store.open(store, is_new_allowed=False)
    if drift:
        return _drift(opened, as_json=as_json)
    results = estimate(opened, method=method, is_partial=partial, audits=audits)
    if as_json:
        give_json([asdict(r) | {"method": method} for r in results])
        return 0
    for result in results:
        _give_result(result, method)
    return 0


def _give_result(result: "Result", method: str) -> None:
    scope, total = result.scope, result.total
    of = "" if result.regime == "all" else f", {result.regime}"
    give(f"{scope.camera} / {scope.gate} / {scope.direction}{of}")
    rows = [
        [name, str(n_frame), str(n), f"{part.total:.0f}", f"{part.se:.1f}"]
        for name, n_frame, n, part in result.strata
    ]
    rows.append(
        [
            f"all ({method})",
            str(sum(r[1] for r in result.strata)),
            str(result.n_windows),
            f"{total.total:.0f}",
            f"{total.se:.1f}",
        ]
    )
    give(align(rows, ["stratum", "windows", "labelled", "trucks", "se"]))
    give(
        f"machine {result.x_total:.0f}, people {total.total:.0f}, 95 % "
        f"{total.low:.0f} to {total.high:.0f}"
    )
    if result.factor is not None:
        f = result.factor
        give(
            f"factor {f.factor:.4f}, se {f.se:.4f} ({f.cv:.1%}), 95 % {f.low:.3f} to "
            f"{f.high:.3f}; tau2 {f.tau2:.3f}"
        )
    if result.n_double:
        give(f"labelled twice: {result.n_double}, {result.disagreement:.1%} apart")
    if result.refusal is not None:
        say(f"no factor is carried into hours: {result.refusal}")
    elif result.calibration_id is not None:
        give(f"calibration {result.calibration_id}")
    give("")


def _drift(store: "Store", *, as_json: bool) -> int:
    from truckcount.audit.drift import check_drift

    found = check_drift(store)
    if as_json:
        give_json([asdict(r) for r in found])
        return 0
    if not found:
        say("no calibration has fresh labels; draw some with `audit plan --drift`")
    for r in found:
        where = f"{r.scope.camera} / {r.scope.gate} / {r.scope.direction}"
        state = "holds" if r.cusum.alarm is None else "has DRIFTED: audit it again"
        give(
            f"{where}: {r.calibration_id} {state} ({r.n_windows} windows, CUSUM "
            f"+{r.cusum.up:.2f} -{r.cusum.down:.2f})"
        )
    return 0
