"""Revisions: nothing known is ever forgotten, `hours` is the latest of each key."""

from dataclasses import replace

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.store.fill import HOUR_US, MINUTE_US, STAMP, T0_US, UNSEEN, hour
from truckcount.store.hours_table import write_hours

KEY = ["gate", "direction", "hour_start_utc"]
NOW_US = T0_US + 2 * HOUR_US


def read(root, table):
    return pd.read_parquet(root / table)


def test_a_changed_hour_is_a_revision_and_an_equal_one_is_none(tmp_path):
    assert write_hours(tmp_path, STAMP, [hour(), hour(1)], NOW_US) == 2
    assert write_hours(tmp_path, STAMP, [hour(), hour(1)], NOW_US + HOUR_US) == 0
    assert write_hours(tmp_path, STAMP, [hour(), hour(1, 5)], NOW_US + HOUR_US) == 1
    history = read(tmp_path, "history")
    assert history["revision"].tolist() == [1, 1, 2]
    assert history["n_trucks"].tolist() == [3, 3, 5]
    assert history["cause"].tolist() == ["first", "first", "late_segment"]
    hours = read(tmp_path, "hours")
    assert hours["n_trucks"].tolist() == [3, 5]
    assert hours["revision"].tolist() == [1, 2]


def test_nothing_new_touches_no_file(tmp_path):
    write_hours(tmp_path, STAMP, [hour(), UNSEEN], NOW_US)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.parquet")}
    write_hours(tmp_path, STAMP, [UNSEEN, hour()], NOW_US + 10 * MINUTE_US)
    write_hours(tmp_path, STAMP, [], NOW_US)
    assert {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.parquet")} == before


def test_hours_lost_after_a_crash_come_back_from_history(tmp_path):
    """Killed between history and hours: the re-run adds no revision but heals."""
    write_hours(tmp_path, STAMP, [hour()], NOW_US)
    (path,) = (tmp_path / "hours").rglob("*.parquet")
    whole = path.read_bytes()
    path.unlink()
    assert write_hours(tmp_path, STAMP, [hour()], NOW_US + HOUR_US) == 0
    assert path.read_bytes() == whole
    assert len(read(tmp_path, "history")) == 1


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.lists(
        st.tuples(
            st.lists(
                st.tuples(st.integers(0, 2), st.one_of(st.none(), st.integers(0, 2))),
                unique_by=lambda pair: pair[0],
                min_size=1,
            ),
            st.integers(0, 30 * 3600),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_history_only_grows_and_hours_follow_it(tmp_path_factory, writes):
    root = tmp_path_factory.mktemp("store")
    now_us, old = NOW_US, None
    expected = {}
    for rows, later_s in writes:
        now_us += later_s * 1_000_000
        drafts = []
        for k, n in rows:
            row = hour(k, n) if n is not None else replace(
                UNSEEN, bin_start_us=T0_US + k * HOUR_US
            )  # fmt: skip
            drafts.append(row)
            expected[pd.Timestamp(row.bin_start_us, unit="us", tz="UTC")] = n
        write_hours(root, STAMP, drafts, now_us)
        files = sorted((root / "history").rglob("*.parquet"))
        history = pd.concat([pq.read_table(f).to_pandas() for f in files])
        if old is not None:
            pd.testing.assert_frame_equal(history.head(len(old)), old)
        old = history
    for _, chain in history.groupby(KEY):
        assert chain["revision"].tolist() == list(range(1, len(chain) + 1))
        assert chain["known_at_utc"].is_monotonic_increasing
        assert chain["known_at_utc"].is_unique
    now = pd.Timestamp(now_us, unit="us", tz="UTC")
    assert history["known_at_utc"].max() <= now + pd.Timedelta(minutes=2)
    hours = read(root, "hours")
    latest = history.drop_duplicates(KEY, keep="last")[hours.columns]
    pd.testing.assert_frame_equal(
        hours.sort_values(KEY, ignore_index=True),
        latest.sort_values(KEY, ignore_index=True),
    )
    got = {
        t: None if n is pd.NA else n
        for t, n in zip(hours["hour_start_utc"], hours["n_trucks"], strict=True)
    }
    assert got == expected


def test_a_revision_is_known_a_minute_later_at_the_earliest(tmp_path):
    write_hours(tmp_path, STAMP, [hour()], NOW_US + 1)
    (known,) = read(tmp_path, "hours")["known_at_utc"]
    assert known == pd.Timestamp("2026-01-01T02:02Z")


@pytest.mark.parametrize(
    ("row", "age_h", "is_final", "is_backfill"),
    [
        (hour(), 2, False, False),
        (hour(coverage_s=3599.5), 2, True, False),
        (hour(coverage_s=3000.0, unusable_s=599.5), 2, True, False),
        (hour(), 73, True, True),
        (UNSEEN, 3, False, False),
        (UNSEEN, 80, True, True),
    ],
    ids=["partly", "fully watched", "seen if unusable", "old", "unseen", "unseen old"],
)
def test_an_hour_is_final_when_full_or_old(tmp_path, row, age_h, is_final, is_backfill):
    write_hours(tmp_path, STAMP, [row], T0_US + age_h * HOUR_US)
    (got,) = read(tmp_path, "hours")[["is_final", "is_backfill"]].to_numpy().tolist()
    assert got == [is_final, is_backfill]


def test_an_hour_that_only_becomes_final_says_so(tmp_path):
    write_hours(tmp_path, STAMP, [hour()], NOW_US)
    assert write_hours(tmp_path, STAMP, [hour()], NOW_US + 80 * HOUR_US) == 1
    assert write_hours(tmp_path, STAMP, [hour()], NOW_US + 90 * HOUR_US) == 0
    assert write_hours(tmp_path, STAMP, [hour(0, 9)], NOW_US + 91 * HOUR_US) == 1
    history = read(tmp_path, "history")
    assert history["cause"].tolist() == ["first", "finalise", "late_segment"]
    assert history["is_final"].tolist() == [False, True, True]
    assert history["payload_sha"].nunique() == 2


@pytest.mark.parametrize(
    ("change", "cause"),
    [({"model_id": "n@sha256:1"}, "model"), ({"config_hash": "c1"}, "config")],
)
def test_the_cause_of_a_revision_is_told(tmp_path, change, cause):
    write_hours(tmp_path, STAMP, [hour()], NOW_US)
    write_hours(tmp_path, replace(STAMP, **change), [hour()], NOW_US + HOUR_US)
    assert read(tmp_path, "history")["cause"].tolist() == ["first", cause]


@pytest.mark.parametrize(
    ("zone", "start", "local", "offset", "dow"),
    [
        ("America/Chicago", "2025-11-02T06:00Z", "2025-11-02T01:00", -300, 6),
        ("America/Chicago", "2025-11-02T07:00Z", "2025-11-02T01:00", -360, 6),
        ("America/Chicago", "2025-03-09T08:00Z", "2025-03-09T03:00", -300, 6),
        ("Asia/Kolkata", "2026-01-01T20:00Z", "2026-01-02T01:30", 330, 4),
        ("UTC", "2026-01-01T00:00Z", "2026-01-01T00:00", 0, 3),
    ],
    ids=["autumn first", "autumn second", "spring", "half-hour zone", "UTC"],
)
def test_local_time_tells_repeated_hours_apart(
    tmp_path, zone, start, local, offset, dow
):
    moment = pd.Timestamp(start)
    row = replace(hour(), bin_start_us=moment.value // 1000)
    stamp = replace(STAMP, timezone=zone)
    write_hours(tmp_path, stamp, [row], row.bin_start_us + HOUR_US)
    (got,) = read(tmp_path, "hours").to_dict("records")
    assert got["hour_start_utc"] == moment
    assert got["local_start"] == pd.Timestamp(local)
    assert (got["utc_offset_min"], got["local_dow"], got["tz"]) == (offset, dow, zone)


def test_each_month_has_its_own_file(tmp_path):
    rows = [hour(k) for k in (0, 31 * 24 - 1, 31 * 24)]
    write_hours(tmp_path, STAMP, rows, T0_US + 32 * 24 * HOUR_US)
    names = [p.name for p in sorted((tmp_path / "hours" / "cam").iterdir())]
    assert names == ["2026-01.parquet", "2026-02.parquet"]
    assert len(read(tmp_path, "hours")) == 3
    write_hours(tmp_path, STAMP, [hour(31 * 24, 8)], T0_US + 33 * 24 * HOUR_US)
    assert sorted(read(tmp_path, "hours")["n_trucks"]) == [3, 3, 8]


def test_bins_replace_their_rows_and_count_their_revisions(tmp_path):
    rows = [replace(hour(), bin_minutes=15, n_trucks=n) for n in (1, 2)]
    rows[1] = replace(rows[1], bin_start_us=T0_US + 15 * MINUTE_US)
    assert write_hours(tmp_path, STAMP, rows, NOW_US) == 2
    assert write_hours(tmp_path, STAMP, rows, NOW_US + HOUR_US) == 0
    late = replace(rows[1], n_trucks=7)
    assert write_hours(tmp_path, STAMP, [late], NOW_US + HOUR_US) == 1
    bins = read(tmp_path, "bins_15")
    assert bins["n_trucks"].tolist() == [1, 7]
    assert bins["revision"].tolist() == [1, 2]
    assert not (tmp_path / "hours").exists()
