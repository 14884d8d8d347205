"""Hours without video: null rows within a gate's validity, and none outside it."""

from dataclasses import replace

import pandas as pd
import pytest

from tests.counting.simulate import GATE, T0_US, film, through
from tests.pipeline.pieces import CAMERA, HOUR_US, NOW_US, ingest, piece
from truckcount.errors import ConfigError
from truckcount.pipeline.cameras import load_cameras
from truckcount.pipeline.counts.camera_spans import CameraSpans
from truckcount.pipeline.counts.outages import is_valid, outage_hours
from truckcount.store import Store
from truckcount.store.check import check_store


def hours_of(tmp_path, now_us=NOW_US, **validity):
    """Hours of a store whose one file lies five hours after T0."""
    camera = replace(CAMERA, gates=(replace(GATE, **validity),))
    store = Store.open(tmp_path)
    file = piece("a", film([through(10)], 60), shift_us=5 * HOUR_US)
    ingest(store, [[file]], camera=camera, now_us=now_us)
    frame = pd.read_parquet(tmp_path / "hours")
    assert check_store(tmp_path) == []
    one = frame[frame["direction"] == "in"]
    first = pd.Timestamp(T0_US, unit="us", tz="UTC")
    return ((one["hour_start_utc"] - first) // pd.Timedelta(hours=1)).tolist(), one


def test_without_validity_an_archive_has_its_own_hours_alone(tmp_path):
    assert hours_of(tmp_path)[0] == [5]


def test_from_its_begin_on_every_hour_has_a_row_till_now(tmp_path):
    now_us = T0_US + 9 * HOUR_US + HOUR_US // 5
    found, rows = hours_of(tmp_path, now_us, active_from_us=T0_US + 2 * HOUR_US + 1)
    assert found == list(range(2, 8)), "hour 8 ended less than a quarter of one ago"
    assert rows["n_trucks"].isna().tolist() == [k != 5 for k in found]


def asked_for(tmp_path, now_us, newest_us):
    """Hours to fill of a gate that is active from T0, by hour after it.

    What was counted just now is old; the newest file stands in the store.
    """
    gate = replace(GATE, active_from_us=T0_US)
    old = piece("a", film([], 60), shift_us=5 * HOUR_US).record
    newest = piece("b", film([], 60), shift_us=newest_us).record
    store = Store.open(tmp_path)
    with store.lock(CAMERA.name):
        store.write_segment(CAMERA.name, replace(newest, known_at_us=NOW_US))
    spans = CameraSpans([old], (), store, CAMERA.name)
    window = (T0_US + 5 * HOUR_US, T0_US + 6 * HOUR_US)
    starts = outage_hours(gate, spans, [window], lambda *_: set(), now_us)
    return [(start - T0_US) // HOUR_US for start in starts]


def test_a_clock_years_ahead_asks_for_no_more_null_hours_than_400_days(
    tmp_path, caplog
):
    ahead_us = T0_US + 6 * 365 * 24 * HOUR_US
    found = asked_for(tmp_path, ahead_us, newest_us=30 * HOUR_US)
    assert found == list(range(400 * 24 + 30))
    assert "set this host's clock right, or give the gate an active_to" in caplog.text


def test_a_year_without_a_file_is_filled_till_now(tmp_path, caplog):
    now_us = T0_US + 399 * 24 * HOUR_US
    found = asked_for(tmp_path, now_us, newest_us=30 * HOUR_US)
    assert found == list(range(399 * 24 - 1))
    assert caplog.text == ""


def test_after_its_end_no_hour_has_a_row(tmp_path):
    validity = {
        "active_from_us": T0_US + 4 * HOUR_US,
        "active_to_us": T0_US + 6 * HOUR_US + 1,
    }
    assert hours_of(tmp_path, **validity)[0] == [4, 5, 6]


def test_what_is_seen_outside_validity_is_not_counted(tmp_path):
    found, rows = hours_of(
        tmp_path,
        T0_US + 9 * HOUR_US,
        active_from_us=T0_US + 5 * HOUR_US + 40_000_000,
    )
    assert found[0] == 5
    assert rows["n_trucks"].tolist()[0] == 0, "the truck came before"
    assert rows["coverage_s"].tolist()[0] == pytest.approx(20, abs=0.3)


def test_validity_is_read_from_the_camera_and_from_the_gate(tmp_path):
    path = tmp_path / "cameras.toml"
    text = """
    [cameras.a]
    active_from = 2026-01-01T00:00:00Z
    [[cameras.a.gates]]
    name = "one"
    polygon = [[0, 0], [1, 0], [1, 1]]
    [[cameras.a.gates]]
    name = "two"
    polygon = [[0, 0], [1, 0], [1, 1]]
    active_from = 2026-02-01T00:00:00+01:00
    dwell_mean_s = 95
    dwell_cv = 0.08
    [cameras.b]
    active_to = 2026-01-01T00:00:00Z
    """
    path.write_text(text)
    a, b = load_cameras(path).cameras
    assert [g.active_from_us for g in a.gates] == [
        T0_US,
        T0_US + (31 * 24 - 1) * HOUR_US,
    ]
    assert [g.dwell for g in a.gates] == [None, (95.0, 0.08)]
    assert b.gates[0].active_to_us == T0_US
    assert not is_valid(b.gates[0], T0_US, T0_US + HOUR_US)
    for wrong in (
        "active_from = 2026-01-01T00:00:00",
        "active_to = 2025-01-01T00:00:00Z",
    ):
        without = text.replace("active_from = 2026-02-01T00:00:00+01:00\n", "")
        path.write_text(without.replace("dwell_cv", f"{wrong}\n    dwell_cv"))
        with pytest.raises(ConfigError, match="active"):
            load_cameras(path)
