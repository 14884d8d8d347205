"""What several labellers say of an image to one label."""

from typing import TYPE_CHECKING

import numpy as np

from truckcount.labelling.schema import RANK

if TYPE_CHECKING:
    import pandas as pd


def merge_labels(labels: "pd.DataFrame") -> "pd.DataFrame":
    """Merge to one row an image: the most trusted source wins.

    Person beats crowd beats import, folder and csv beats model. Several labellers of
    the winning rank are averaged by weight, so soft labels stay soft. A skip has no
    say beside a label of its rank; an image whose best rank only skipped is left out,
    whatever a lesser source says.

    Parameters
    ----------
    labels : DataFrame
        The columns of `labels`.

    Returns
    -------
    DataFrame
        Columns image, label, p_truck, weight, source, n_labellers; by image.
    """
    rank = labels["source"].map(RANK)
    best = rank.groupby(labels["image"]).transform("min")
    top = labels[(rank == best) & (labels["label"] != "skip")]
    top = top[top["weight"] > 0]
    p, weight = top["p_truck"].astype("float64"), top["weight"].astype("float64")
    grouped = top.assign(pw=p * weight, weight=weight).groupby("image", sort=True)
    merged = grouped.agg(
        pw=("pw", "sum"),
        total=("weight", "sum"),
        weight=("weight", "mean"),
        source=("source", "min"),
        n_labellers=("labeller", "size"),
    ).reset_index()
    merged["p_truck"] = (merged["pw"] / merged["total"]).astype("float32")
    merged["weight"] = merged["weight"].astype("float32")
    merged["label"] = np.where(merged["p_truck"] >= 0.5, "truck", "no_truck")
    return merged[["image", "label", "p_truck", "weight", "source", "n_labellers"]]
