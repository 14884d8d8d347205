"""People's counts to the audits table: nothing is changed once it is said."""

import csv
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from truckcount.domain.audit import SECOND_ROUND, AuditWindow
from truckcount.errors import CalibrationError
from truckcount.store import Store
from truckcount.store.audits_table import change_audits, read_audits

MAX_COUNT = 10_000
MINUTE_US = 60_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One person's count of one clip."""

    clip: str
    count: int
    labeller: str
    label_round: int = 1
    fp: int | None = None
    fn: int | None = None


def save_answers(
    store: Store, answers: Sequence[Answer], now_us: int | None = None
) -> int:
    """Write answers; all of them or, where one is refused, none of a camera.

    Returns
    -------
    int
        Answers that were new. One that repeats what is known changes nothing.

    Raises
    ------
    CalibrationError
        For an unknown clip, a count that is no count, an answer that contradicts an
        earlier one of its round, or a second round by the first round's labeller.
    """
    camera_of = {w.clip: w.camera for w in read_audits(store.root)}
    by_camera: dict[str, list[Answer]] = {}
    for answer in answers:
        if answer.clip not in camera_of:
            msg = f"clip {answer.clip!r} is not of an audit of {store.root}"
            raise CalibrationError(msg)
        by_camera.setdefault(camera_of[answer.clip], []).append(answer)
    n_new = 0
    for camera, own in by_camera.items():

        def change(
            rows: list[AuditWindow], own: list[Answer] = own
        ) -> list[AuditWindow]:
            nonlocal n_new
            for answer in own:
                changed = _add(rows, answer, known_at(now_us))
                n_new += changed is not rows
                rows = changed
            return rows

        change_audits(store.root, camera, change)
    return n_new


def retract_answer(store: Store, answer: Answer) -> None:
    """Take back an answer just given: for a slip of the finger, before it is used.

    The row of the first round goes back to unlabelled, one of a later round goes.
    """
    rows = [w for w in read_audits(store.root) if w.clip == answer.clip]
    if not rows:
        msg = f"clip {answer.clip!r} is not of an audit of {store.root}"
        raise CalibrationError(msg)

    def change(rows: list[AuditWindow]) -> list[AuditWindow]:
        kept = []
        for row in rows:
            is_it = row.clip == answer.clip and (row.label_round == answer.label_round)
            if not is_it:
                kept.append(row)
            elif answer.label_round == 1:
                blank = replace(row, y_human=None, fp=None, fn=None, labeller=None)
                kept.append(replace(blank, label_round=0))
        return kept

    change_audits(store.root, rows[0].camera, change)


def read_answers(path: Path) -> list[Answer]:
    """Read a sheet of answers; lines without a count are not answered yet.

    Columns: ``clip, count, labeller`` and optional ``round, fp, fn``; others are
    for the reader's eyes.
    """
    try:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError) as error:
        msg = f"{path} cannot be read: {error}"
        raise CalibrationError(msg) from error
    wanted = {"clip", "count", "labeller"}
    if rows and not wanted <= rows[0].keys():
        missing = ", ".join(sorted(wanted - rows[0].keys()))
        msg = f"{path}: columns {missing} are missing; it has {', '.join(rows[0])}"
        raise CalibrationError(msg)
    answers = []
    for line, row in enumerate(rows, start=2):
        if not (row["count"] or "").strip():
            continue
        labeller = (row["labeller"] or "").strip()
        if not labeller:
            msg = f"{path} line {line}: a count without a labeller; say who counted"
            raise CalibrationError(msg)
        where = f"{path} line {line}"
        answers.append(
            Answer(
                clip=(row["clip"] or "").strip(),
                count=_whole(row["count"], where),
                labeller=labeller,
                label_round=_whole(row.get("round") or "1", where),
                fp=_whole(row["fp"], where) if row.get("fp") else None,
                fn=_whole(row["fn"], where) if row.get("fn") else None,
            )
        )
    return answers


def known_at(now_us: int | None = None) -> int:
    """Return the stamp of a row written now: an upper bound on when it can be read."""
    now = time.time_ns() // 1000 if now_us is None else now_us
    return -(-(now + MINUTE_US) // MINUTE_US) * MINUTE_US


def _add(rows: list[AuditWindow], answer: Answer, now_us: int) -> list[AuditWindow]:
    _check(answer)
    mine = {r.label_round: r for r in rows if r.clip == answer.clip}
    given = mine.get(answer.label_round)
    if given is not None:
        if given.y_human == answer.count:
            return rows
        msg = (
            f"clip {answer.clip}: round {answer.label_round} says {given.y_human} "
            f"({given.labeller}), not {answer.count}; a changed mind is a new round: "
            f"give round {max(mine) + 1}"
        )
        raise CalibrationError(msg)
    if answer.label_round > 1 and answer.label_round - 1 not in mine:
        msg = (
            f"clip {answer.clip}: round {answer.label_round} without round "
            f"{answer.label_round - 1}; rounds follow one another"
        )
        raise CalibrationError(msg)
    if answer.label_round == SECOND_ROUND and mine[1].labeller == answer.labeller:
        msg = (
            f"clip {answer.clip}: {answer.labeller} gave the first label, too; a "
            "second label checks a person only when another one gives it"
        )
        raise CalibrationError(msg)
    basis = mine[0] if answer.label_round == 1 else mine[answer.label_round - 1]
    new = replace(
        basis,
        y_human=answer.count,
        fp=answer.fp,
        fn=answer.fn,
        labeller=answer.labeller,
        label_round=answer.label_round,
        known_at_us=now_us,
    )
    kept = [r for r in rows if not (answer.label_round == 1 and r is basis)]
    return [*kept, new]


def _check(answer: Answer) -> None:
    if not 0 <= answer.count <= MAX_COUNT or answer.label_round < 1:
        msg = (
            f"clip {answer.clip}: count {answer.count} in round {answer.label_round} "
            f"is no answer; counts go from 0 to {MAX_COUNT}, rounds from 1"
        )
        raise CalibrationError(msg)


def _whole(text: str, where: str) -> int:
    try:
        return int(text.strip())
    except ValueError as error:
        msg = f"{where}: {text!r} is no whole number"
        raise CalibrationError(msg) from error
