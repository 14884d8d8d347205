"""Labels taken back: what undo and a new merge need beside adding rows."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from truckcount.labelling.label_set import LabelSet
from truckcount.labelling.tables import to_table, write_table

if TYPE_CHECKING:
    import pandas as pd


def withdraw_labels(label_set: LabelSet, keys: Iterable[tuple[str, str, str]]) -> int:
    """Remove the label and the boxes of each (image, source, labeller).

    Returns
    -------
    int
        Labels removed; keys without a label are no error.
    """
    gone = set(keys)
    with label_set.lock():
        n = 0
        for name in ("labels", "boxes"):
            rows = label_set.read(name)
            is_gone = _is_among(rows, gone)
            if is_gone.any():
                _write(label_set, name, rows[~is_gone])
            if name == "labels":
                n = int(is_gone.sum())
    return n


def replace_labeller(
    label_set: LabelSet, rows: "pd.DataFrame", *, source: str, labeller: str
) -> int:
    """Replace all labels of one labeller: images not in ``rows`` lose theirs.

    Parameters
    ----------
    rows : DataFrame
        Columns image, label and, for soft labels, p_truck.
    """
    with label_set.lock():
        held = label_set.labels
        mine = held[(held["source"] == source) & (held["labeller"] == labeller)]
        stale = set(mine["image"]) - set(rows["image"])
        n = 0
        if len(rows):
            n = label_set.add_labels(rows.assign(source=source, labeller=labeller))
        withdraw_labels(label_set, [(image, source, labeller) for image in stale])
    return n


def _is_among(
    rows: "pd.DataFrame", keys: set[tuple[str, str, str]]
) -> "pd.Series[bool]":
    import pandas as pd

    hits = [
        key in keys
        for key in zip(rows["image"], rows["source"], rows["labeller"], strict=True)
    ]
    return pd.Series(hits, index=rows.index, dtype=bool)


def _write(label_set: LabelSet, name: str, rows: "pd.DataFrame") -> None:
    path = label_set.root / f"{name}.parquet"
    write_table(to_table(rows, name, str(path)), name, path)
