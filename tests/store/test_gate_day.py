"""A gate's day, decoded once: windows cut from it are those picked row by row."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from truckcount.store.gate_day import COUNTED, decode_gates
from truckcount.store.schema import schema_of

rows = st.lists(
    st.tuples(
        st.integers(0, 60),
        st.sampled_from("cab"),
        st.lists(st.integers(1, 255), max_size=3),
    ),
    max_size=30,
    unique_by=lambda row: row[:2],
)


def day_of(rows, gate="main"):
    schema = schema_of("scores")
    return pa.Table.from_pylist(
        [
            {
                "gate": gate,
                "t_utc": t,
                "segment_id": name,
                "score_u8": k % 256,
                "quality_flags": k % 3,
                "peaks": [{"x": t, "y": k, "w": 1, "h": 2, "p_u8": p} for p in peaks],
            }
            for k, (t, name, peaks) in enumerate(rows)
        ],
        schema=pa.schema([schema.field(n) for n in COUNTED]),
    )


@given(rows, st.integers(0, 60), st.integers(0, 60), st.permutations("abc"))
@settings(max_examples=200, deadline=None)
def test_a_cut_is_what_each_rows_segment_won(rows, low, high, names):
    rows.sort(key=lambda row: row[:2])
    won = {name: [(20 * k, 20 * k + 20)] for k, name in enumerate(names)}
    table = pa.concat_tables([day_of(rows, "main"), day_of(rows[::2], "side")])
    day = decode_gates(table).get("main")
    if day is None:
        assert not rows
        return
    cut = day.cut((low, high), won)
    picked = [
        (k, *row)
        for k, row in enumerate(rows)
        if low <= row[0] < high and any(a <= row[0] < b for a, b in won[row[1]])
    ]
    assert cut.t_us.tolist() == [t for _, t, _, _ in picked]
    assert cut.score_u8.tolist() == [k for k, *_ in picked]
    assert cut.quality_flags.tolist() == [k % 3 for k, *_ in picked]
    assert [cut.segment_ids[i] for i in cut.segment] == [row[2] for row in picked]
    in_order = dict.fromkeys(name for _, _, name, _ in picked)
    assert cut.segment_ids == tuple(in_order)
    assert np.diff(cut.peak_start).tolist() == [len(peaks) for *_, peaks in picked]
    assert cut.peaks["p"].tolist() == [p for *_, peaks in picked for p in peaks]
    assert set(cut.peaks["y"].tolist()) == {k for k, _, _, peaks in picked if peaks}


def test_what_is_kept_of_a_day_cannot_be_written_to_through_a_cut():
    day = decode_gates(day_of([(1, "a", [9]), (2, "a", [])]))["main"]
    cut = day.cut((0, 9), {"a": [(0, 9)]})
    with pytest.raises(ValueError, match="read-only"):
        cut.quality_flags[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        cut.peaks["p"][0] = 1
