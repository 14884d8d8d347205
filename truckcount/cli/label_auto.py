"""`truckcount label auto`: a detector labels."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from truckcount.cli._bar import is_watched
from truckcount.cli._console import give, give_json


@click.command("auto")
@click.argument("label_set", metavar="SET", type=click.Path(path_type=Path))
@click.option(
    "--with", "model", required=True, metavar="MODEL",
    help="Name of ours or torchvision's, or path of .safetensors, run or .onnx.",
)  # fmt: skip
@click.option(
    "--truck-class", "truck_classes", type=int, multiple=True,
    help="Class id that is a truck: 7 in COCO's 80 classes, 8 in its 91.",
)  # fmt: skip
@click.option("--download", is_flag=True, help="Fetch torchvision's weights.")
@click.option(
    "--min-score", type=click.FloatRange(0, 1), default=0.25, show_default=True,
    help="Keep boxes from this score on.",
)  # fmt: skip
@click.option(
    "--tiles", type=click.IntRange(1, 6), default=1, show_default=True,
    help="Our models: cut the picture into N x N views.",
)  # fmt: skip
@click.option(
    "--pixels", type=click.Choice(["unit", "imagenet", "raw"]), default="unit",
    show_default=True, help="ONNX: what values the graph takes.",
)  # fmt: skip
@click.option("--size", "size_px", type=int, help="ONNX: input size, if it is open.")
@click.option("--only-open", is_flag=True, help="Leave out what a person labelled.")
@click.option("--again", is_flag=True, help="Label again what MODEL labelled before.")
@click.option(
    "--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto",
    show_default=True, help="Where the detector runs.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def auto(
    label_set: Path,
    model: str,
    truck_classes: tuple[int, ...],
    download: bool,
    min_score: float,
    tiles: int,
    pixels: str,
    size_px: int | None,
    only_open: bool,
    again: bool,
    device: str,
    as_json: bool,
) -> int:
    """Let a network label the pictures of SET: boxes and a probability each.

    A classifier of yours gives the probability alone. The labels stand beside those
    of people, which always win. A run that was stopped goes on where it was.

    \b
    Example:
      truckcount label auto set --with truckmap
      truckcount label auto set --with runs/resnet18
      truckcount label auto set --with retinanet_resnet50_fpn_v2 --download
      truckcount label auto set --with yolov8n.onnx
    """
    from truckcount.labelling.auto.choose import open_detector
    from truckcount.labelling.auto.labels import auto_label
    from truckcount.labelling.label_set import LabelSet

    opened = LabelSet.open(label_set)
    detector = open_detector(
        model,
        truck_classes=truck_classes,
        may_download=download,
        pixels=pixels,
        size_px=size_px,
        tiles=tiles,
        device=device,
    )
    with _progress(len(opened.frames), detector.model_id) as advance:
        done = auto_label(
            opened,
            detector,
            min_score=min_score,
            only_open=only_open,
            is_again=again,
            advance=advance,
        )
    if as_json:
        give_json(done.to_json())
        return 0
    give(
        f"{done.model}: {done.n_pictures} pictures, {done.n_truck} with a truck, "
        f"{done.n_boxes} boxes; {done.n_skipped} were labelled before"
    )
    if done.n_by_person:
        give(f"agrees with people on {done.n_agreed} of {done.n_by_person} pictures")
    return 0


@contextmanager
def _progress(n: int, model_id: str) -> Iterator[Callable[[int], None] | None]:
    """Show a bar where a person sees it."""
    if not is_watched(is_quiet=False):
        yield None
        return
    label = model_id.split("@")[0]
    with click.progressbar(length=n, label=label, file=sys.stderr) as bar:
        yield lambda k: bar.update(k)
