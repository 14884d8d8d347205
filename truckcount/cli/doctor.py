"""`truckcount doctor`: what works on this machine."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from truckcount.cli._console import align, give, give_json

if TYPE_CHECKING:
    from truckcount.pipeline.doctor import Finding


@click.command()
@click.option(
    "--cameras",
    type=click.Path(path_type=Path),
    help="Look at the gates of this file, too, as `cameras check` does.",
)
@click.option("--json", "as_json", is_flag=True, help="A list of objects.")
def doctor(cameras: Path | None, as_json: bool) -> int:
    """Say what works here: decoders, runtimes, weights, GPU, zones.

    \b
    Example:
      truckcount doctor
      truckcount doctor --cameras cameras.toml
    """
    from truckcount.pipeline.doctor import examine

    findings = examine() + ([] if cameras is None else _gates(cameras))
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


def _gates(config: Path) -> "list[Finding]":
    """Say which gates are seen in tiles: these count long trucks by their pieces."""
    from truckcount.pipeline.cameras import load_cameras
    from truckcount.pipeline.doctor import Finding
    from truckcount.pipeline.viewing.flat_gates import find_flat_gates

    found = [
        Finding(part="gate", works=False, detail=flat.explain(), is_needed=False)
        for camera in load_cameras(config).cameras
        for flat in find_flat_gates(camera)
    ]
    whole = Finding(part="gates", works=True, detail="each is seen whole in 16:9")
    return found or [whole]
