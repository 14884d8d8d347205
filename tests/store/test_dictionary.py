"""The data dictionary is what the code says."""

import subprocess
import sys

from tests.conftest import ROOT
from truckcount.store.dictionary import describe_tables
from truckcount.store.schema import COLUMNS
from truckcount.store.usage import WARNINGS


def test_the_dictionary_is_current():
    program = [sys.executable, "-m", "truckcount.store.dictionary"]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, check=True)
    assert done.stdout == (ROOT / "docs" / "data_dictionary.md").read_bytes(), (
        "run `python -m truckcount.store.dictionary > docs/data_dictionary.md`"
    )


def test_every_column_has_a_meaning_and_a_line():
    text = (ROOT / "docs" / "data_dictionary.md").read_text()
    for table, columns in COLUMNS.items():
        section = text.split(f"## `{table}`\n")[1].split("\n## ")[0]
        lines = [line for line in section.splitlines() if line.startswith("| `")]
        assert [line.split("`")[1] for line in lines] == [c.name for c in columns]
        assert all(c.meaning for c in columns)


def test_warnings_are_of_columns_there_are():
    for table, warnings in WARNINGS.items():
        assert set(warnings) <= {c.name for c in COLUMNS[table]} | {"hour_start_utc"}


def test_what_nulls_and_repeated_columns_mean_is_warned_of():
    for name in ("n_trucks", "coverage_s", "local_start", "is_final"):
        assert WARNINGS["hours"][name]
    assert "not 0" in WARNINGS["hours"]["n_trucks"]


def test_bins_are_not_told_to_be_hours():
    bins = describe_tables().split("\n## `bins_05`")[1]
    assert "minutes of the bin: 5, 15 or 30" in bins
    for of_hours in ("always 60", "0-3600", "whole hour; null"):
        assert of_hours not in bins
