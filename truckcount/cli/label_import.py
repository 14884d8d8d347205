"""`truckcount label import`: labels of another tool to a label set."""

from pathlib import Path

import click

from truckcount.cli._console import give, give_json, say

FORMATS = ("folders", "csv", "yolo", "coco", "voc", "cvat")
PROBLEMS_SHOWN = 20
EXIT_SOME_LEFT_OUT = 3


@click.command("import")
@click.argument("format_", metavar="FORMAT", type=click.Choice(FORMATS))
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Path(path_type=Path),
    help="The label set; made where there is none.",
)
@click.option(
    "--class",
    "classes",
    multiple=True,
    metavar="NAME=CLASS",
    help="What a class of the source is, as lorry=truck; may be repeated.",
)
@click.option(
    "--pictures",
    type=click.Path(path_type=Path),
    help="Folder of the pictures, where it is not by the labels.",
)
@click.option(
    "--video", type=click.Path(path_type=Path), help="The video of CVAT tracks."
)
@click.option(
    "--every",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Take every n-th video frame.",
)
@click.option("--camera", help="The camera of all pictures.")
@click.option(
    "--group-pattern",
    metavar="REGEX",
    help="Searched in a picture's name: what it matches is the group that a split "
    "does not cut, as one recording. Default: camera and day by the name, else "
    "each picture alone.",
)
@click.option("--timezone", help="Zone of days, and of times in names that tell none.")
@click.option(
    "--light",
    type=click.Choice(["day", "dusk", "night", "unknown"]),
    default="unknown",
    show_default=True,
    help="Of all these pictures.",
)
@click.option("--labeller", help="Who said so. Default: the source's name.")
@click.option(
    "--replace", is_flag=True, help="Replace labels of this labeller that differ."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def import_(
    format_: str,
    source: Path,
    target: Path,
    classes: tuple[str, ...],
    pictures: Path | None,
    video: Path | None,
    every: int,
    camera: str | None,
    group_pattern: str | None,
    timezone: str | None,
    light: str,
    labeller: str | None,
    replace: bool,
    as_json: bool,
) -> int:
    """Take the labels of SOURCE into a label set.

    FORMAT is one of folders (truck/, no_truck/), csv (image,label[,p]), yolo,
    coco, voc and cvat (XML 1.1). Pictures are copied, boxes kept, a picture's
    label follows from its boxes. Rows that are wrong are listed and left out
    (exit code 3); what stands in the set already is kept.

    \b
    Example:
      truckcount label import yolo dataset/data.yaml --to labels --class lorry=truck
      truckcount label import csv labels.csv --to labels --pictures frames
    """
    from truckcount.labelling.importers.import_source import (
        ImportOptions,
        import_source,
    )
    from truckcount.labelling.label_set import LabelSet

    options = ImportOptions(
        format=format_,
        source=source,
        classes=classes,
        pictures=pictures,
        video=video,
        every=every,
        camera=camera,
        group_pattern=group_pattern,
        timezone=timezone,
        light=light,
        labeller=labeller,
        is_replacing=replace,
    )
    report = import_source(LabelSet.open_or_new(target), options)
    if as_json:
        give_json(
            {
                "label_set": str(target),
                "frames": report.n_frames,
                "labels": report.n_labels,
                "boxes": report.n_boxes,
                "known": report.n_known,
                "unlabelled": report.n_unlabelled,
                "alone": report.n_alone,
                "classes": report.classes,
                "problems": [
                    {"where": p.where, "what": p.what} for p in report.problems
                ],
            }
        )
    else:
        for problem in report.problems[:PROBLEMS_SHOWN]:
            say(f"left out: {problem}")
        if len(report.problems) > PROBLEMS_SHOWN:
            say(f"... and {len(report.problems) - PROBLEMS_SHOWN} more (--json)")
        give(
            f"{target}: {report.n_frames} new frames, {report.n_labels} labels, "
            f"{report.n_boxes} boxes; {report.n_known} labels known already, "
            f"{report.n_unlabelled} frames without a label"
        )
        for name, n in sorted(report.classes.items()):
            give(f"  {name}: {n} boxes")
        if report.n_alone > 1:
            say(
                f"{report.n_alone} pictures have no time in their names: each counts "
                "as a recording of its own, which a split may put anywhere; where "
                "several are of one recording, say so with --group-pattern"
            )
    return EXIT_SOME_LEFT_OUT if report.problems else 0
