"""`truckcount store`: tells whether a store is whole."""

from pathlib import Path

import click

from truckcount.cli._console import give, give_json, say


@click.group()
def store() -> None:
    """Check a store.

    \b
    Example:
      truckcount store check store
    """


@store.command("check")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="A list of what is broken.")
def check(path: Path, as_json: bool) -> int:
    """Check the invariants of the store at PATH; exit 1 when one is broken.

    \b
    Example:
      truckcount store check store
    """
    from truckcount.store.check import check_store

    broken = check_store(path)
    if as_json:
        give_json(
            [
                {"invariant": b.invariant, "where": b.where, "what": b.what}
                for b in broken
            ]
        )
    else:
        for b in broken:
            give(f"{b.invariant} {b.where}: {b.what}")
        say(f"{path}: " + (f"{len(broken)} broken" if broken else "all well"))
    return 1 if broken else 0
