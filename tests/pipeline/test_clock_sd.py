"""How far clocks are off, from files to hours; and when that keeps hours open."""

import os
from dataclasses import replace

import numpy as np
import pytest

from tests.conftest import write_clip
from tests.counting.simulate import T0_US, film
from tests.pipeline.pieces import HOUR_US, cut, piece
from tests.pipeline.red_box import write_red_model
from tests.pitfalls.scenes import publish, read
from truckcount.errors import ConfigError
from truckcount.pipeline.cameras import load_cameras
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths
from truckcount.store import Store
from truckcount.store.check import check_store

SOON_US = T0_US + 2 * HOUR_US
LATE_US = T0_US + 74 * HOUR_US


def dated(one, sd_s, offset_s=0.0):
    """The same file with another clock."""
    record = replace(one.record, clock_sd_s=sd_s, clock_offset_s=offset_s)
    return replace(one, record=record)


@pytest.mark.parametrize(
    ("sd_s", "is_final"), [(1.0, True), (300.0, True), (300.5, False), (600.0, False)]
)
def test_an_hour_of_a_guessed_clock_is_not_final_before_72_hours(
    tmp_path, sd_s, is_final
):
    whole = dated(piece("a", film([], 3600)), sd_s)
    store = publish(tmp_path, [whole], now_us=SOON_US)
    (hour,) = read(store).to_dict("records")
    assert hour["coverage_s"] == pytest.approx(3600, abs=1)
    assert (hour["clock_sd_s"], hour["is_final"]) == (sd_s, is_final)
    store.finalise_hours("dc-north", LATE_US - 3 * HOUR_US)
    assert read(store)["is_final"].tolist() == [is_final]
    store.finalise_hours("dc-north", LATE_US)
    assert read(store)["is_final"].tolist() == [True]


@pytest.mark.parametrize("bins", [5, 15, 30])
def test_bins_are_final_once_they_are_72_hours_old(tmp_path, bins):
    """Of a guessed clock, or never watched at all."""
    files = [dated(piece(n, film([], 600), shift_us=k), 600.0)
             for n, k in (("a", 0), ("b", 2 * HOUR_US))]  # fmt: skip
    options = RunOptions(bins=bins)
    store = publish(tmp_path, files, now_us=SOON_US + 2 * HOUR_US, options=options)
    table = f"bins_{bins:02d}"
    before = read(store, table)
    assert not before["is_final"].any()
    edge_us = T0_US + bins * 60_000_000 + 72 * HOUR_US  # the first bin's
    store.finalise_hours("dc-north", edge_us - 1)
    assert read(store, table).equals(before)
    store.finalise_hours("dc-north", edge_us)
    first = before["bin_start_utc"] == before["bin_start_utc"].min()
    after = read(store, table)
    assert after["is_final"].tolist() == first.tolist()
    stamps = ["is_final", "is_backfill", "revision", "known_at_utc"]
    assert after.drop(columns=stamps).equals(before.drop(columns=stamps))
    store.finalise_hours("dc-north", LATE_US + 2 * HOUR_US)
    assert read(store, table)["is_final"].all()
    assert set(read(store, table)["revision"]) == {2}
    assert check_store(tmp_path) == []


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
@pytest.mark.parametrize(("worst_s", "is_final"), [(1797.0, False), (1193.0, True)])
def test_an_hours_clock_is_the_mean_of_its_files_by_their_seconds(
    tmp_path, order, worst_s, is_final
):
    """45 minutes of 1 s and 15 of a guess: 450 s and 299 s."""
    sure, guess = cut(film([], 3600), [0, 45 * 60 * 5, 3600 * 5])
    files = [dated(sure, 1.0, -40.0), dated(guess, worst_s, 0.0)]
    store = publish(tmp_path, *([files[k]] for k in order), now_us=SOON_US)
    (hour,) = read(store).to_dict("records")
    assert hour["clock_sd_s"] == pytest.approx((3 + worst_s) / 4, abs=0.1)
    assert hour["clock_offset_s"] == pytest.approx(-30.0, abs=0.01)
    assert hour["is_final"] == is_final


def test_hours_nobody_watched_lean_on_no_clock(tmp_path):
    files = [
        dated(piece("a", film([], 60)), 600.0),
        dated(piece("b", film([], 60), shift_us=2 * HOUR_US), 5.0),
    ]
    hours = read(publish(tmp_path, files)).sort_values("hour_start_utc")
    assert hours["n_trucks"].isna().tolist() == [False, True, False]
    assert hours["clock_sd_s"].tolist() == [600.0, 0.0, 5.0]


@pytest.mark.video
@pytest.mark.parametrize(
    ("name", "source", "sd_s"),
    [
        ("clip.mp4", "mtime", 600.0),
        ("cam_20260302_0800.mp4", "filename", 30.0),
        ("cam_20260302_080000.mp4", "filename", 1.0),
    ],
)
def test_a_files_clock_reaches_its_hour(tmp_path, name, source, sd_s):
    clip = write_clip(tmp_path / name, 50)
    os.utime(clip, (1_700_000_000, 1_700_000_000))
    options = RunOptions(store=tmp_path / "store", model=write_red_model(tmp_path))
    run_paths([str(clip)], options)
    (segment,) = read(Store.open(options.store), "segments").to_dict("records")
    assert (segment["start_source"], segment["clock_sd_s"]) == (source, sd_s)
    hours = read(Store.open(options.store))
    assert np.array_equal(hours["clock_sd_s"].unique(), [sd_s])


@pytest.mark.parametrize(
    ("checked", "sd_s"),
    [("2026-02-20", 10.333), ("2026-03-02T08:00:00Z", 1.0), ("2025-03-02", 365.333)],
)
def test_a_recorders_clock_drifts_from_its_check(tmp_path, checked, sd_s):
    """A second a day (features.md 4.7); a name's own second is the least."""
    clip = write_clip(tmp_path / "cam_20260302_080000.mp4", 50)
    cameras = tmp_path / "cameras.toml"
    cameras.write_text(f'[cameras.cam]\nmatch = ["cam_*"]\nclock_checked = {checked}\n')
    options = RunOptions(
        store=tmp_path / "store", model=write_red_model(tmp_path), cameras=cameras
    )
    run_paths([str(clip)], options)
    (segment,) = read(Store.open(options.store), "segments").to_dict("records")
    assert segment["clock_sd_s"] == sd_s


def test_a_check_needs_a_zone_or_is_a_day(tmp_path):
    cameras = tmp_path / "cameras.toml"
    cameras.write_text("[cameras.cam]\nclock_checked = 2026-03-02T08:00:00\n")
    with pytest.raises(ConfigError, match="has no zone"):
        load_cameras(cameras)
