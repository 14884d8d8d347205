"""One row's answer columns to a vote: truck, no truck, or skip (cannot tell).

Mechanical Turk spells the same click in four ways, depending on the template:

=====================================  ==================================
template                               column and value
=====================================  ==================================
crowd classifier, ``flatten-objects``  ``Answer.category.label`` = Truck
crowd classifier without it            ``Answer.taskAnswers`` = JSON
radio buttons, checkboxes              ``Answer.truck.yes`` = true
``<select>``, ``<input>``              ``Answer.truck`` = yes
=====================================  ==================================
"""

import html
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

TRUCK, NO_TRUCK, SKIP = "truck", "no_truck", "skip"

ANSWER_PREFIX = "Answer."
TASK_ANSWERS = "Answer.taskAnswers"
DEFAULT_FIELD = "category"  # of the template that `votes export` writes

TRUCK_WORDS = frozenset({"truck", "trucks", "yes", "true", "1", "on", "lorry", "t"})
NO_TRUCK_WORDS = frozenset(
    {
        "no truck", "no trucks", "not a truck", "not truck", "no", "false", "0",
        "none", "none of the above", "off", "other", "empty", "n",
    }
)  # fmt: skip
UNSURE_WORDS = frozenset(
    {"cannot tell", "cant tell", "can't tell", "unsure", "not sure", "skip",
     "dont know", "don't know", "unclear"}
)  # fmt: skip
CHECKED = frozenset({"true", "on", "checked", "1", "yes"})


class AnswerError(ValueError):
    """An answer that says neither truck nor no truck; caught row by row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Which answer texts mean what; comparison ignores case, ``_`` and ``-``."""

    truck: frozenset[str] = TRUCK_WORDS
    no_truck: frozenset[str] = NO_TRUCK_WORDS
    unsure: frozenset[str] = field(default=UNSURE_WORDS)

    @classmethod
    def with_own(cls, truck: Iterable[str], no_truck: Iterable[str]) -> "Words":
        """Add the words of a template of one's own; they win over ours."""
        mine = frozenset(plain_word(w) for w in truck)
        mine_not = frozenset(plain_word(w) for w in no_truck)
        return cls(
            truck=(TRUCK_WORDS - mine_not) | mine,
            no_truck=(NO_TRUCK_WORDS - mine) | mine_not,
            unsure=UNSURE_WORDS - mine - mine_not,
        )

    def label_of(self, text: str) -> str:
        """Tell what an answer's text means.

        Raises
        ------
        AnswerError
            When the text is empty or unknown.

        Examples
        --------
        >>> Words().label_of("No_Truck "), Words().label_of("&#84;ruck")
        ('no_truck', 'truck')
        """
        word = plain_word(text)
        if not word:
            msg = "the answer is empty"
            raise AnswerError(msg)
        for words, label in (
            (self.truck, TRUCK),
            (self.no_truck, NO_TRUCK),
            (self.unsure, SKIP),
        ):
            if word in words:
                return label
        msg = (
            f"answer {text!r} is not known; name it with --truck-word or "
            "--no-truck-word"
        )
        raise AnswerError(msg)


def plain_word(text: str) -> str:
    """Undo HTML entities, case, underscores and blanks around and between."""
    return re.sub(r"[\s_-]+", " ", html.unescape(text)).strip().casefold()


def answer_fields(columns: Iterable[str]) -> list[str]:
    """Name the fields that workers filled, in the order of their columns.

    Examples
    --------
    >>> answer_fields(["WorkerId", "Answer.truck.no", "Answer.truck.yes", "Reject"])
    ['truck']
    """
    names = [
        column.removeprefix(ANSWER_PREFIX).split(".", 1)[0]
        for column in columns
        if column.startswith(ANSWER_PREFIX) and column != TASK_ANSWERS
    ]
    return list(dict.fromkeys(names))


def read_answer(row: Mapping[str, str], name: str | None, words: Words) -> str:
    """Read a row's vote.

    Parameters
    ----------
    row : mapping
        Column to text; absent columns are absent keys.
    name : str or None
        The field asked about; None where only ``Answer.taskAnswers`` is there.
    words : Words

    Returns
    -------
    str
        ``truck``, ``no_truck`` or ``skip``.

    Raises
    ------
    AnswerError
        When there is no answer, or one that cannot be understood.
    """
    if name is not None:
        head = f"{ANSWER_PREFIX}{name}"
        parts = {
            column[len(head) + 1 :]: value
            for column, value in row.items()
            if column.startswith(f"{head}.")
        }
        if head in row:
            return words.label_of(row[head])
        if "label" in parts:
            return words.label_of(parts["label"])
        if parts:
            return _of_choices({k: _is_checked(v) for k, v in parts.items()}, words)
    return _of_json(row.get(TASK_ANSWERS, ""), name, words)


def _of_json(text: str, name: str | None, words: Words) -> str:
    """Read ``[{"category": {"label": "Truck"}}]`` and its relatives."""
    if not text.strip():
        msg = "the answer is empty"
        raise AnswerError(msg)
    try:
        value = json.loads(text)
    except ValueError:
        try:
            value = json.loads(html.unescape(text))
        except ValueError as error:
            msg = f"Answer.taskAnswers is no JSON: {error}"
            raise AnswerError(msg) from error
    forms = value if isinstance(value, list) else [value]
    fields: dict[str, object] = {}
    for form in forms:
        if isinstance(form, dict):
            fields.update(form)
    for wanted in (name, DEFAULT_FIELD):
        if wanted in fields:
            return _of_value(fields[wanted], words)
    if len(fields) == 1:
        return _of_value(next(iter(fields.values())), words)
    msg = (
        f"Answer.taskAnswers holds {sorted(fields) or 'no field'}; choose one "
        "with --answer"
    )
    raise AnswerError(msg)


def _of_value(value: object, words: Words) -> str:
    if isinstance(value, dict):
        if "label" in value:
            return words.label_of(str(value["label"]))
        if "labels" in value:
            return _of_choices(dict.fromkeys(map(str, value["labels"]), True), words)
        return _of_choices({k: _is_checked(str(v)) for k, v in value.items()}, words)
    return words.label_of(str(value))


def _of_choices(choices: Mapping[str, bool], words: Words) -> str:
    """Read radio buttons: the one that is checked; or a lone checkbox."""
    if len(choices) == 1:
        (only, is_set), *_ = choices.items()
        if plain_word(only) in CHECKED:
            return TRUCK if is_set else NO_TRUCK
    checked = [name for name, is_set in choices.items() if is_set]
    if len(checked) != 1:
        msg = (
            f"{len(checked)} of the choices {sorted(choices)} are checked, not one"
            if checked
            else "the answer is empty"
        )
        raise AnswerError(msg)
    return words.label_of(checked[0])


def _is_checked(text: str) -> bool:
    return plain_word(text) in CHECKED
