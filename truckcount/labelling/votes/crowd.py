"""Batch results into a label set: read, kept, merged, judged, in one step."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from truckcount.errors import EmptySourceError
from truckcount.labelling.label_set import LabelSet
from truckcount.labelling.votes.answers import Words
from truckcount.labelling.votes.batch_results import BatchVotes, read_batches
from truckcount.labelling.votes.merge import merge_votes
from truckcount.labelling.votes.quality import CrowdQuality, measure_quality
from truckcount.labelling.votes.table import add_votes, read_votes
from truckcount.labelling.votes.tasks import TaskFinder, read_gold
from truckcount.labelling.withdraw import replace_labeller

CROWD = "crowd"
"""Source and labeller of merged labels: a later merge replaces an earlier one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrowdImport:
    """What an import did."""

    batch: BatchVotes
    n_new_votes: int
    n_withdrawn: int
    """Earlier votes that were rejected since."""
    n_labels: int
    quality: CrowdQuality


def import_votes(
    paths: Sequence[Path],
    label_set: LabelSet,
    *,
    method: str = "dawid-skene",
    gold: str | None = None,
    answer: str | None = None,
    words: Words | None = None,
) -> CrowdImport:
    """Import batch results and merge all votes of the set anew.

    Raises
    ------
    LabelError
        When a file is no batch-results file, or when crowd-kit is absent; an
        EmptySourceError when none of their rows gives a vote or takes one back.
        Labels are then as they were.
    """
    known = read_gold(label_set, gold, words)
    finder = TaskFinder(label_set.frames["image"])
    batch = read_batches(paths, finder, answer=answer, words=words)
    with label_set.lock():
        held = read_votes(label_set)["assignment"]
        n_withdrawn = int(held.isin(list(batch.rejected)).sum())
        if not batch.votes and not n_withdrawn:
            raise EmptySourceError(_why_empty(batch))
        n_new = add_votes(label_set, batch.votes, batch.rejected)
        votes = read_votes(label_set)
        merged = merge_votes(votes, method, known)
        n = replace_labeller(
            label_set,
            merged.labels[["image", "label", "p_truck"]],
            source=CROWD,
            labeller=CROWD,
        )
    quality = measure_quality(votes, merged, known)
    label_set.note(
        "votes import",
        {"files": [p.name for p in paths], "method": method, "gold": gold},
        n,
    )
    return CrowdImport(
        batch=batch,
        n_new_votes=n_new,
        n_withdrawn=n_withdrawn,
        n_labels=n,
        quality=quality,
    )


def _why_empty(batch: BatchVotes) -> str:
    if not batch.n_rows:
        return f"{batch.idle[0]}; download the batch results again"
    why = f"none of {batch.n_rows} rows gives a vote"
    if batch.n_rejected:
        why += f"; {batch.n_rejected} are of rejected assignments, which do not count"
    if batch.problems:
        why += f"; the first problem: {batch.problems[0]}"
    return f"{why}; labels are as they were"
