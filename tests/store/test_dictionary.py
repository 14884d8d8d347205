"""The data dictionary is what the code says."""

import subprocess
import sys

from tests.conftest import ROOT
from truckcount.store.schema import COLUMNS


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
