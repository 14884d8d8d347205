"""A run's epochs to a table and a picture."""

import csv
from pathlib import Path

from truckcount.errors import ModelError


def write_curves(folder: Path, history: list[dict[str, float]]) -> None:
    """Write ``curves.csv``: one row an epoch."""
    if not history:
        return
    with (folder / "curves.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(history[0]))
        writer.writeheader()
        writer.writerows(
            {name: f"{value:.6g}" for name, value in row.items()} for row in history
        )


def draw_curves(path: Path, runs: dict[str, list[dict[str, float]]]) -> None:
    """Draw loss and validation accuracy over epochs, one colour a run.

    Raises
    ------
    ModelError
        When matplotlib (extra `train`) is missing.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        msg = "curves.png needs matplotlib; pip install 'truckcount[train]'"
        raise ModelError(msg) from error
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.0, 3.4), layout="constrained")
    FigureCanvasAgg(figure)  # no window, no state shared with the caller's plots
    loss, right = figure.subplots(1, 2)
    colours = mpl.colormaps["tab10"]
    for number, (name, history) in enumerate(runs.items()):
        colour = colours(number % 10)
        epochs = [row["epoch"] for row in history]
        is_alone = len(runs) == 1
        loss.plot(
            epochs,
            [row["train_loss"] for row in history],
            "--",
            color=colour,
            label="training" if is_alone else None,
        )
        loss.plot(
            epochs,
            [row["val_loss"] for row in history],
            "-o",
            ms=3,
            color=colour,
            label="validation" if is_alone else name,
        )
        right.plot(
            epochs,
            [100 * row["val_balanced_accuracy"] for row in history],
            "-o",
            ms=3,
            color=colour,
        )
    loss.set(xlabel="epoch", ylabel="cross entropy")
    losses = [
        row[name]
        for rows in runs.values()
        for row in rows
        for name in ("train_loss", "val_loss")
    ]
    if max(losses, default=1.0) > 10 * min(losses, default=1.0) > 0:
        loss.set_yscale("log")  # within a decade its ticks are hard to read
    right.set(xlabel="epoch", ylabel="validation, balanced accuracy in %")
    for axes in (loss, right):
        axes.grid(alpha=0.3)
        axes.locator_params(axis="x", integer=True)
        axes.spines[["top", "right"]].set_visible(False)
    loss.legend(frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)
