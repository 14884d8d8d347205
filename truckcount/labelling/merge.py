"""What several labellers say of an image to one label."""

from typing import TYPE_CHECKING

import numpy as np

from truckcount.labelling.schema import RANK

if TYPE_CHECKING:
    import pandas as pd


MIN_BOX_SCORE = 0.5  # a model's boxes count from it on


def trust_labels(labels: "pd.DataFrame") -> "pd.DataFrame":
    """Return the labels of each image's most trusted source, skips among them.

    Tables of elsewhere may lack `source`: all labels are then equal. A word that is
    no source ranks with imports.
    """
    if "source" not in labels.columns:
        return labels
    rank = _rank(labels)
    return labels[rank == rank.groupby(labels["image"]).transform("min")]


def trust_boxes(
    boxes: "pd.DataFrame", min_score: float = MIN_BOX_SCORE
) -> "pd.DataFrame":
    """Return the boxes of each image's most trusted labeller who drew any.

    One labeller's: two people's boxes of one truck would be two trucks. A model's
    box counts from `min_score` on.
    """
    if "score" in boxes.columns:
        boxes = boxes[boxes["score"].isna() | (boxes["score"] >= min_score)]
    boxes = trust_labels(boxes)
    if "labeller" not in boxes.columns:
        return boxes
    first = boxes.groupby("image")["labeller"].transform("min")
    return boxes[boxes["labeller"] == first]


def _rank(table: "pd.DataFrame") -> "pd.Series[int]":
    return table["source"].map(RANK).fillna(RANK["import"]).astype(int)


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
    top = trust_labels(labels)
    top = top[(top["label"] != "skip") & (top["weight"] > 0)]
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
