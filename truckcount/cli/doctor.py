"""`truckcount doctor`: what works on this machine."""

import click

from truckcount.cli._console import align, give, give_json


@click.command()
@click.option("--json", "as_json", is_flag=True, help="A list of objects.")
def doctor(as_json: bool) -> int:
    """Say what works here: decoders, runtimes, weights, GPU, zones.

    \b
    Example:
      truckcount doctor
    """
    from truckcount.pipeline.doctor import examine

    findings = examine()
    if as_json:
        give_json(
            [{"part": f.part, "works": f.works, "detail": f.detail} for f in findings]
        )
    else:
        rows = [
            [f.part, "yes" if f.works else "NO" if f.is_needed else "no", f.detail]
            for f in findings
        ]
        give(align(rows, ["part", "works", "detail"]))
    return 1 if any(f.is_needed and not f.works for f in findings) else 0
