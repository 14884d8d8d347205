"""What differs between two sayings of one picture is named, whatever is missing."""

import pytest

from truckcount.labelling.importers.said import say, tell_apart

BOX = {"class": "truck", "x1": 1, "y1": 2, "x2": 30, "y2": 40, "score": None}


def row(label, p=None):
    return {"label": label, "p_truck": p}


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        (say(row("truck"), []), say(row("truck", 1.0), []), None),  # a hard label
        (say(row("truck"), []), say(row("skip"), []), ("truck", "skip")),
        (say(row("skip"), []), say(row("skip", 0.5), []), ("without p", "p 0.5")),
        (
            say(row("truck"), [BOX]),
            say(row("truck"), [BOX | {"x2": 31}]),
            ("of 1 boxes", "of 1 other boxes"),
        ),
        (say(row("truck"), [BOX]), say(row("truck"), [BOX | {"x2": 30.0}]), None),
    ],
)
def test_the_first_difference_is_spelled(before, now, expected):
    assert tell_apart(before, now) == expected
