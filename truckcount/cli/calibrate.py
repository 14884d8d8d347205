"""`truckcount calibrate`: labelled windows to factors with standard errors."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from truckcount.cli._console import align, give, give_json, say
from truckcount.cli.recount import show_comparisons

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
@click.option("--publish", is_flag=True, help="Write factors and the revised hours.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of objects.")
def calibrate(
    store: Path,
    method: str,
    audits: tuple[str, ...],
    partial: bool,
    drift: bool,
    publish: bool,
    as_json: bool,
) -> int:
    """Estimate true trucks from STORE's audits, with standard errors.

    Shows what the factors would make of the published hours. With --publish these
    become revisions of cause `recalibrate`, and later runs carry the factor too;
    what was known before stays in history. A factor is refused, and hours stay
    uncalibrated, where people saw fewer than 50 trucks or its relative error is
    above 15 %.

    \b
    Example:
      truckcount calibrate store
      truckcount calibrate store --publish
      truckcount calibrate store --method ppi --json
    """
    from truckcount.audit.calibrate import calibrate as estimate
    from truckcount.store import Store

    if publish and method != "ratio":
        msg = f"--publish carries the ratio into hours; {method} reports alone"
        raise click.UsageError(msg)
    opened = Store.open(store, is_new_allowed=False)
    if drift:
        return _drift(opened, is_published=publish, as_json=as_json)
    results = estimate(
        opened, method=method, is_partial=partial, audits=audits, is_published=publish
    )
    if as_json:
        more = {"method": method, "is_published": publish}
        give_json([r.to_json() | more for r in results])
        return 0
    for result in results:
        _give_result(result, method)
    _say_hours(results, is_published=publish)
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
            f"{f.high:.3f}; tau2 {f.tau2:.3f}" + _phi_of(result)
        )
    if result.n_double:
        give(f"labelled twice: {result.n_double}, {result.disagreement:.1%} apart")
    if result.refusal is not None:
        say(f"no factor is carried into hours: {result.refusal}")
    elif result.calibration_id is not None:
        give(f"calibration {result.calibration_id}")
    if result.hours is not None and result.hours.n_hours:
        give("estimated trucks of published hours:")
        show_comparisons([result.hours])
    give("")


def _phi_of(result: "Result") -> str:
    """Spell over-dispersion, and what it was where a publish says otherwise."""
    if result.phi is None:
        return ""
    was = result.phi_before
    return f", phi {result.phi:.2f}" + (
        "" if was in (None, result.phi) else f" (was {was:.2f})"
    )


def _say_hours(results: "list[Result]", *, is_published: bool) -> None:
    """Say whether hours were revised, or would be."""
    n = sum({r.scope.camera: r.n_revisions for r in results}.values())
    if is_published:
        say(f"{n} revisions written" if n else "nothing changed, nothing written")
    elif any(r.hours is not None and r.hours.n_hours for r in results):
        say("nothing published: look, then run again with --publish")


def _drift(store: "Store", *, is_published: bool, as_json: bool) -> int:
    from truckcount.audit.drift import check_drift

    found = check_drift(store, is_published=is_published)
    if as_json:
        give_json([r.to_json() for r in found])
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
        if r.hours is not None:
            h = r.hours
            give(
                f"  {h.n_hours} hours, {h.first_utc:%Y-%m-%dT%H:%MZ} to "
                f"{h.last_utc:%Y-%m-%dT%H:%MZ}: {h.n_trucks_est:.0f} trucks, se "
                f"{h.se_old:.1f} -> {h.se_new:.1f}"
            )
        if r.successor_id is not None and not is_published:
            say(
                f"{where}: nothing published; --publish doubles its error in these "
                "hours and in those to come"
            )
        elif r.successor_id is not None:
            say(f"{where}: {r.n_revisions} revisions written")
    return 0
