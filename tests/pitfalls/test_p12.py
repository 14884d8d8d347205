"""known_at is not early."""

import pandas as pd
import pyarrow as pa
import pytest

from tests.store.fill import HOUR_US, STAMP, T0_US, hour
from truckcount.errors import StoreError
from truckcount.store import history
from truckcount.store.hours_table import write_hours
from truckcount.store.latest import latest_rows
from truckcount.store.layout import to_us
from truckcount.store.publish import read_table

S_US = 1_000_000
NOW_US = T0_US + 2 * HOUR_US


class Stalling:
    """A clock; a writer that stalls finds it has gone on."""

    def __init__(self):
        self.now_us = NOW_US

    def __call__(self):
        return self.now_us

    def stall(self, seconds):
        self.now_us += seconds * S_US


def read_history(root):
    return pd.read_parquet(root / "history").sort_values("revision")


def known_s(frame):
    return [
        (t - pd.Timestamp(NOW_US, unit="us", tz="UTC")).total_seconds() for t in frame
    ]


def test_a_stall_before_the_rename_is_stamped_anew(tmp_path, monkeypatch, caplog):
    clock, publish = Stalling(), history.publish_table

    def stall_once(*args, check, **more):
        monkeypatch.setattr(history, "publish_table", publish)

        def late_check(draft):
            clock.stall(90)
            check(draft)

        return publish(*args, check=late_check, **more)

    monkeypatch.setattr(history, "publish_table", stall_once)
    assert write_hours(tmp_path, STAMP, [hour()], clock) == 1
    frame = read_history(tmp_path)
    assert known_s(frame["known_at_utc"]) == [180.0]
    assert frame["cause"].tolist() == ["first"]
    assert "stamp anew" in caplog.text


def test_a_stall_after_the_check_is_answered_by_a_restamp(tmp_path, monkeypatch):
    clock, publish = Stalling(), history.publish_table
    seen = []

    def stall_after(*args, **more):
        monkeypatch.setattr(history, "publish_table", publish)
        done = publish(*args, **more)
        clock.stall(90)  # the rename may have been at any time of it
        seen.append(clock())
        return done

    monkeypatch.setattr(history, "publish_table", stall_after)
    write_hours(tmp_path, STAMP, [hour()], clock)
    frame = read_history(tmp_path)
    assert frame["cause"].tolist() == ["first", "restamp"]
    assert frame["revision"].tolist() == [1, 2]
    assert frame["payload_sha"].nunique() == 1
    assert known_s(frame["known_at_utc"]) == [60.0, 180.0]
    (path,) = tmp_path.glob("history/*/*.parquet")
    rows = read_table(path, "history")
    for moment in range(NOW_US, NOW_US + 300 * S_US, 10 * S_US):
        shown = latest_rows(rows, moment)
        assert len(shown) == (moment >= NOW_US + 180 * S_US), "none before it was there"
    assert pd.read_parquet(tmp_path / "hours")["revision"].tolist() == [2]


def test_a_machine_that_always_stalls_gives_up_and_says_so(tmp_path, monkeypatch):
    clock, publish = Stalling(), history.publish_table

    def stall(*args, check, **more):
        def late_check(draft):
            clock.stall(90)
            check(draft)

        return publish(*args, check=late_check, **more)

    monkeypatch.setattr(history, "publish_table", stall)
    with pytest.raises(StoreError, match="stalled"):
        write_hours(tmp_path, STAMP, [hour()], clock)
    assert not list(tmp_path.glob("history/*/*"))


def test_a_clock_that_went_back_stops_the_writer(tmp_path):
    write_hours(tmp_path, STAMP, [hour()], NOW_US)
    write_hours(tmp_path, STAMP, [hour(n=4)], NOW_US - S_US)
    with pytest.raises(StoreError, match="clock"):
        write_hours(tmp_path, STAMP, [hour(n=5)], NOW_US - HOUR_US)
    assert read_history(tmp_path)["n_trucks"].tolist() == [3, 4]


