"""How good a crowd was: each worker, the disagreement, the gold questions."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from truckcount.labelling.votes.answers import SKIP, TRUCK
from truckcount.labelling.votes.merge import Merged

if TYPE_CHECKING:
    import pandas as pd

MAX_LISTED = 20  # pictures that a report lists by name; arbitrary
CHANCE = 0.6  # agreement below it is hardly better than tossing a coin; arbitrary
MIN_JUDGED = 10  # votes below which no worker is called careless; arbitrary


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdQuality:
    """The report of an import."""

    method: str
    n_votes: int
    n_skips: int
    n_workers: int
    n_pictures: int
    n_unanimous: int
    alpha: float | None
    """Krippendorff's alpha; null with too little overlap. 0.8 and above is
    reliable, below 0.667 is not."""
    gold: Mapping[str, Any] | None
    """Accuracy of votes and of merged labels on gold; None without gold."""
    workers: "pd.DataFrame"
    disputed: "pd.DataFrame"
    """The pictures that votes split over most."""

    def to_json(self) -> dict[str, Any]:
        """Spell the report as JSON values; what is unknown is null."""
        return {
            "method": self.method,
            "n_votes": self.n_votes,
            "n_skips": self.n_skips,
            "n_workers": self.n_workers,
            "n_pictures": self.n_pictures,
            "n_unanimous": self.n_unanimous,
            "krippendorff_alpha": self.alpha,
            "gold": None if self.gold is None else dict(self.gold),
            "workers": _records(self.workers),
            "disputed": _records(self.disputed),
        }


def measure_quality(
    votes: "pd.DataFrame", merged: Merged, gold: Mapping[str, str] | None = None
) -> CrowdQuality:
    """Measure a crowd.

    Parameters
    ----------
    votes : DataFrame
        Columns task, worker, label, work_time_s.
    merged : Merged
        Of the same votes.
    gold : mapping, optional
        Image id to its known label.
    """
    said = votes[votes["label"] != SKIP]
    labels = merged.labels
    spoken = labels[labels["label"] != SKIP]
    disputed = spoken[spoken["disagreement"] > 0].sort_values(
        ["disagreement", "image"], ascending=[False, True]
    )
    return CrowdQuality(
        method=merged.method,
        n_votes=len(votes),
        n_skips=int((votes["label"] == SKIP).sum()),
        n_workers=int(votes["worker"].nunique()),
        n_pictures=len(labels),
        n_unanimous=int((spoken["disagreement"] == 0).sum()),
        alpha=krippendorff_alpha(said),
        gold=None if gold is None else _gold_figures(said, merged, gold),
        workers=_worker_table(votes, said, merged, gold),
        disputed=disputed.head(MAX_LISTED).reset_index(drop=True),
    )


def krippendorff_alpha(votes: "pd.DataFrame") -> float | None:
    """Measure agreement beyond chance: 1 is perfect, 0 is chance.

    Nominal alpha from the coincidence matrix; pictures with one vote say nothing
    of agreement and are left out. None where no picture has two votes or all votes
    say the same, for then chance has no meaning.

    References
    ----------
    K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011),
    https://repository.upenn.edu/asc_papers/43

    Examples
    --------
    >>> import pandas as pd
    >>> alpha = krippendorff_alpha(pd.DataFrame({
    ...     "task": list("XXYYZZ"), "worker": list("ABABAB"),
    ...     "label": ["yes", "yes", "no", "no", "yes", "no"]}))
    >>> round(alpha, 4)
    0.4444
    """
    counts = votes.groupby(["task", "label"]).size().unstack(fill_value=0)
    values = counts.to_numpy(np.float64)  # (pictures, labels)
    n_each = values.sum(axis=1)
    values, n_each = values[n_each >= 2], n_each[n_each >= 2]
    total = n_each.sum()
    marginal = values.sum(axis=0)
    expected = total**2 - (marginal**2).sum()
    if not len(values) or expected == 0:
        return None
    pairs = (n_each**2 - (values**2).sum(axis=1)) / (n_each - 1)
    return float(1 - (total - 1) * pairs.sum() / expected)


def _worker_table(
    votes: "pd.DataFrame",
    said: "pd.DataFrame",
    merged: Merged,
    gold: Mapping[str, str] | None,
) -> "pd.DataFrame":
    import pandas as pd

    of_worker = votes.groupby("worker")
    table = pd.DataFrame({"n": of_worker.size()})
    table["n_skips"] = votes["label"].eq(SKIP).groupby(votes["worker"]).sum()
    table["agreement"] = _agreement(said)
    table = table.join(merged.skills.set_index("worker"))
    known = said["task"].map(dict(gold or {}))
    asked = said[known.notna()]
    is_right = (asked["label"] == known[known.notna()]).groupby(asked["worker"])
    table["gold_n"] = is_right.size()
    table["gold_n"] = table["gold_n"].where(table["gold_n"].notna(), 0).astype(int)
    table["gold_accuracy"] = is_right.mean()
    table["median_s"] = of_worker["work_time_s"].median()
    judged = table["gold_accuracy"].where(table["gold_n"] >= MIN_JUDGED)
    judged = judged.fillna(table["agreement"])
    table["is_suspect"] = (table["n"] >= MIN_JUDGED) & (judged < CHANCE)
    for name in ("sensitivity", "specificity"):
        table[name] = table[name].astype("float64")
    table = table.sort_values(["n", "agreement"], ascending=[False, False])
    return table.rename_axis("worker").reset_index()


def _agreement(said: "pd.DataFrame") -> "pd.Series[float]":
    """Share of a worker's votes that the *other* workers' majority gave, too.

    One's own vote is left out of the majority, or few votes a picture would make
    everybody agree; pictures on which the others are split are left out.
    """
    is_truck = (said["label"] == TRUCK).astype(int)
    n = is_truck.groupby(said["task"]).transform("size") - 1
    others = is_truck.groupby(said["task"]).transform("sum") - is_truck
    is_judged = (n > 0) & (2 * others != n)
    agrees = ((2 * others > n).astype(int) == is_truck)[is_judged]
    return agrees.groupby(said["worker"][is_judged]).mean()


def _gold_figures(
    said: "pd.DataFrame", merged: Merged, gold: Mapping[str, str]
) -> dict[str, Any]:
    """Judge votes and, apart from gold's own influence, the majority on gold."""
    truth = said["task"].map(dict(gold))
    asked = said[truth.notna()]
    is_right = asked["label"] == truth[truth.notna()]
    share = (asked["label"] == TRUCK).groupby(asked["task"]).mean()
    decided = share[share != 0.5]
    known = decided.index.to_series().map(dict(gold)) == TRUCK
    return {
        "n_questions": len(gold),
        "n_answered": int(asked["task"].nunique()),
        "vote_accuracy": float(is_right.mean()) if len(asked) else None,
        "majority_accuracy": (
            float(((decided > 0.5) == known).mean()) if len(decided) else None
        ),
    }


def _records(rows: "pd.DataFrame") -> list[dict[str, Any]]:
    """Turn a table into JSON objects: NaN is null, numpy is Python."""

    def spell(value: Any) -> Any:
        if value != value:
            return None
        return value.item() if hasattr(value, "item") else value

    return [
        {str(name): spell(value) for name, value in row.items()}
        for row in rows.to_dict("records")
    ]
