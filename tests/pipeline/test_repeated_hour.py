"""Which of the two autumn hours a file is of: by what it follows, then its time."""

import itertools
import os
from datetime import UTC, datetime
from fractions import Fraction

import pandas as pd
import pytest

from tests.conftest import write_clip
from tests.pipeline.red_box import write_red_model
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.repeated_hour import Undated, place_undated
from truckcount.pipeline.run import run_paths

S_US = 1_000_000
HOUR_US = 3600 * S_US
COPIED_S = 1_800_000_000  # the file time of a copy that kept none
ZONES = {
    # the night, the local hour that comes twice, and its first begin in UTC
    "America/New_York": ("20251102", 1, "2025-11-02T05:00:00+00:00"),
    "Europe/Berlin": ("20251026", 2, "2025-10-26T00:00:00+00:00"),
}


def undated(at_s, length_s=600, hinted=None):
    """A file ``at_s`` into the hour that begins at 0 and again at 3600 s."""
    first, second = at_s * S_US, (at_s + 3600) * S_US
    return Undated(
        moments=(first, second),
        length_us=length_s * S_US,
        slack_us=4 * S_US,
        hinted_us=None if hinted is None else (first, second)[hinted],
    )


def hours_of(placed):
    return {key: start // HOUR_US for key, start in placed.items()}


BEFORE = [(-600 * S_US, 0)]


@pytest.mark.parametrize(
    ("gap_s", "is_found"), [(0, True), (3.9, True), (-3.9, True), (5, False)]
)
def test_a_file_follows_another_up_to_a_rotation_gap(gap_s, is_found):
    held = [(-600 * S_US, round(-gap_s * S_US))]
    assert hours_of(place_undated({"a": undated(0)}, held)) == (
        {"a": 0} if is_found else {}
    )


@pytest.mark.parametrize("order", list(itertools.permutations("abc")))
def test_a_chain_leads_through_both_hours_in_any_order(order):
    """40 minutes each: 00:50, 01:30, then 01:10 and 01:50 of the second hour."""
    files = {"a": undated(1800, 2400), "b": undated(600, 2400), "c": undated(3000, 600)}
    held = [(-600 * S_US, 1800 * S_US)]
    placed = place_undated({key: files[key] for key in order}, held)
    assert hours_of(placed) == {"a": 0, "b": 1, "c": 1}


def test_two_that_follow_the_same_are_told_apart_by_their_times_or_not_at_all():
    assert place_undated({"a": undated(0), "b": undated(0)}, BEFORE) == {}
    told = {"b": undated(0, hinted=1), "a": undated(0, hinted=0)}
    assert hours_of(place_undated(told, BEFORE)) == {"a": 0, "b": 1}
    # of one alone the time tells: the other cannot be there, but where is it?
    assert hours_of(place_undated({"a": undated(0, hinted=0), "b": undated(0)}, BEFORE))
    # both copied an hour later: what they follow contradicts their times
    wrong = {"a": undated(0, hinted=1), "b": undated(0, hinted=1)}
    assert place_undated(wrong, BEFORE) == {}


def test_what_a_file_follows_goes_before_its_time():
    assert hours_of(place_undated({"a": undated(0, hinted=1)}, BEFORE)) == {"a": 0}
    assert hours_of(place_undated({"a": undated(0, hinted=1)}, [])) == {"a": 1}


def test_a_place_that_is_taken_is_nobody_elses():
    first_hour = [*BEFORE, (0, HOUR_US)]
    assert hours_of(place_undated({"b": undated(0)}, first_hour)) == {"b": 1}
    assert place_undated({"b": undated(0)}, [*BEFORE, (0, 1800 * S_US)]) == {}


def record(folder, zone, local, minutes, suffix=""):
    """A recording of a frame a minute, named in local time like a recorder does."""
    day, hour, _ = ZONES[zone]
    h, m = divmod(60 * hour + local, 60)
    path = folder / f"dock{suffix}_{day}_{h:02d}{m:02d}00.mp4"
    write_clip(
        path, minutes + 1, pts=lambda k: min(60 * k, 60 * minutes - 1),
        time_base=Fraction(1, 1),
        options={"bf": "0", "preset": "ultrafast"}, metadata={"comment": path.name},
    )  # fmt: skip
    os.utime(path, (COPIED_S, COPIED_S))
    return path


@pytest.fixture
def options(tmp_path, zone):
    cameras = tmp_path / "cameras.toml"
    cameras.write_text(f'[cameras.dock]\ntimezone = "{zone}"\nmatch = ["dock*.mp4"]\n')
    return RunOptions(
        store=tmp_path / "store", model=write_red_model(tmp_path), cameras=cameras
    )


def minutes_of(outcomes, zone):
    """Starts by path, in minutes after the first begin of the repeated hour."""
    begin = datetime.fromisoformat(ZONES[zone][2])
    return {
        o.path: (datetime.fromisoformat(o.start_utc).astimezone(UTC) - begin).seconds
        // 60
        for o in outcomes
        if o.start_utc is not None
    }


@pytest.mark.video
@pytest.mark.parametrize("zone", ZONES)
def test_hours_that_come_one_by_one_are_counted_each(tmp_path, options, zone):
    """Copies without file times, offered as they were recorded, as a watch does."""
    files = [
        record(tmp_path, zone, -10, 10),
        record(tmp_path, zone, 0, 60, "a"),
        record(tmp_path, zone, 0, 60, "b"),
        record(tmp_path, zone, 60, 5),
    ]
    outcomes = [run_paths([str(f)], options).file_outcomes[0] for f in files]
    assert [o.status for o in outcomes] == ["done"] * 4, [o.error for o in outcomes]
    found = minutes_of(outcomes[1:], zone)
    assert list(found.values()) == [0, 60, 120]
    hours = pd.read_parquet(options.store / "hours").sort_values("hour_start_utc")
    twice = hours[hours["local_start"].duplicated(keep=False)]
    assert twice["utc_offset_min"].diff().tolist()[1:] == [-60]
    # a frame a minute shows no truck that passes; both hours are there all the same
    decoded_s = twice["coverage_s"] + twice["unusable_s"]
    assert decoded_s.tolist() == pytest.approx([3600, 3600], abs=130)
    # a run that knows them moves none, whatever their times say by now
    begin_s = datetime.fromisoformat(ZONES[zone][2]).timestamp()
    for file in files[1:3]:
        os.utime(file, (begin_s + 3600,) * 2)
    again = run_paths([str(f) for f in files], options)
    assert {o.status for o in again.file_outcomes} == {"reused"}
    assert minutes_of(again.file_outcomes[1:], zone) == found


@pytest.mark.video
@pytest.mark.parametrize("zone", ZONES)
def test_an_archive_is_dated_in_one_run(tmp_path, options, zone):
    """Cut every 40 minutes, so that no name comes twice."""
    files = {
        record(tmp_path, zone, local, 40): start
        for local, start in [(-10, -10), (30, 30), (10, 70), (50, 110), (90, 150)]
    }
    result = run_paths(sorted(str(f) for f in files), options)
    assert {o.status for o in result.file_outcomes} == {"done"}
    assert minutes_of(result.file_outcomes, zone) == {
        str(f): start % 1440 for f, start in files.items()
    }


@pytest.mark.video
@pytest.mark.parametrize("zone", ZONES)
def test_what_nothing_tells_is_not_counted_and_its_neighbours_are(
    tmp_path, options, zone
):
    files = [
        record(tmp_path, zone, -10, 10),
        record(tmp_path, zone, 0, 60, "a"),
        record(tmp_path, zone, 0, 60, "b"),
    ]
    result = run_paths([str(f) for f in files], options)
    statuses = {o.path: o.status for o in result.file_outcomes}
    assert list(statuses.values()) == ["done", "ambiguous_time", "ambiguous_time"]
    hours = pd.read_parquet(options.store / "hours")
    begin = pd.Timestamp(ZONES[zone][2])
    assert (hours.loc[hours["hour_start_utc"] >= begin, "coverage_s"] == 0).all()
    # the same two with the file times they had
    for k, file in enumerate(files[1:], 1):
        os.utime(file, (begin.timestamp() + 3600 * k,) * 2)
    result = run_paths([str(f) for f in files], options)
    assert list(minutes_of(result.file_outcomes, zone).values())[1:] == [0, 60]
