"""A Mechanical Turk batch-results CSV to votes, and to what is wrong with its rows.

One row is one assignment: one worker's answer to one picture. Columns are found
by name, never by place: files differ in their order, and in what else they hold.
A bad row is reported with its line and left out; the rest is kept.
"""

import csv
import html
import io
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from truckcount.errors import LabelError
from truckcount.labelling.text_files import decode_text, guess_delimiter
from truckcount.labelling.votes.answers import (
    DEFAULT_FIELD,
    TASK_ANSWERS,
    AnswerError,
    Words,
    answer_fields,
    read_answer,
)
from truckcount.labelling.votes.turk_time import parse_turk_time

# where the picture's name may stand, best first
TASK_COLUMNS = ("Input.image_id", "Input.image_url", "Input.image", "Input.url")
MAX_FIELD_BYTES = 1 << 24  # csv's own limit of 128 KiB is less than some answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """One worker's answer to one picture."""

    task: str
    """Image id in the label set."""
    worker: str
    label: str
    """``truck``, ``no_truck`` or ``skip`` (cannot tell)."""
    assignment: str
    hit: str
    accept_utc: datetime | None
    submit_utc: datetime | None
    work_time_s: float | None
    file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RowProblem:
    """A row that gave no vote, and why."""

    file: str
    line: int
    """1-based line at which the row begins, the header being line 1."""
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.reason}"


@dataclass(slots=True, kw_only=True)
class BatchVotes:
    """What batch-results files gave."""

    votes: list[Vote] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    rejected: set[str] = field(default_factory=set)
    """Assignments that were rejected: none of their votes counts, earlier or later."""
    idle: list[str] = field(default_factory=list)
    """Files none of whose rows gives a vote, and why."""
    n_rows: int = 0
    n_rejected: int = 0
    n_duplicates: int = 0
    """Rows of an assignment seen before, or of a worker who had answered."""


def read_batches(
    paths: Iterable[Path],
    task_of: Callable[[str], str | None],
    *,
    answer: str | None = None,
    words: Words | None = None,
) -> BatchVotes:
    """Read batch-results files.

    Parameters
    ----------
    paths : iterable of Path
    task_of : callable
        Image id or URL of a row to the image id in the set; None where the set
        has no such image.
    answer : str, optional
        The field to read where the template asks several questions.
    words : Words, optional
        What answers mean.

    Raises
    ------
    LabelError
        When a file cannot be read or is no batch-results file at all.
    """
    batch = BatchVotes()
    words = words if words is not None else Words()
    for path in paths:
        _read_file(path, batch, task_of, answer, words)
    _keep_one_each(batch)
    return batch


def _read_file(
    path: Path,
    batch: BatchVotes,
    task_of: Callable[[str], str | None],
    answer: str | None,
    words: Words,
) -> None:
    rows = _rows(path)
    try:
        _, header = next(rows)
    except StopIteration:
        msg = f"{path} is empty; download the batch results again"
        raise LabelError(msg) from None
    task_columns = [c for c in TASK_COLUMNS if c in header]
    _check_header(path, header, task_columns)
    name = _choose_field(path, header, answer)
    before = (batch.n_rows, len(batch.votes), batch.n_rejected)
    for line, cells in rows:
        batch.n_rows += 1
        problem = _read_row(path, header, cells, batch, task_of, task_columns, name,
                            words)  # fmt: skip
        if problem is not None:
            batch.problems.append(RowProblem(file=path.name, line=line, reason=problem))
    n_rows, n_votes, n_rejected = (
        after - was
        for after, was in zip(
            (batch.n_rows, len(batch.votes), batch.n_rejected), before, strict=True
        )
    )
    if not n_votes:
        why = f"none of {n_rows} rows gives a vote ({n_rejected} rejected)"
        batch.idle.append(f"{path}: {why if n_rows else 'it holds no rows'}")


