"""`truckcount label split`: a label set to train, val and test."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from truckcount.cli._console import align, give, give_json, say

if TYPE_CHECKING:
    import pandas as pd

MAX_OFF = 0.05  # a share further off than this is said aloud


@click.command("split")
@click.argument("path", metavar="SET", type=click.Path(path_type=Path))
@click.option(
    "--by",
    type=click.Choice(["camera", "day", "group", "time"]),
    default="day",
    show_default=True,
    help="What must not lie in two parts; groups never do, but by time: stretches.",
)
@click.option(
    "--shares",
    default="80,10,10",
    show_default=True,
    help="Of train, val and test.",
)
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Of the draw: equal seeds, equal splits.",
)
@click.option(
    "--near-bits",
    type=int,
    default=8,
    show_default=True,
    help="Frames whose hashes differ in at most so many of 256 bits stay together.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def split(
    path: Path, by: str, shares: str, seed: int, near_bits: int, as_json: bool
) -> int:
    """Split the frames of SET into train, val and test.

    Whole cameras, days or groups, and near-duplicate frames with them, go to one
    part; labels are spread as evenly as that allows. The same seed gives the same
    split. Split again by the same options, frames keep their parts and new ones are
    added; by others all is drawn anew: train anew, too, before you evaluate.

    \b
    Example:
      truckcount label split labels --by day --shares 80,10,10
      truckcount label split labels --by time    # of one recording alone
    """
    from truckcount.labelling.label_set import LabelSet
    from truckcount.labelling.schema import PARTS
    from truckcount.labelling.splits import (
        SplitOptions,
        parse_shares,
        shares_of,
        split_set,
    )

    label_set = LabelSet.open(path)
    options = SplitOptions(
        by=by, shares=parse_shares(shares), seed=seed, near_bits=near_bits
    )
    before = label_set.splits.set_index("image")["split"]
    rows = split_set(label_set, options)
    moved = _count_moved(rows, before)
    merged = label_set.merged_labels().set_index("image")["label"]
    label = rows["image"].map(merged)
    got = shares_of(rows)
    table = {
        part: {
            "frames": int((rows["split"] == part).sum()),
            "units": int(rows["unit"][rows["split"] == part].nunique()),
            "truck": int(((rows["split"] == part) & (label == "truck")).sum()),
            "no_truck": int(((rows["split"] == part) & (label == "no_truck")).sum()),
            "share": round(got[part], 4),
        }
        for part in PARTS
    }
    if as_json:
        give_json({"label_set": str(path), "by": by, "seed": seed, "parts": table})
    else:
        header = ["part", "frames", "units", "truck", "no_truck", "share"]
        give(align([[p, *map(str, row.values())] for p, row in table.items()], header))
    if by == "time":
        say(
            "split by time: parts hold the same recordings, whose light, parked "
            "vehicles and, where two stretches meet, trucks are alike; val and test "
            "say how well these days are known, not others"
        )
    if moved:
        say(
            f"{moved} frames of the part train are now in val or test: weights trained "
            "before have seen them, so train anew before you evaluate"
        )
    wanted = sum(options.shares)
    for part, share in zip(PARTS, options.shares, strict=True):
        if abs(got[part] - share / wanted) > MAX_OFF:
            say(
                f"{part} has {got[part]:.0%} of the frames, not {share / wanted:.0%}: "
                f"whole units by {by} do not part more evenly"
            )
        row = table[part]
        for kind, told in (("truck", "with"), ("no_truck", "without")):
            if row["frames"] and not row[kind] and (label == kind).any():
                say(
                    f"{part} has no frame {told} a truck, so that nothing can be said "
                    "of them there; try another --seed, a smaller --by, or label more"
                )
    return 0


def _count_moved(rows: "pd.DataFrame", before: "pd.Series[str]") -> int:
    """Count frames that were trained on and are not any more."""
    was = rows["image"].map(before)
    return int(((was == "train") & (rows["split"] != "train")).sum())
