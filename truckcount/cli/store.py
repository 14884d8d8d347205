"""`truckcount store`: tells whether a store is whole, and mends it."""

from pathlib import Path

import click

from truckcount.cli._console import give, give_json, say


@click.group()
def store() -> None:
    """Check and mend a store.

    \b
    Example:
      truckcount store check store
      truckcount store migrate store
    """


@store.command("check")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--repair", is_flag=True, help="First rebuild the hours from their history."
)
@click.option("--json", "as_json", is_flag=True, help="A list of what is broken.")
def check(path: Path, repair: bool, as_json: bool) -> int:
    """Check the invariants of the store at PATH; exit 1 when one is broken.

    Each has its number, F1 to F16, and the place where it is broken.

    \b
    Example:
      truckcount store check store
      truckcount store check store --repair
    """
    from truckcount.store.check import check_store
    from truckcount.store.repair import repair_store

    if repair:
        for line in repair_store(path):
            say(line)
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


@store.command("migrate")
@click.argument("path", type=click.Path(path_type=Path))
def migrate(path: Path) -> int:
    """Rewrite the files of the store at PATH that an older truckcount wrote.

    \b
    Example:
      truckcount store migrate store
    """
    from truckcount.store.repair import migrate_store

    done = migrate_store(path)
    for line in done:
        give(line)
    say(f"{path}: {len(done)} files rewritten" if done else f"{path}: nothing to do")
    return 0
