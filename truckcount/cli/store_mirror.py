"""`truckcount store push` and `claim`: a store in an object store."""

from pathlib import Path

import click

from truckcount.cli._console import align, give, give_json, say


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.argument("url")
@click.option("--camera", help="Only this camera.")
@click.option("--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="A list, one object a camera.")
def push(path: Path, url: str, camera: str | None, quiet: bool, as_json: bool) -> int:
    """Push what changed of the store at PATH to URL, s3://bucket/store or the like.

    Files go in the order of an ingest, each replaced whole, a camera's manifest last:
    readers never meet half a file, and a push that was cut is healed by the next. A
    camera belongs to the first folder that pushed it; others are refused (exit 5).

    \b
    Example:
      truckcount store push store s3://bucket/store
      truckcount store push store s3://bucket/store --quiet   # from cron
    """
    from dataclasses import asdict

    from truckcount.pipeline.working_copy import push_store

    done = push_store(path, url, camera)
    if as_json:
        give_json([asdict(one) for one in done])
        return 0
    if quiet:
        return 0
    rows = [
        [one.camera, str(one.n_files), f"{one.n_bytes / 1e6:.1f}", str(one.n_removed)]
        for one in done
        if one.n_files or one.n_removed
    ]
    if rows:
        give(align(rows, ["camera", "files", "mb", "removed"]))
    say(f"{url}: " + (f"{len(rows)} cameras pushed" if rows else "nothing new"))
    return 0


@click.command()
@click.argument("url")
@click.option("--camera", required=True, help="The camera to write from now on.")
@click.option(
    "--into", type=click.Path(path_type=Path),
    help="The store to fetch it into; without, the copy that `run --store URL` uses.",
)  # fmt: skip
def claim(url: str, camera: str, into: Path | None) -> int:
    """Become the writer of a camera of the store at URL, and fetch what it holds.

    For a machine that takes over from another, which is refused from then on: stop
    it first, what it counted after its last push would be lost.

    \b
    Example:
      truckcount store claim s3://bucket/store --camera dc-north
    """
    from truckcount.pipeline.working_copy import claim_camera

    n_files = claim_camera(url, camera, into)
    say(f"{camera}: {n_files} files fetched; this machine writes it now")
    return 0
