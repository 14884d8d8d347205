"""What an hour was watched with decides what can be said of it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.counting.simulate import T0_US, film, scores_of, through
from tests.pipeline.pieces import CAMERA, HOUR_US, NOW_US, S_US, ingest, piece
from truckcount.store import Store
from truckcount.store.check import check_store

BOX = (0.5, 0.5, 0.16, 0.14, 0.9)
GATE = replace(CAMERA.gates[0], in_vector=None, dwell=(95.0, 0.08))
PLAIN = replace(CAMERA, gates=(GATE,))


def hours_of(root, files, camera=PLAIN, groups=1):
    store = Store.open(root)
    ingest(store, np.array_split(np.array(files, object), groups), camera=camera)
    assert check_store(root) == []
    return pd.read_parquet(root / "hours")


def stills(name, pictures, first_s=0, pace_s=60):
    times = [T0_US + round((first_s + pace_s * k) * S_US) for k in range(len(pictures))]
    one = piece(name, scores_of(pictures, times))
    length_s = float(pace_s * len(pictures))
    record = replace(
        one.record,
        source_kind="stills",
        n_samples=len(pictures),
        duration_s=length_s,
        end_us=times[0] + round(length_s * S_US),
    )
    return replace(one, record=record)


def test_a_folder_of_stills_is_no_video_that_saw_no_truck(tmp_path):
    """Its camera is not configured for stills: the pace tells."""
    pictures = [[BOX] if k % 3 == 0 else [] for k in range(60)]
    (hour,) = hours_of(tmp_path, [stills("a", pictures)]).to_dict("records")
    assert hour["source_kind"] == "stills"
    assert pd.isna(hour["n_trucks"])
    assert hour["coverage_s"] == 0
    assert hour["n_trucks_est"] == pytest.approx(3600 / 3 / 95)


@pytest.mark.parametrize(
    ("pace_s", "kind"), [(1.0, "video"), (1.1, "stills"), (1.9, "stills")]
)
def test_pictures_that_lose_every_truck_between_them_are_stills(tmp_path, pace_s, kind):
    """A truck that drives is lost after ``fill_s``, sooner than coverage ends."""
    pictures = [[BOX] if k % 3 == 0 else [] for k in range(600)]
    (hour,) = hours_of(tmp_path, [stills("a", pictures, pace_s=pace_s)]).to_dict(
        "records"
    )
    assert hour["source_kind"] == kind
    assert pd.isna(hour["n_trucks"]) == (kind == "stills")


@pytest.mark.parametrize("groups", [1, 2])
def test_a_parked_truck_is_left_out_whatever_the_folders(tmp_path, groups):
    """It stands from 0:50 to 1:10 and no folder or hour shows ten dwells of it."""
    early = [[BOX] if k >= 50 else [] for k in range(60)]
    late = [[BOX] if k < 10 else [] for k in range(60)]
    files = [stills("a", early), stills("b", late, first_s=3600)]
    hours = hours_of(tmp_path, files, groups=groups)
    assert hours["occupancy_mean"].tolist() == [0, 0]


def test_clips_on_a_cycle_estimate_their_hour(tmp_path):
    camera = replace(PLAIN, source_kind="duty")
    files = []
    for k in range(20):
        scene = film([through(2)] if k % 4 == 0 else [], 12, seed=k)
        files.append(piece(f"c{k:02d}", scene, shift_us=k * 180 * S_US))
    (hour,) = hours_of(tmp_path, files, camera).to_dict("records")
    assert hour["source_kind"] == "duty"
    assert hour["n_trucks"] == 5
    assert hour["coverage_s"] == pytest.approx(240, abs=1)
    exposure_s = 20 * (12 - 0.2 - 0.3)
    assert hour["n_trucks_est"] == pytest.approx(5 * 3600 / exposure_s, rel=0.02)
    assert 20 < hour["n_trucks_se"] < 50
    assert NOW_US > T0_US + HOUR_US
