"""The drawn camera of the benchmarks: its labels are what was drawn."""

import numpy as np
import pandas as pd
import pytest

from benchmarks.toll_camera import label_gate
from benchmarks.toy_camera import (
    MIN_VISIBLE,
    covered_share,
    draw_frame,
    make_day,
    visible_share,
    write_set,
)
from benchmarks.toy_vehicles import TRUCK_KINDS


@pytest.fixture(scope="module")
def frames():
    day = make_day(1, 0)
    return [draw_frame(1, day, k, 8) for k in range(8)]


def test_the_same_frame_is_drawn_twice_alike(frames):
    again = draw_frame(1, make_day(1, 0), 3, 8)
    assert np.array_equal(again.image, frames[3].image)
    assert again.boxes == frames[3].boxes


def test_a_day_goes_through_the_hours(frames):
    hours = [f.moment.hour for f in frames]
    assert hours == sorted(hours)
    lights = {f.light.name for f in frames}
    assert {"night", "day"} <= lights
    by_light = {f.light.name: f.image.mean() for f in frames}
    assert by_light["night"] < by_light["day"]


def test_labels_are_the_boxes_kinds(frames):
    for frame in frames:
        assert frame.image.shape == (335, 335, 3)
        assert frame.has_truck == any(k in TRUCK_KINDS for k, _ in frame.boxes)
    assert {f.has_truck for f in frames} == {True, False}


def test_shares_of_boxes_are_areas():
    box = np.array([-50.0, 0, 50, 100])
    assert visible_share(box) == 0.5
    assert visible_share(np.array([400.0, 0, 500, 100])) == 0
    assert covered_share(box, [np.array([0.0, 50, 100, 150])]) == 0.25
    assert covered_share(box, []) == 0
    assert 0 < MIN_VISIBLE < 1


def test_a_set_is_split_by_day(tmp_path):
    write_set(tmp_path, n_days=3, frames_a_day=2, seed=1)
    table = pd.read_parquet(tmp_path / "frames.parquet").merge(
        pd.read_parquet(tmp_path / "splits.parquet"), on="image"
    )
    assert table.groupby("day")["split"].nunique().max() == 1
    assert set(table["split"]) == {"train", "validation", "test"}
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "frames").iterdir()}
    write_set(tmp_path, n_days=3, frames_a_day=2, seed=1)
    after = {p: p.stat().st_mtime_ns for p in (tmp_path / "frames").iterdir()}
    assert before == after


@pytest.mark.parametrize(
    ("boxes", "want"),
    [
        ([], "no_truck"),
        ([(10, 10, 20, 20)], "truck"),
        ([(200, 200, 220, 220)], "no_truck"),
        ([(90, 10, 110, 20)], None),
        ([(90, 10, 110, 20), (10, 10, 20, 20)], "truck"),
        ([(99, 10, 149, 20)], "no_truck"),
    ],
    ids=["none", "inside", "outside", "half", "half and inside", "a sliver"],
)
def test_a_gate_view_is_labelled_only_where_it_can_be(boxes, want):
    gate = (0, 0, 100, 100)
    assert label_gate(np.array(boxes, float).reshape(-1, 4), gate) == want
