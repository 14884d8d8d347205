"""Errors to exit codes, rows to a table, values to JSON."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from truckcount import errors
from truckcount.cli._console import align, exit_code_of, give_json


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigError, 2),
        (errors.LabelError, 2),
        (errors.EmptySourceError, 4),
        (errors.WeightsError, 2),
        (errors.VideoNotFoundError, 4),
        (errors.DecodeError, 4),
        (errors.ClockError, 4),
        (errors.StoreLockedError, 5),
        (errors.SchemaError, 5),
        (errors.StoreVersionError, 5),
        (errors.CountingError, 1),
        (errors.InputShapeError, 1),
        (ValueError, 1),
        (FileNotFoundError, 1),
    ],
)
def test_every_branch_of_the_error_tree_has_its_exit_code(error, code):
    assert exit_code_of(error("what")) == code


def test_text_stands_left_and_numbers_right():
    table = align([["a", "5"], ["long", "12"]], ["name", "n"])
    assert table.splitlines() == ["name   n", "a      5", "long  12"]


def test_a_table_of_no_row_is_its_header():
    assert align([], ["name", "n"]) == "name  n"


def test_values_of_arrays_and_times_become_plain_json(capsys):
    moment = datetime(2026, 3, 2, 8, tzinfo=UTC)
    give_json({"a": np.int64(3), "b": np.float32(0.5), "c": moment, "d": None})
    assert json.loads(capsys.readouterr().out) == {
        "a": 3,
        "b": 0.5,
        "c": "2026-03-02T08:00:00+00:00",
        "d": None,
    }


def test_nan_is_never_given_for_it_is_no_json(capsys):
    with pytest.raises(ValueError, match="JSON"):
        give_json({"a": float("nan")})
    assert capsys.readouterr().out == ""
