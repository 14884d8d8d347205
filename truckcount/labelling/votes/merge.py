"""Votes to soft labels: majority, or Dawid and Skene's model of the workers.

References
----------
A. P. Dawid and A. M. Skene, Maximum Likelihood Estimation of Observer Error-Rates
Using the EM Algorithm, Applied Statistics 28 (1979), https://doi.org/10.2307/2346806;
both as implemented by crowd-kit, https://github.com/Toloka/crowd-kit
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from truckcount.errors import LabelError
from truckcount.labelling.votes.answers import NO_TRUCK, SKIP, TRUCK

if TYPE_CHECKING:
    import pandas as pd

METHODS = ("dawid-skene", "majority")
# iterations of EM; crowd-kit stops earlier where the bound no longer rises
N_ITER = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What merging gave."""

    labels: "pd.DataFrame"
    """Columns image, label, p_truck, n_votes, disagreement; one row a picture with
    a vote. Only-skipped pictures are ``skip`` with a null probability."""
    skills: "pd.DataFrame"
    """Columns worker, sensitivity, specificity: P(says truck | truck) and
    P(says none | none); empty unless Dawid-Skene merged."""
    method: str


def merge_votes(
    votes: "pd.DataFrame",
    method: str = "dawid-skene",
    gold: Mapping[str, str] | None = None,
) -> Merged:
    """Merge votes picture by picture.

    Parameters
    ----------
    votes : DataFrame
        Columns task, worker, label.
    method : str
        ``majority``: the share of truck votes. ``dawid-skene``: each worker's
        error rates are estimated with the labels, so that a careless worker
        weighs little and a contrary one counts the other way round.
    gold : mapping, optional
        Image id to its known label. Dawid-Skene holds it fixed while it learns the
        workers; majority leaves it out.

    Raises
    ------
    LabelError
        When crowd-kit is not installed or the method is unknown.
    """
    import pandas as pd

    if method not in METHODS:
        msg = f"method {method!r} is not one of {', '.join(METHODS)}"
        raise LabelError(msg)
    said = votes[votes["label"] != SKIP][["task", "worker", "label"]]
    said = said.astype({"task": str, "worker": str, "label": str})
    skills = pd.DataFrame(columns=["worker", "sensitivity", "specificity"])
    if len(said):
        aggregation = _crowdkit()
        with warnings.catch_warnings():
            # crowd-kit 1.4 calls pandas in ways that pandas 3 is about to drop
            warnings.simplefilter("ignore", DeprecationWarning)
            if method == "majority":
                shares = aggregation.MajorityVote().fit_predict_proba(said)
            else:
                model = aggregation.DawidSkene(n_iter=N_ITER)
                shares = model.fit_predict_proba(said, _known(said, gold))
                skills = _skills(model.errors_)
        p_truck = _column(shares, TRUCK)
    else:
        p_truck = pd.Series(dtype="float64")
    share = (said["label"] == TRUCK).groupby(said["task"]).mean()
    rows = pd.DataFrame({"n_votes": votes.groupby("task").size()})
    # as a label set keeps it: half a unit of the last place below 0.5 is 0.5 there
    rows["p_truck"] = p_truck.clip(0, 1).astype("float32").astype("float64")
    # of the votes that took a side, the share of the smaller
    rows["disagreement"] = share.where(share <= 0.5, 1 - share)
    rows["label"] = SKIP
    rows.loc[rows["p_truck"] >= 0.5, "label"] = TRUCK
    rows.loc[rows["p_truck"] < 0.5, "label"] = NO_TRUCK
    rows = rows.rename_axis("image").reset_index()
    return Merged(labels=rows, skills=skills, method=method)


def _crowdkit() -> Any:
    try:
        from crowdkit import aggregation
    except ImportError as error:
        msg = (
            "merging votes needs crowd-kit, which is not installed; "
            "`pip install 'truckcount[label]'`"
        )
        raise LabelError(msg) from error
    return aggregation


def _known(
    said: "pd.DataFrame", gold: Mapping[str, str] | None
) -> "pd.Series[str] | None":
    """Choose the gold that crowd-kit can use: of voted pictures, labels seen."""
    import pandas as pd

    tasks, seen = set(said["task"]), set(said["label"])
    usable = {t: x for t, x in (gold or {}).items() if t in tasks and x in seen}
    return pd.Series(usable, dtype=object) if usable else None


def _skills(errors: "pd.DataFrame") -> "pd.DataFrame":
    """Turn crowd-kit's error matrices into two rates a worker.

    A rate is null for a worker without a picture of that kind.
    """
    import pandas as pd

    rows = []
    for worker, matrix in errors.groupby(level="worker"):
        said = matrix.droplevel("worker")
        rates = {}
        for name, label in (("sensitivity", TRUCK), ("specificity", NO_TRUCK)):
            has_kind = label in said.columns and said[label].sum() > 1e-6
            kept = float(said[label].get(label, 0.0)) if has_kind else None
            rates[name] = kept
        rows.append({"worker": worker, **rates})
    return pd.DataFrame(rows, columns=["worker", "sensitivity", "specificity"])


def _column(shares: "pd.DataFrame", label: str) -> "pd.Series[float]":
    """Return a label's probabilities: 0 where nobody ever gave it."""
    column: pd.Series[float] = (
        shares[label].where(shares[label].notna(), 0.0)
        if label in shares.columns
        else shares.iloc[:, 0] * 0.0
    )
    return column.astype("float64")