def _read_row(
    path: Path,
    header: list[str],
    cells: list[str],
    batch: BatchVotes,
    task_of: Callable[[str], str | None],
    task_columns: list[str],
    name: str | None,
    words: Words,
) -> str | None:
    """Add a row's vote to the batch, or say why it has none."""
    if len(cells) > len(header):
        return f"{len(cells)} fields where the header has {len(header)}"
    # trailing Approve and Reject columns are often cut off: they are empty then
    row = dict(zip(header, cells, strict=False))
    assignment = row.get("AssignmentId", "").strip()
    status = row.get("AssignmentStatus", "").strip().casefold()
    if (
        status == "rejected"
        or row.get("RejectionTime", "").strip()
        or (row.get("Reject", "").strip())
    ):
        batch.rejected.add(assignment)
        batch.n_rejected += 1
        return None
    worker = row.get("WorkerId", "").strip()
    if not worker:
        return "WorkerId is empty"
    if status not in {"submitted", "approved", ""}:
        return f"AssignmentStatus {row['AssignmentStatus']!r} is not known"
    given = [html.unescape(row[c]).strip() for c in task_columns if row.get(c)]
    task = next((t for g in given if (t := task_of(g)) is not None), None)
    if task is None:
        return (
            f"picture {given[0]!r} is not in the label set"
            if given
            else f"{task_columns[0]} is empty"
        )
    try:
        label = read_answer(row, name, words)
    except AnswerError as error:
        return str(error)
    batch.votes.append(
        Vote(
            task=task,
            worker=worker,
            label=label,
            assignment=assignment or f"{row.get('HITId', task)}/{worker}",
            hit=row.get("HITId", "").strip(),
            accept_utc=parse_turk_time(row.get("AcceptTime", "")),
            submit_utc=parse_turk_time(row.get("SubmitTime", "")),
            work_time_s=_seconds(row.get("WorkTimeInSeconds", "")),
            file=path.name,
        )
    )
    return None


def _keep_one_each(batch: BatchVotes) -> None:
    """Drop rejected assignments; keep one vote for a worker and picture."""
    votes = [v for v in batch.votes if v.assignment not in batch.rejected]
    kept = unique_votes(votes)
    batch.n_duplicates += len(votes) - len(kept)
    batch.votes = kept


def unique_votes(votes: Iterable[Vote]) -> list[Vote]:
    """Keep each worker's latest answer to a picture.

    A picture published twice, or a file read twice, must not make one opinion
    count double. Of answers at one time the last row wins, so the order of the
    files does not matter where their times differ.
    """
    latest: dict[tuple[str, str], Vote] = {}
    for vote in votes:
        key = (vote.task, vote.worker)
        held = latest.get(key)
        if held is None or _moment(vote) >= _moment(held):
            latest[key] = vote
    return list(latest.values())


def _moment(vote: Vote) -> float:
    return -1.0 if vote.submit_utc is None else vote.submit_utc.timestamp()


def _check_header(path: Path, header: list[str], task_columns: list[str]) -> None:
    missing = [] if "WorkerId" in header else ["WorkerId"]
    if not task_columns:
        missing.append(" or ".join(TASK_COLUMNS[:2]))
    if not any(c.startswith("Answer.") for c in header):
        missing.append("Answer.…")
    if missing:
        msg = (
            f"{path} is no batch-results file: no column {', '.join(missing)} among "
            f"{len(header)} columns ({', '.join(header[:6])} …); use *Download CSV* "
            "of the batch's *Review Results* page"
        )
        raise LabelError(msg)


def _choose_field(path: Path, header: list[str], answer: str | None) -> str | None:
    fields = answer_fields(header)
    if answer is not None:
        if answer not in fields and TASK_ANSWERS not in header:
            msg = f"{path} has no answer field {answer!r}; it has {fields}"
            raise LabelError(msg)
        return answer
    if DEFAULT_FIELD in fields:
        return DEFAULT_FIELD
    if len(fields) > 1 and TASK_ANSWERS not in header:
        msg = f"{path} has several answer fields {fields}; choose one with --answer"
        raise LabelError(msg)
    return fields[0] if len(fields) == 1 else None


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, cells) of the rows that are not blank, the header first."""
    text = decode_text(path)
    delimiter = guess_delimiter(text)
    limit = csv.field_size_limit(MAX_FIELD_BYTES)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        line = 1
        is_header = True
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield line, [c.strip() for c in cells] if is_header else cells
                is_header = False
            line = reader.line_num + 1
    except csv.Error as error:
        msg = f"{path}:{reader.line_num}: {error}; open and save it as CSV again"
        raise LabelError(msg) from error
    finally:
        csv.field_size_limit(limit)


def _seconds(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def count_reasons(problems: Iterable[RowProblem]) -> Mapping[str, int]:
    """Count problems by the first words of their reason."""
    return Counter(p.reason.split(" '", 1)[0] for p in problems)
