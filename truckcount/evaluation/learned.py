"""A run folder's weights to what they were taught, where frames are shown again."""

import json
import logging
from collections.abc import Iterable
from pathlib import Path

from truckcount.presence.weights import Weights

logger = logging.getLogger(__name__)
HELD_OUT = ("val", "test")  # parts of which figures of new frames are expected


def warn_of_gates(weights: Weights) -> None:
    """Say where a run was taught what its gates show, and all is looked at now."""
    path = weights.path.with_name("config.json")
    try:
        config = json.loads(path.read_text())
        taught = config.get("cameras") or config["options"].get("cameras")
    except (OSError, ValueError, AttributeError, KeyError):
        return  # no run of ours
    if taught:
        logger.warning(
            "%s was taught the gates of %s, but whole pictures are looked at: give "
            "--cameras to see how well it tells what counting shows it",
            weights.path.parent,
            taught,
        )


def warn_of_learned(weights: Weights, paths: Iterable[str | Path], what: str) -> int:
    """Say how many frames a run was trained on, which tell nothing of it any more.

    Parameters
    ----------
    paths : iterable of str or Path
        Pictures that figures are to be of.
    what : str
        How to call them.

    Returns
    -------
    int
        At least so many: of large sets a run keeps a part of its training frames.
    """
    import pandas as pd

    kept = weights.path.with_name("predictions.parquet")
    try:
        table = pd.read_parquet(kept, columns=["image", "split"])
    except (OSError, ValueError):
        return 0  # shipped weights, or no run of ours
    learned = set(table["image"][table["split"] == "train"])
    n = sum(str(Path(path).resolve()) in learned for path in paths)
    if n:
        logger.warning(
            "%d %s are frames that %s was trained on: figures of them are too good; "
            "keep to the split that it was trained by",
            n,
            what,
            weights.path.parent,
        )
    return n
