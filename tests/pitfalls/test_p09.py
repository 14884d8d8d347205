"""Late segment after final: the worked timeline of features.md 3.7."""

from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pyarrow as pa

from tests.store.fill import STAMP, hour
from truckcount.store.hours_table import finalise_hours, write_hours
from truckcount.store.latest import latest_rows
from truckcount.store.layout import to_us
from truckcount.store.publish import read_table

HOUR = datetime(2025, 3, 4, 9, tzinfo=UTC)
STAMPED = replace(STAMP, camera="dc-01")


def at(text):
    return to_us(datetime.fromisoformat(f"2025-{text}+00:00"))


def row(n, coverage_s, est):
    changes = {"coverage_s": coverage_s, "n_trucks_est": est}
    return replace(hour(n=n, **changes), bin_start_us=to_us(HOUR), gate="dock-exit")


def as_of(root, text):
    parts = [read_table(p, "history") for p in sorted(root.glob("history/*/*.parquet"))]
    rows = latest_rows(pa.concat_tables(parts), at(text)).to_pylist()
    return [(r["n_trucks"], r["n_trucks_est"], r["is_final"]) for r in rows]


def test_a_late_file_revises_a_final_hour_and_the_past_stays(tmp_path):
    write_hours(tmp_path, STAMPED, [row(6, 1800.0, 12.0)], at("03-04T10:15:30"))
    write_hours(tmp_path, STAMPED, [row(11, 3598.0, 11.0)], at("03-04T11:15:30"))
    assert finalise_hours(tmp_path, "dc-01", lambda: at("03-07T09:59:00")) == 0
    assert finalise_hours(tmp_path, "dc-01", lambda: at("03-07T10:15:30")) == 1
    write_hours(tmp_path, STAMPED, [row(12, 3600.0, 12.0)], at("03-20T02:15:30"))
    write_hours(
        tmp_path, STAMPED, [row(12, 3600.0, 13.8)], at("04-02T08:15:30"),
        cause="recalibrate",
    )  # fmt: skip
    history = pd.read_parquet(tmp_path / "history").sort_values("revision")
    assert history["revision"].tolist() == [1, 2, 3, 4, 5]
    assert history["cause"].tolist() == [
        "first", "late_segment", "finalise", "late_segment", "recalibrate"
    ]  # fmt: skip
    assert history["is_final"].tolist() == [False, False, True, True, True]
    assert history["is_backfill"].tolist() == [False, False, True, True, True]
    assert history["payload_sha"].nunique() == 4, "finalising changes no count"
    assert [f"{t:%m-%d %H:%M}" for t in history["known_at_utc"]] == [
        "03-04 10:17", "03-04 11:17", "03-07 10:17", "03-20 02:17", "04-02 08:17"
    ]  # fmt: skip
    assert as_of(tmp_path, "03-04T10:16:59") == []
    assert as_of(tmp_path, "03-04T10:17:00") == [(6, 12.0, False)]
    assert as_of(tmp_path, "03-05T00:00:00") == [(11, 11.0, False)]
    assert as_of(tmp_path, "03-15T00:00:00") == [(11, 11.0, True)]
    assert as_of(tmp_path, "03-31T00:00:00") == [(12, 12.0, True)]
    assert as_of(tmp_path, "05-01T00:00:00") == [(12, 13.8, True)]
    (today,) = pd.read_parquet(tmp_path / "hours").to_dict("records")
    assert (today["n_trucks"], today["n_trucks_est"]) == (12, 13.8)
