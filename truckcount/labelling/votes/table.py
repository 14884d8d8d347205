"""``votes.parquet`` of a label set: every vote that was ever imported and stands."""

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from truckcount.errors import LabelError
from truckcount.labelling.label_set import LabelSet
from truckcount.labelling.tables import replace_file
from truckcount.labelling.votes.batch_results import Vote, unique_votes
from truckcount.store.schema import TIME

if TYPE_CHECKING:
    import pandas as pd

VOTE_SCHEMA = pa.schema(
    [
        pa.field("task", pa.string(), nullable=False),  # image id of the set
        pa.field("worker", pa.string(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("assignment", pa.string(), nullable=False),
        pa.field("hit", pa.string(), nullable=False),
        pa.field("accept_utc", TIME),
        pa.field("submit_utc", TIME),
        pa.field("work_time_s", pa.float64()),
        pa.field("file", pa.string(), nullable=False),
    ],
    metadata={"truckcount.table": "label_votes"},
)


def read_votes(label_set: LabelSet) -> "pd.DataFrame":
    """Read a set's votes, none where none were imported."""
    return _read(votes_path(label_set)).to_pandas()


def add_votes(
    label_set: LabelSet, votes: Iterable[Vote], rejected: Collection[str]
) -> int:
    """Add votes to a set's; importing a file twice changes nothing.

    Parameters
    ----------
    votes : iterable of Vote
    rejected : collection of str
        Assignments whose earlier votes are taken back.

    Returns
    -------
    int
        Votes that were not there before.
    """
    path = votes_path(label_set)
    with label_set.lock():
        held = [
            Vote(**row)
            for row in _read(path).to_pylist()
            if row["assignment"] not in rejected
        ]
        before = {(v.task, v.worker, v.assignment) for v in held}
        kept = unique_votes([*held, *votes])
        kept.sort(key=lambda v: (v.task, v.worker))
        rows = [{n: getattr(v, n) for n in VOTE_SCHEMA.names} for v in kept]
        table = pa.Table.from_pylist(rows, schema=VOTE_SCHEMA)
        replace_file(path, lambda draft: pq.write_table(table, draft))
    return sum((v.task, v.worker, v.assignment) not in before for v in kept)


def votes_path(label_set: LabelSet) -> Path:
    """Return where a set keeps its votes."""
    return label_set.root / "votes.parquet"


def _read(path: Path) -> pa.Table:
    if not path.exists():
        return VOTE_SCHEMA.empty_table()
    try:
        return pq.read_table(path, partitioning=None).cast(VOTE_SCHEMA)
    except (pa.ArrowInvalid, ValueError, OSError) as error:
        msg = f"{path} is damaged ({error}); delete it and import the batches again"
        raise LabelError(msg) from error
