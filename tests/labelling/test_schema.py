import pytest

from tests.conftest import ROOT
from truckcount.cli.label import LABEL_COMMANDS
from truckcount.errors import LabelError
from truckcount.labelling.schema import RANK, SOURCES, TABLES, check_rows, schema_of

GUIDE = (ROOT / "docs" / "labelling.md").read_text()


@pytest.mark.parametrize("name", TABLES)
def test_the_guide_tells_every_column_as_the_schema_does(name):
    for column in TABLES[name]:
        row = f"| `{column.name}` | {column.type} | {column.meaning} |"
        assert row in GUIDE


def test_the_guide_names_every_command():
    for command in LABEL_COMMANDS:
        assert f"label {command}" in GUIDE


def test_every_source_has_a_rank():
    assert set(RANK) == set(SOURCES)
    assert [RANK[s] for s in SOURCES] == sorted(RANK.values())


def test_a_table_of_other_columns_is_named():
    table = schema_of("labels").empty_table().drop_columns(["weight"])
    with pytest.raises(LabelError, match=r"x\.parquet.*weight"):
        check_rows(table, "labels", "x.parquet")
