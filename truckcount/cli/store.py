"""`truckcount store`: tells whether a store is whole, mends it, deletes from it."""

from pathlib import Path
from typing import Any

import click

from truckcount.cli._console import align, give, give_json, say
from truckcount.cli.store_mirror import claim, push


@click.group()
def store() -> None:
    """Check and mend a store, thin it out, delete from it, push it elsewhere.

    \b
    Example:
      truckcount store check store
      truckcount store prune store --dry-run
      truckcount store delete store --camera dc-north --day 2026-03-02
    """


store.add_command(push)
store.add_command(claim)


@store.command("check")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--repair",
    is_flag=True,
    help="First stamp anew by this host's clock what one that ran ahead wrote, and "
    "rebuild hours from their history, bins from passages and scores.",
)
@click.option("--json", "as_json", is_flag=True, help="A list of what is broken.")
def check(path: Path, repair: bool, as_json: bool) -> int:
    """Check the invariants of the store at PATH; exit 1 when one is broken.

    Each has its number, F1 to F17, and the place where it is broken. A repair tells
    what it did, and where it cannot mend bins, which command does.

    \b
    Example:
      truckcount store check store
      truckcount store check store --repair
    """
    from truckcount.pipeline.restating.bins_repair import repair_bins
    from truckcount.store.check import check_store
    from truckcount.store.repair import repair_store

    if repair:
        for line in (*repair_store(path), *repair_bins(path)):
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


@store.command("prune")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--keep-days", type=int, default=400, show_default=True,
    help="Scores of so many days stay.",
)  # fmt: skip
@click.option("--camera", help="Only this camera.")
@click.option("--dry-run", is_flag=True, help="Say what would go; remove nothing.")
@click.option("--quiet", is_flag=True, help="Say nothing, for cron.")
@click.option("--json", "as_json", is_flag=True, help="A list, one object a camera.")
def prune(
    path: Path,
    keep_days: int,
    camera: str | None,
    dry_run: bool,
    quiet: bool,
    as_json: bool,
) -> int:
    """Remove what the store at PATH no longer needs: scores of old days.

    Hours, their history, passages and bins stay as they are, and are sealed: a
    recount cannot reach them any more, and a file that comes for them is not counted.
    Rows on files that failed, and drafts of killed runs, go with age, too.

    \b
    Example:
      truckcount store prune store --keep-days 400 --dry-run
    """
    from dataclasses import asdict

    from truckcount.store.prune import prune_store

    done = prune_store(path, keep_days=keep_days, camera=camera, is_dry_run=dry_run)
    if as_json:
        give_json([asdict(one) | {"is_removed": not dry_run} for one in done])
        return 0
    if quiet:
        return 0
    rows = [
        [
            one.camera,
            str(len(one.score_days)),
            one.score_days[0] if one.score_days else "-",
            one.score_days[-1] if one.score_days else "-",
            f"{one.n_bytes / 1e6:.1f}",
            str(one.n_rows),
        ]
        for one in done
        if one.score_days or one.n_rows or one.n_leftovers
    ]
    if rows:
        header = ["camera", "days", "first", "last", "mb", "rows"]
        give(align(rows, header))
    total = sum(one.n_bytes for one in done) / 1e6
    say(f"{path}: {total:.1f} MB " + ("would go: dry run" if dry_run else "removed"))
    return 0


@store.command("delete")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--camera", required=True, help="Of this camera.")
@click.option("--day", help="This UTC day, 2026-03-02; without it all of the camera.")
@click.option(
    "--forget", is_flag=True,
    help="Of a day: forget its history, too. As-of reads then lack its hours.",
)  # fmt: skip
@click.option("--note", default="", help="Kept beside the deletion: who, why.")
@click.option("--lift", is_flag=True, help="Let runs count it again, from its videos.")
@click.option("--yes", is_flag=True, help="Do it. Without, it is only said.")
@click.option("--json", "as_json", is_flag=True, help="One object: what went.")
def delete(path: Path, **options: Any) -> int:
    """Delete a day of a camera, or a camera, from the store at PATH.

    The hours of a day become null, never 0; its scores, its passages and what the
    store knew of its files go. Of a camera everything goes. What was deleted is not
    counted again when its videos are offered, and `_meta/seals/` tells when it was
    deleted and why. Recordings are not touched.

    \b
    Example:
      truckcount store delete store --camera dc-north --day 2026-03-02
      truckcount store delete store --camera dc-north --day 2026-03-02 --yes
    """
    from truckcount.pipeline.unattended.store_deletion import (
        DeletionOptions,
        delete_from_store,
        lift_from_store,
    )

    camera, day = options["camera"], options["day"]
    if options["forget"] and day is None:
        msg = "needs --day: of a camera everything goes anyway"
        raise click.BadParameter(msg, param_hint="--forget")
    if options["lift"]:
        seal = lift_from_store(path, camera, day)
        said = "lifted: the next run counts it again where its videos are there"
    else:
        wanted = DeletionOptions(
            camera=camera,
            day=day,
            has_history=not options["forget"],
            note=options["note"],
            is_dry_run=not options["yes"],
        )
        seal = delete_from_store(path, wanted)
        said = "deleted" if options["yes"] else "nothing was deleted: give --yes to"
    if options["as_json"]:
        is_done = options["yes"] or options["lift"]
        give_json({"camera": camera, "day": day, "is_done": is_done} | seal.to_json())
        return 0
    rows = [[table, str(n)] for table, n in seal.removed.items() if n]
    if rows and not options["lift"]:
        give(align(rows, ["what", "n"]))
    say(f"{camera} {day or 'whole camera'}: {said}")
    return 0
