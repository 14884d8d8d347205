"""`truckcount train`: a label set to weights."""

import sys
from pathlib import Path
from typing import Any

import click

from truckcount.cli._console import align, give, give_json, say
from truckcount.cli._options import (
    blur_option,
    device_option,
    refuse_given,
)

NETWORKS = (
    "seed",
    "alexnet",
    "googlenet",
    "resnet18",
    "resnet50",
    "mobilenet_v3_small",
    "mobilenet_v3_large",
    "efficientnet_lite0",
    "truckmap",
)
# what only one kind of network knows; given to the other it would do nothing
OF_THE_ZOO = (
    "pretrained", "dropout", "l1", "l2", "epochs", "input_px", "batch_norm",
    "optimizer", "head_epochs", "patience", "augment", "balance", "packed", "amp",
)  # fmt: skip
CHANCE = 0.5  # balanced accuracy of saying the same of every frame
OF_TRUCKMAP = ("steps", "teach")


@click.command()
@click.argument("label_set", metavar="SET", type=click.Path(path_type=Path))
@click.option(
    "--network",
    type=click.Choice(NETWORKS),
    default="seed",
    show_default=True,
    help="truckmap says where trucks are; the others say truck or no truck.",
)
@click.option(
    "--run",
    "folder",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder for weights, metrics and report.",
)
@click.option(
    "--pretrained",
    is_flag=True,
    help="Start from ImageNet; downloads, but for efficientnet_lite0's (extra train).",
)
@click.option(
    "--from",
    "start",
    default="truckmap",
    help="Weights or run folder to start from; trains what they are of.",
)
@click.option(
    "--teach",
    type=click.Choice(["auto", "boxes", "frames"]),
    default="auto",
    show_default=True,
    help="truckmap: by boxes, or by truck / no truck alone; auto: by what is there.",
)
@click.option(
    "--cameras",
    type=click.Path(path_type=Path),
    help="cameras.toml whose gates the labels are of; else of whole frames.",
)
@click.option(
    "--clips",
    type=click.Path(path_type=Path),
    help="Choose thresholds by count error on these annotated clips.",
)
@click.option("--clips-role", help="Only clips of this role (clips.csv).")
@click.option("--epochs", type=int, help="Of the zoo; default 12.")
@click.option("--steps", type=int, help="Of truckmap; default 240, or 160 by frames.")
@click.option("--batch", type=int, help="Frames a step.")
@click.option("--learning-rate", type=float, help="Default: the network's own.")
@click.option(
    "--dropout",
    type=float,
    default=0.0,
    show_default=True,
    help="Share of the head's inputs left out.",
)
@click.option(
    "--batch-norm/--no-batch-norm", default=None, help="Default: as published."
)
@click.option(
    "--optimizer",
    type=click.Choice(["adam", "adamw"]),
    default="adamw",
    show_default=True,
    help="How weights are moved.",
)
@click.option(
    "--l1",
    type=float,
    default=0.0,
    show_default=True,
    help="Penalty on the weights' size.",
)
@click.option(
    "--l2", type=float, default=0.0, show_default=True, help="Penalty on their squares."
)
@click.option("--head-epochs", type=int, help="Head alone first; 2 with --pretrained.")
@click.option("--patience", type=int, default=5, show_default=True, help="0: never.")
@click.option(
    "--augment",
    type=click.Choice(["full", "light", "none"]),
    default="full",
    show_default=True,
    help="How much pictures are changed.",
)
@click.option(
    "--balance/--no-balance", default=True, help="Draw both labels equally often."
)
@click.option("--input-px", type=int, help="Side of the network's input.")
@click.option("--packed/--no-packed", default=True, help="Keep scaled frames on disk.")
@click.option("--workers", type=int, help="Loader processes; default by the cores.")
@click.option("--amp/--no-amp", default=None, help="bfloat16; default on CUDA only.")
@device_option
@click.option(
    "--seed",
    type=int,
    default=0,
    show_default=True,
    help="Of order, changes and first weights.",
)
@blur_option
@click.option("--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("--json", "as_json", is_flag=True, help="Print the metrics as JSON.")
def train(label_set: Path, network: str, folder: Path, **options: Any) -> int:
    """Train a network on the labelled frames of SET; write a run folder.

    \b
    Example:
      truckcount train labels --network seed --run runs/seed
      truckcount train labels --network resnet18 --pretrained --run runs/resnet
      truckcount train labels --from truckmap --run runs/own-camera
      truckcount run video.mp4 --model runs/own-camera

    Interrupted or killed, the same command goes on where it stopped and ends with
    the same weights.
    Thresholds fit the validation split, or what --clips counts: neither is trained
    on; the test split is for the report alone.
    """
    from truckcount.presence.weights import find_weights
    from truckcount.training.allocator import keep_freed_memory

    is_quiet, as_json = options.pop("quiet"), options.pop("as_json")
    given = click.get_current_context().get_parameter_source
    if given("start") is not click.core.ParameterSource.DEFAULT:
        if given("network") is click.core.ParameterSource.DEFAULT:
            network = find_weights(options["start"]).header.network
        if network != "truckmap" and options["pretrained"]:
            msg = "--from or --pretrained: a network starts from one of them"
            raise click.UsageError(msg)
    elif network != "truckmap":
        options["start"] = None
    keep_freed_memory()
    if network == "truckmap":
        metrics, weights, page = _train_truckmap(label_set, folder, options)
    else:
        metrics, weights, page = _train_zoo(
            label_set, network, folder, options, is_quiet=is_quiet
        )
    if as_json:
        give_json(metrics | {"weights": str(weights), "run": str(folder)})
        return 0
    if is_quiet:
        return 0
    give(_table(metrics))
    say(f"{weights} written; use it with `truckcount run VIDEO --model {folder}`")
    if metrics.get("thresholds_by"):
        say(f"thresholds: {metrics['thresholds_by']}")
    if page is not None:
        say(f"report: {page}")
    val = metrics["splits"].get("val", {}).get("balanced_accuracy")
    if val is not None and val <= CHANCE:
        say(
            "it tells the validation frames no better than chance: do not count with "
            "it; train longer, label more, or see the report"
        )
    return 0


def _train_zoo(
    label_set: Path,
    network: str,
    folder: Path,
    options: dict[str, Any],
    *,
    is_quiet: bool,
) -> tuple[dict[str, Any], Path, Path | None]:
    from truckcount.cli._training_bar import bar_for
    from truckcount.training.classifier.options import ClassifierOptions
    from truckcount.training.classifier.run_folder import train_run
    from truckcount.training.devices import choose_device, choose_workers

    refuse_given(OF_TRUCKMAP, f"is of truckmap; {network} takes --epochs and --batch")
    device = choose_device(options["device"])
    named = {
        "n_epochs": options["epochs"],
        "batch_size": options["batch"],
        "learning_rate": options["learning_rate"],
        "head_epochs": options["head_epochs"],
    }
    if options["pretrained"] and named["head_epochs"] is None:
        named["head_epochs"] = 2
    chosen = ClassifierOptions(
        network=network,
        dropout=options["dropout"],
        batch_norm=options["batch_norm"],
        is_pretrained=options["pretrained"],
        start=options["start"],
        input_px=options["input_px"],
        optimizer=options["optimizer"],
        l1=options["l1"],
        l2=options["l2"],
        patience=options["patience"],
        augmentation=options["augment"],
        balance="sample" if options["balance"] else "none",
        is_amp=options["amp"],
        n_workers=choose_workers(options["workers"]),
        seed=options["seed"],
        **{name: value for name, value in named.items() if value is not None},
    )
    bar = bar_for(is_quiet=is_quiet)
    try:
        result = train_run(
            label_set,
            chosen,
            folder,
            device=device,
            is_packed=options["packed"],
            listener=None if bar is None else bar.stepped,
            on_pack=None if bar is None else bar.packed,
            clips=options["clips"],
            clips_role=options["clips_role"],
            cameras=options["cameras"],
            is_blurred=options["is_blurred"],
        )
    finally:
        if bar is not None:
            bar.close()
    return result.metrics, result.weights, result.report


def _train_truckmap(
    label_set: Path, folder: Path, options: dict[str, Any]
) -> tuple[dict[str, Any], Path, Path | None]:
    from truckcount.training.classifier.truckmap_run import (
        TruckMapOptions,
        train_truckmap_run,
    )
    from truckcount.training.devices import choose_workers

    refuse_given(
        OF_THE_ZOO,
        "is of the zoo; truckmap takes --from, --teach, --cameras, --clips, --steps, "
        "--batch, --learning-rate, --seed",
    )
    if options["device"] not in ("auto", "cpu"):
        msg = f"--device {options['device']}: truckmap learns on the CPU; leave it away"
        raise click.UsageError(msg)
    named = {
        "n_steps": options["steps"],
        "batch_size": options["batch"],
        "learning_rate": options["learning_rate"],
    }
    chosen = TruckMapOptions(
        from_weights=options["start"],
        teach_by=options["teach"],
        cameras=options["cameras"],
        clips=options["clips"],
        clips_role=options["clips_role"],
        seed=options["seed"],
        n_workers=choose_workers(options["workers"]),
        **{name: value for name, value in named.items() if value is not None},
    )
    if sys.stderr.isatty():
        say(f"training from {chosen.from_weights}; this takes minutes")
    result = train_truckmap_run(
        label_set, chosen, folder, is_blurred=options["is_blurred"]
    )
    return result.metrics, result.weights, result.report


def _table(metrics: dict[str, Any]) -> str:
    rows = []
    for key, note in (("splits_before", "before"), ("splits", "")):
        for split, figures in metrics.get(key, {}).items():
            balanced = figures["balanced_accuracy"]
            rows.append(
                [
                    f"{split} {note}".strip(),
                    str(figures["n"]),
                    str(figures["n_truck"]),
                    f"{100 * figures['accuracy']:.2f}",
                    "-" if balanced is None else f"{100 * balanced:.2f}",
                    f"{figures['loss']:.4f}",
                ]
            )
    return align(
        rows, ["split", "frames", "with_truck", "accuracy_%", "balanced_%", "loss"]
    )
