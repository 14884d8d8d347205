"""The schema in words: ``python -m truckcount.store.dictionary``."""

import sys

from truckcount.store.schema import COLUMNS, SCHEMA_VERSION
from truckcount.store.usage import WARNINGS

INTRO = f"""# Data dictionary

Generated from `truckcount/store/schema.py` (schema version {SCHEMA_VERSION}) and
`truckcount/store/usage.py` by
`python -m truckcount.store.dictionary > docs/data_dictionary.md`.
A test holds it current.

`pd.read_parquet("store/hours")` reads a table as it is: times are tz-aware UTC,
nullable counts are `Int32`, and **null is not zero**: null was not watched.
"""


def describe_tables() -> str:
    """Return the data dictionary as markdown."""
    parts = [INTRO]
    for table, columns in COLUMNS.items():
        lines = [
            f"## `{table}`",
            "",
            "| column | type | null | meaning | beware |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| `{c.name}` | {c.type} | {null} | {c.meaning} | {beware} |"
            for c in columns
            for null in ("yes" if c.is_nullable else "no",)
            for beware in (WARNINGS.get(table, {}).get(c.name, ""),)
        ]
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(describe_tables())
