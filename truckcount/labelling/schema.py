"""The columns of a label set's tables: arrow schemas and what each column means."""

from collections.abc import Mapping

import pyarrow as pa

from truckcount.errors import LabelError
from truckcount.store.schema import TIME, Column

SET_VERSION = 1

LABELS = ("truck", "no_truck", "skip")
P_TRUCK = {"truck": 1.0, "no_truck": 0.0}
"""What a label says where no probability is told; of `skip` nothing."""
SOURCES = ("person", "crowd", "import", "folder", "csv", "model")
"""Who says so, the most trusted first; `import`, `folder` and `csv` rank alike."""
RANK = {"person": 0, "crowd": 1, "import": 2, "folder": 2, "csv": 2, "model": 3}
LIGHTS = ("day", "night", "dusk", "unknown")
DRAWS = ("spread", "change", "uncertain", "random", "import")
PARTS = ("train", "val", "test")

S, F32, F64, I32 = pa.string(), pa.float32(), pa.float64(), pa.int32()


def _c(name: str, kind: pa.DataType, meaning: str, *, null: bool = False) -> Column:
    return Column(name, kind, null, meaning)


FRAME_COLUMNS = (
    _c("image", S, "path within the set, `frames/...`; the key"),
    _c("camera", S, "camera id, or what stands for one"),
    _c(
        "group",
        S,
        "event or recording that a split must not cut, whatever it splits by",
    ),
    _c("day", S, "local day `2026-03-02`, empty where unknown"),
    _c("t_utc", TIME, "moment of the frame; null: unknown", null=True),
    _c("source", S, "the video or picture the frame came from"),
    _c("source_t_s", F64, "seconds from the video's first frame", null=True),
    _c("width", I32, "pixels"),
    _c("height", I32, "pixels"),
    _c("phash", S, "perceptual hash, hexadecimal"),
    _c("light", S, "`day`, `dusk`, `night` or `unknown`"),
    _c("drawn_by", S, "`spread`, `change`, `uncertain`, `random` or `import`"),
)
LABEL_COLUMNS = (
    _c("image", S, "the frame; key with source and labeller"),
    _c("label", S, "`truck`, `no_truck` or `skip` (cannot be told)"),
    _c(
        "p_truck",
        F32,
        "probability of a truck, soft labels kept; null: skip",
        null=True,
    ),
    _c("source", S, "`person`, `crowd`, `import`, `folder`, `csv` or `model`"),
    _c("labeller", S, "the person, the model id, the file it came from"),
    _c("weight", F32, "weight in training, figures and merging, 1 unless said"),
    _c("labelled_at_utc", TIME, "when"),
)
BOX_COLUMNS = (
    _c("image", S, "the frame"),
    _c("class", S, "`truck`, `bus`, `van`, `car`, `pickup`, `ambiguous`, `other`, ..."),
    _c("x1", F32, "left, pixels"),
    _c("y1", F32, "top, pixels"),
    _c("x2", F32, "right, pixels"),
    _c("y2", F32, "bottom, pixels"),
    _c("score", F32, "a detector's score; null: drawn by a person", null=True),
    _c("source", S, "as in `labels`"),
    _c("labeller", S, "as in `labels`"),
)
SPLIT_COLUMNS = (
    _c("image", S, "the frame; the key"),
    _c("split", S, "`train`, `val` or `test`"),
    _c("unit", S, "what was moved as a whole: groups and their near-duplicates"),
)
TABLES: Mapping[str, tuple[Column, ...]] = {
    "frames": FRAME_COLUMNS,
    "labels": LABEL_COLUMNS,
    "boxes": BOX_COLUMNS,
    "splits": SPLIT_COLUMNS,
}
VALUES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "frames": {"light": LIGHTS, "drawn_by": DRAWS},
    "labels": {"label": LABELS, "source": SOURCES},
    "boxes": {"source": SOURCES},
    "splits": {"split": PARTS},
}
"""The columns that hold one of a few words."""


def schema_of(name: str) -> pa.Schema:
    """Build the arrow schema of one table of a label set."""
    return pa.schema(
        [pa.field(c.name, c.type, nullable=c.is_nullable) for c in TABLES[name]],
        metadata={
            "truckcount.table": f"label_{name}",
            "truckcount.set_version": str(SET_VERSION),
        },
    )


def check_rows(table: pa.Table, name: str, where: str) -> None:
    """Refuse rows whose columns, nulls or words are not those of the schema.

    Raises
    ------
    LabelError
        Naming the table, the column and the first value that is wrong.
    """
    want = schema_of(name)
    if not table.schema.equals(want):
        found = {f.name: str(f.type) for f in table.schema}
        wrong = [f.name for f in want if found.get(f.name) != str(f.type)]
        extra = sorted(set(found) - set(want.names))
        msg = (
            f"{where}: `{name}` has not the columns of a label set: "
            f"missing or of another type {wrong}, unknown {extra}"
        )
        raise LabelError(msg)
    for column in TABLES[name]:
        if not column.is_nullable and table.column(column.name).null_count:
            msg = f"{where}: `{name}.{column.name}` is null; it must be known"
            raise LabelError(msg)
    for column_name, words in VALUES[name].items():
        for value in table.column(column_name).unique().to_pylist():
            if value not in words:
                msg = (
                    f"{where}: `{name}.{column_name}` is {value!r}; it must be one of "
                    f"{', '.join(words)}"
                )
                raise LabelError(msg)
