"""Raw tables: filters go down to the files."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.features.fill import T0, hours_frame, revision, utc, write_store
from tests.store.fill import STAMP, T0_US, hour, passage, segment
from truckcount.domain.scores import PEAK_DTYPE, Scores
from truckcount.errors import FeatureError
from truckcount.features import (
    load_bins,
    load_calibrations,
    load_passages,
    load_scores,
    load_segments,
)
from truckcount.store import Store

HOUR_US = 3_600_000_000


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "store")
    store.write_passages(
        "cam", "exit", [passage(t) for t in (10, 20, 4000)],
        (T0_US, T0_US + 2 * HOUR_US), model_id="m", config_hash="c0", now_us=T0_US,
    )  # fmt: skip
    store.write_segment("cam", segment(known_at_us=T0_US))
    store.write_segment(
        "cam", segment(segment_id="f" * 16, path="/v/b.mp4", start_us=None, end_us=None,
                       winner_intervals=(), status="corrupt", known_at_us=T0_US),
    )  # fmt: skip
    rows = [hour(k, bin_minutes=15) for k in range(3)]
    store.write_hours(STAMP, rows, T0_US + 4 * HOUR_US)
    n = 5
    scores = Scores(
        t_us=T0_US + 200_000 * np.arange(n, dtype=np.int64),
        segment=np.zeros(n, np.int32),
        segment_ids=("s",),
        score_u8=np.full(n, 9, np.uint8),
        quality_flags=np.zeros(n, np.int32),
        peak_start=np.zeros(n + 1, np.int64),
        peaks=np.zeros(0, PEAK_DTYPE),
    )
    store.write_scores("cam", {"exit": scores}, "h")
    return store.root


def test_passages_are_those_with_onset_between(store):
    assert len(load_passages(store, "cam")) == 3
    first = load_passages(store, "cam", end="2026-01-01T01:00Z", columns=["gate"])
    assert first.columns.tolist() == ["gate"]
    assert len(first) == 2
    assert len(load_passages(store, "cam", "2026-02-01")) == 0


def test_segments_without_a_start_come_without_bounds_only(store):
    assert load_segments(store, "cam")["status"].tolist() == ["done", "corrupt"]
    within = load_segments(store, "cam", "2026-01-01", "2026-01-02")
    assert within["status"].tolist() == ["done"]


def test_scores_are_read_of_their_days(store):
    assert len(load_scores(store, "cam")) == 5
    assert len(load_scores(store, "cam", end=utc("2026-01-01 00:00"))) == 0
    part = load_scores(store, "cam", "2026-01-01", columns=["score_u8"])
    assert part["score_u8"].tolist() == [9] * 5


def test_bins_are_read_of_their_width(store):
    assert len(load_bins(store, "cam", 15)) == 3
    with pytest.raises(FeatureError, match="bin_minutes"):
        load_bins(store, "cam", 60)
    with pytest.raises(FeatureError, match=r"`truckcount recount .* --bins 5`"):
        load_bins(store, "cam", 5)


def test_what_is_not_there_is_said(store):
    with pytest.raises(FeatureError, match=r"no passages of camera 'com'.*cam"):
        load_passages(store, "com")
    with pytest.raises(FeatureError, match="no column 'onset'"):
        load_passages(store, "cam", columns=["onset"])


def test_calibrations_are_those_known_by_then(tmp_path):
    store = write_store(tmp_path, [revision()])
    assert len(load_calibrations(store)) == 0
    known = [utc("2026-01-05 00:00"), utc("2026-02-05 00:00")]
    path = store / "calibrations" / "dc-01" / "all.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(
        pa.table(
            {
                "calibration_id": ["a", "b"],
                "factor": [1.1, 1.2],
                "known_at_utc": pa.array(known, pa.timestamp("us", "UTC")),
            }
        ),
        path,
    )
    assert load_calibrations(store)["calibration_id"].tolist() == ["a", "b"]
    then = load_calibrations(store, "2026-01-31T00:00Z")
    assert then["calibration_id"].tolist() == ["a"]


def test_a_column_that_an_old_file_lacks_is_null(tmp_path):
    store = write_store(tmp_path, [revision(T0), revision(utc("2026-02-01 00:00"))])
    old = store / "hours" / "dc-01" / "2026-01.parquet"
    pq.write_table(pq.read_table(old).drop_columns(["occupancy_mean"]), old)
    from truckcount.features import load_hours

    hours = load_hours(store, on_missing="ignore")
    assert hours["occupancy_mean"].isna().tolist() == [True, False]
    assert isinstance(hours["n_trucks"].dtype, pd.Int32Dtype)
    assert len(hours_frame("2026-01-05", [1])) == 1
