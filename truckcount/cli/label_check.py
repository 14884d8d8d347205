"""`truckcount label check`: tells whether a label set is whole."""

from pathlib import Path

import click

from truckcount.cli._console import give, give_json, say


@click.command("check")
@click.argument("path", metavar="SET", type=click.Path(path_type=Path))
@click.option(
    "--thorough", is_flag=True, help="Decode every picture and compare its size."
)
@click.option("--json", "as_json", is_flag=True, help="A list of what was found.")
def check(path: Path, thorough: bool, as_json: bool) -> int:
    """Check files, labels, boxes and splits of SET; exit 1 when one is broken.

    A split leaks when a camera, day or group, or two near-duplicate frames, lie in
    different parts.

    \b
    Example:
      truckcount label check labels --thorough
    """
    from truckcount.labelling.label_set import LabelSet
    from truckcount.labelling.set_check import check_set

    label_set = LabelSet.open(path)
    faults = check_set(label_set, is_thorough=thorough)
    broken = [fault for fault in faults if fault.is_broken]
    if as_json:
        give_json(
            [{"what": f.what, "n": f.n, "is_broken": f.is_broken} for f in faults]
        )
    else:
        for fault in faults:
            give(str(fault))
        counts = (
            ", ".join(
                f"{len(label_set.read(name))} {name}" for name in ("frames", "labels")
            )
            if not broken
            else f"{len(broken)} kinds of things broken"
        )
        say(f"{path}: {counts}" + ("" if broken else "; all well"))
    return 1 if broken else 0