def test_history_that_would_change_is_not_written(tmp_path, monkeypatch):
    write_hours(tmp_path, STAMP, [hour()], NOW_US)
    before = read_history(tmp_path)
    monkeypatch.setattr(
        pa, "concat_tables", lambda parts, concat=pa.concat_tables: concat(parts[::-1])
    )
    with pytest.raises(StoreError, match="history would change"):
        write_hours(tmp_path, STAMP, [hour(n=4)], NOW_US)
    monkeypatch.undo()
    assert read_history(tmp_path).equals(before)


DAY_US = 24 * HOUR_US
WRONG_US = NOW_US + 20 * DAY_US


def restamp(root, now_us):
    rows = history.History(
        root, "cam", -(2**62), 2**62, lambda: now_us, is_ahead_allowed=True
    )
    return rows, rows.restamp_ahead()


def test_what_a_clock_ahead_wrote_is_stamped_anew(tmp_path):
    write_hours(tmp_path, STAMP, [hour()], NOW_US)
    write_hours(tmp_path, STAMP, [hour(n=4)], WRONG_US)
    write_hours(tmp_path, STAMP, [hour(n=5)], WRONG_US + DAY_US)
    now_us = NOW_US + HOUR_US
    with pytest.raises(StoreError, match=r"store check .* --repair"):
        write_hours(tmp_path, STAMP, [hour(n=6)], now_us)
    rows, n = restamp(tmp_path, now_us)
    assert n == 1
    frame = read_history(tmp_path)
    assert frame["n_trucks"].tolist() == [3, 4, 5, 5]
    assert frame["cause"].iloc[-1] == "restamp"
    assert known_s(frame["known_at_utc"])[-1] == 3600 + 60
    assert not frame["is_backfill"].iloc[-1]
    assert not frame["is_final"].iloc[-1], "that it was 72 h old was not true"
    files = sorted(tmp_path.glob("history/*/*.parquet"))
    table = pa.concat_tables([read_table(path, "history") for path in files])
    for moment, n_trucks in [
        (NOW_US + 60 * S_US, [3]),
        (now_us + 59 * S_US, [3]),
        (now_us + 60 * S_US, [5]),
        (WRONG_US + 90 * DAY_US, [5]),
    ]:
        assert latest_rows(table, moment)["n_trucks"].to_pylist() == n_trucks
    assert restamp(tmp_path, now_us)[1] == 0, "once is enough"
    write_hours(tmp_path, STAMP, [hour(n=6)], now_us)
    assert known_s(read_history(tmp_path)["known_at_utc"])[-1] < 3600 + 61
    assert rows.latest["n_trucks"].to_pylist() == [5]


def test_a_clock_before_all_recordings_mends_nothing(tmp_path):
    """A board without a battery wakes up in 1970: by that, all stamps lie ahead."""
    write_hours(tmp_path, STAMP, [hour()], NOW_US)
    with pytest.raises(StoreError, match="set the clock"):
        restamp(tmp_path, T0_US - DAY_US)
    assert len(read_history(tmp_path)) == 1


@pytest.mark.parametrize("kinds", ["any in", "in any"])
def test_a_kind_of_direction_that_stands_still_does(tmp_path, kinds):
    """A gate that gained, or lost, its directions while the clock was wrong."""
    shown = {
        "any": [hour(n=4)],
        "in": [
            hour(n=n, direction=d) for d, n in [("in", 1), ("out", 3), ("unknown", 0)]
        ],
    }
    write_hours(tmp_path, STAMP, [hour(k=1)], NOW_US)
    for kind in kinds.split():
        write_hours(tmp_path, STAMP, shown[kind], WRONG_US)
    rows, n = restamp(tmp_path, NOW_US + HOUR_US)
    assert n == 4
    standing = {
        row["direction"]
        for row in rows.latest.to_pylist()
        if to_us(row["hour_start_utc"]) == T0_US
    }
    assert standing == {row.direction for row in shown[kinds.split()[1]]}
