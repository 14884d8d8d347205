"""Counting faults that users of other tools report, each with the right count."""

import copy

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.counting.simulate import (
    GATE,
    STEP_US,
    T0_US,
    Truck,
    film,
    scores_of,
    through,
)
from truckcount.counting import (
    CountingOptions,
    GateCounter,
    count_hours,
    count_passages,
    measure_coverage,
)
from truckcount.domain.camera import Gate
from truckcount.domain.scores import select_scores

OPTIONS = CountingOptions()
HOUR_US = 3_600_000_000
NOTHING = [[]] * 20  # four quiet seconds


def counted(scores, gate=GATE):
    return [p for p in count_passages(scores, gate, OPTIONS) if p.is_counted]


def directions(scores, gate=GATE):
    return [p.direction for p in counted(scores, gate)]


def onsets_s(passages):
    return [(p.onset_us - T0_US) / 1e6 for p in passages]


def without(scores, start_s, stop_s, truck_x):
    """Lose the peaks at one place for some seconds; the samples stay."""
    t_s = (scores.t_us - T0_US) / 1e6
    is_lost = np.repeat((t_s >= start_s) & (t_s < stop_s), np.diff(scores.peak_start))
    at = np.abs(scores.peaks["x"] / 65535 - truck_x) < 0.02
    scores.peaks["p"][is_lost & at] = 0
    return scores


# -- flicker: supervision #2598, PR #1540 ------------------------------------------


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("low", [0.0, 0.1, 0.2, 0.31, 0.45])
@pytest.mark.parametrize("period", [2, 3])
def test_supervision_2598_flicker_is_not_a_crossing_the_other_way(low, period, sign):
    rows = []
    for k in range(50):
        x = -0.1 + k * 0.025 if sign > 0 else 1.1 - k * 0.025
        rows.append([(x, 0.5, 0.16, 0.14, low if k % period else 0.85)])
    way = "in" if sign > 0 else "out"
    # what is seen low most of the time is a van; what is not seen is only missed
    n_low = (period - 1) * (low >= OPTIONS.peak_floor)
    is_truck = (0.85 + low * n_low) / (1 + n_low) > OPTIONS.track_score
    assert directions(scores_of(rows)) == ([way] if is_truck else [])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 999), st.sampled_from([1, -1]))
def test_supervision_1540_a_truck_on_the_gates_edge_is_at_most_one(seed, sign):
    """It stands on the line with its box wandering in and out, then drives on."""
    edge, far = (0.2, 1.1) if sign > 0 else (0.8, -0.1)
    start = -0.1 if sign > 0 else 1.1
    keys = ((1, start, 0.5), (4, edge, 0.5), (24, edge, 0.5), (28, far, 0.5))
    found = directions(film([Truck(keys=keys)], 32, seed=seed, noise=0.05))
    assert found == ["in" if sign > 0 else "out"]


# -- fast: Ultralytics PR #25492 ---------------------------------------------------


@pytest.mark.parametrize("seconds", [3.0, 2.0, 1.5, 1.2, 1.0, 0.9])
@pytest.mark.parametrize("phase_s", [0.0, 0.05, 0.1, 0.15])
@pytest.mark.parametrize("width", [0.6, 0.06], ids=["wide gate", "narrow gate"])
def test_ultralytics_25492_fast_trucks_do_not_jump_the_gate(seconds, phase_s, width):
    """At 0.9 s a truck is 1.6 of its lengths farther on in each sample."""
    low, high = 0.5 - width / 2, 0.5 + width / 2
    polygon = ((low, 0.2), (high, 0.2), (high, 0.8), (low, 0.8))
    gate = Gate(name="g", polygon=polygon, in_vector=(1.0, 0.0))
    fast = [
        through(2 + phase_s, seconds=seconds),
        through(8 + phase_s, seconds=seconds, sign=-1),
    ]
    assert directions(film(fast, 14), gate) == ["in", "out"]


# -- twice: Ultralytics #9998, OTAnalytics #351 ------------------------------------


def test_ultralytics_9998_one_crossing_adds_one_to_the_hour():
    scores = film([through(10), through(30, sign=-1), through(50)], 60)
    rows = count_hours(
        count_passages(scores, GATE, OPTIONS),
        measure_coverage(scores, OPTIONS),
        GATE, from_us=T0_US, to_us=T0_US + HOUR_US,
    )  # fmt: skip
    assert {r.direction: r.n_trucks for r in rows} == {"in": 2, "out": 1, "unknown": 0}
    assert len({(r.bin_start_us, r.direction) for r in rows}) == len(rows)


def test_ultralytics_9998_peaks_that_lie_on_each_other_are_one_truck():
    truck = through(2)
    rows = [[b, b] for b in (truck.at(k * 0.2) for k in range(40)) if b]
    assert directions(scores_of(NOTHING + rows + NOTHING)) == ["in"]


# -- one name for two: supervision #2578 -------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("apart", [0.0, 0.04], ids=["on one line", "half a box apart"])
@pytest.mark.parametrize("seconds", [2.0, 4.0, 8.0])
def test_supervision_2578_trucks_that_cross_paths_keep_their_own(seed, apart, seconds):
    meeting = [
        through(2, 0.45, seconds=seconds),
        through(2, 0.45 + apart, seconds=seconds, sign=-1),
    ]
    assert sorted(directions(film(meeting, 14, seed=seed))) == ["in", "out"]


def test_supervision_2578_one_truck_hides_the_other_while_they_pass():
    near, far, rows = through(2, 0.47), through(2, 0.45, sign=-1), []
    for k in range(70):
        boxes = [b for b in (near.at(k * 0.2), far.at(k * 0.2)) if b]
        if len(boxes) == 2 and abs(boxes[0][0] - boxes[1][0]) < 0.12:
            boxes = boxes[:1]
        rows.append(boxes)
    assert sorted(directions(scores_of(rows))) == ["in", "out"]


def test_supervision_2578_trucks_alike_in_all_are_as_many_as_they_are():
    """Same size, score and speed at the same moments: three lanes."""
    lanes = [through(2, y, size=(0.16, 0.1)) for y in (0.3, 0.5, 0.7)]
    assert directions(film(lanes, 10, noise=0)) == ["in"] * 3


# -- parked: Frigate #195, #2842, #4976, #2921 -------------------------------------

PARKED = Truck(keys=((0, 0.4, 0.6), (200, 0.4, 0.6)))
ARRIVES = Truck(keys=((1, -0.1, 0.6), (4, 0.4, 0.6), (200, 0.4, 0.6)))


@pytest.mark.parametrize("lost_s", [0.6, 2, 5, 10, 20, 29])
@pytest.mark.parametrize("who", ["there before", "arrived"])
def test_frigate_195_headlights_do_not_make_a_new_truck(lost_s, who):
    truck = PARKED if who == "there before" else ARRIVES
    scores = film([truck], 120)
    for start in (20, 60):
        scores = without(scores, start, start + lost_s, 0.4)
    want = [] if who == "there before" else ["in"]
    assert directions(scores) == want


@pytest.mark.parametrize("glimpse_s", [22.2, 23.4, 30.0])
def test_frigate_195_a_glimpse_of_a_hidden_truck_does_not_make_it_new(glimpse_s):
    """Something stops before a parked truck, which then comes out part by part."""
    rows = []
    for k in range(300):
        t_s = k * 0.2
        is_hidden = 20 < t_s < 40 and abs(t_s - glimpse_s) > 0.05
        apart = 0.08 * max(0.0, 1 - (t_s - 40) / 2) if t_s >= 40 else 0.0
        rows.append([] if is_hidden else [(0.4 + apart, 0.6, 0.16, 0.14, 0.8)])
    assert directions(scores_of(rows)) == []


@pytest.mark.parametrize("t_s", [31, 36, 41, 47])
@pytest.mark.parametrize("y", [0.35, 0.45, 0.6])
@pytest.mark.parametrize(("sign", "way"), [(1, "in"), (-1, "out")])
def test_frigate_4976_a_passing_truck_is_not_taken_for_a_hidden_one(t_s, y, sign, way):
    """The parked truck is unseen from 30 to 52 s; another drives by meanwhile."""
    for parked, more in ((PARKED, []), (ARRIVES, ["in"])):
        scores = film([parked, through(t_s, y, sign=sign)], 80)
        found = counted(without(scores, 30, 52, 0.4))
        assert [p.direction for p in found] == [*more, way]
        assert onsets_s(found)[-1] == pytest.approx(t_s + 1, abs=0.41)


def test_frigate_195_a_truck_hidden_as_it_sets_off_is_still_one():
    keys = ((1, -0.1, 0.6), (4, 0.4, 0.6), (40, 0.4, 0.6), (43, 1.1, 0.6))
    rows = []
    for k in range(300):
        box = Truck(keys=keys).at(k * 0.2)
        is_hidden = 39 < k * 0.2 < 41.2
        rows.append([box] if box and not is_hidden else [])
    assert directions(scores_of(rows)) == ["in"]


@pytest.mark.parametrize("hours", [0.25, 2])
def test_frigate_2921_a_truck_may_wait_for_hours(hours):
    stop = 4 + 3600 * hours
    keys = ((1, -0.1, 0.5), (4, 0.5, 0.5), (stop, 0.5, 0.5), (stop + 3, 1.1, 0.5))
    scores = film([Truck(keys=keys)], stop + 10)
    (passage,) = counted(scores)
    assert passage.direction == "in"
    assert onsets_s([passage]) == pytest.approx([2.5], abs=0.41)
    assert passage.dwell_s == pytest.approx(3600 * hours + 3, abs=1)


def test_opendatacam_140_a_queue_outside_the_gate_has_not_entered_it():
    """What is forgotten of a wait is not the moment the gate was entered."""
    keys = ((1, -0.1, 0.5), (2, 0.1, 0.5), (62, 0.1, 0.5), (64, 0.5, 0.5),
            (124, 0.5, 0.5), (126, 1.1, 0.5))  # fmt: skip
    (passage,) = counted(film([Truck(keys=keys)], 130))
    assert onsets_s([passage]) == pytest.approx([62.5], abs=0.41)
    assert passage.offset_us - T0_US == pytest.approx(125e6, abs=5e5)


def test_supervision_1855_a_truck_gone_is_gone():
    keys = ((1, -0.1, 0.5), (3, 0.5, 0.5), (5, 0.9, 0.5), (65, 0.9, 0.5))
    (passage,) = counted(film([Truck(keys=keys)], 70))
    assert passage.dwell_s == pytest.approx(3, abs=1), "it stands beside the gate now"


# -- the polygon's shape: Ultralytics #25103 ---------------------------------------

RECTANGLE = ((0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7))
SHAPES = {
    "reversed": RECTANGLE[::-1],
    "from another corner": RECTANGLE[2:] + RECTANGLE[:2],
    "points on its sides": (
        (0.3, 0.3), (0.5, 0.3), (0.6, 0.3), (0.7, 0.3), (0.7, 0.5), (0.7, 0.7),
        (0.5, 0.7), (0.3, 0.7), (0.3, 0.4),
    ),
    "a notch where nobody drives": (
        (0.3, 0.3), (0.48, 0.3), (0.5, 0.34), (0.52, 0.3), (0.7, 0.3), (0.7, 0.7),
        (0.3, 0.7),
    ),
}  # fmt: skip
TRAFFIC = [
    through(1), through(8, 0.62, sign=-1), through(14, 0.4),
    Truck(keys=((20, -0.1, 0.5), (22, 0.5, 0.5), (40, 0.5, 0.5), (43, -0.1, 0.5))),
]  # fmt: skip


def gate_of(polygon, in_vector=(1.0, 0.0)):
    return Gate(name="g", polygon=polygon, in_vector=in_vector)


@pytest.mark.parametrize("shape", SHAPES)
def test_ultralytics_25103_one_region_counts_alike_however_drawn(shape):
    scores = film(TRAFFIC, 50, miss=0.1)
    want = count_passages(scores, gate_of(RECTANGLE), OPTIONS)
    assert count_passages(scores, gate_of(SHAPES[shape]), OPTIONS) == want
    assert [p.direction for p in want] == ["in", "out", "in", "in", "out"]


@pytest.mark.parametrize(
    "polygon",
    [
        ((0.2, 0.1), (0.8, 0.1), (0.8, 0.9), (0.2, 0.9)),
        ((0.5, 0.1), (0.8, 0.5), (0.5, 0.9), (0.2, 0.5)),
        ((0.25, 0.2), (0.75, 0.3), (0.6, 0.8), (0.35, 0.75)),
        ((0.2, 0.2), (0.5, 0.3), (0.8, 0.2), (0.7, 0.8), (0.5, 0.7), (0.3, 0.8)),
        ((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.55, 0.8), (0.55, 0.3), (0.45, 0.3),
         (0.45, 0.8), (0.2, 0.8)),
    ],
    ids=["wide", "diamond", "skew", "hourglass", "a U that is crossed twice"],
)  # fmt: skip
def test_ultralytics_25103_other_regions_of_the_road_tell_the_same_ways(polygon):
    traffic = [through(1, 0.5), through(8, 0.55, sign=-1), through(14, 0.45)]
    assert directions(film(traffic, 20), gate_of(polygon)) == ["in", "out", "in"]


def test_ultralytics_25103_turning_the_vector_turns_the_directions():
    scores = film(TRAFFIC, 50)
    swap = {"in": "out", "out": "in"}
    there = directions(scores, gate_of(RECTANGLE))
    back = directions(scores, gate_of(RECTANGLE, (-1.0, 0.0)))
    assert back == [swap[d] for d in there]
    assert directions(scores, gate_of(RECTANGLE, None)) == ["any"] * len(there)


# -- file boundaries: OTVision #532, #529, Ultralytics #1715 -----------------------


@pytest.mark.parametrize("cut", range(0, 45, 3))
def test_otvision_532_a_file_boundary_is_no_event(cut):
    """Cut anywhere, the last gap as long as two ticks: one truck, one onset."""
    scores = film([through(2, seconds=6)], 9)
    counter = GateCounter(GATE, OPTIONS)
    found = counter.process(scores[:cut])
    keep = np.arange(len(scores)) > cut
    found += copy.deepcopy(counter).process(select_scores(scores, keep))
    lost_one = [p for p in found if p.is_counted]
    assert [p.direction for p in lost_one] == ["in"]
    assert onsets_s(lost_one) == pytest.approx([3.6], abs=0.41)


def test_otvision_532_the_hour_does_not_cut_a_truck_in_two():
    """It enters at 59:58 and leaves at 00:04; the files change on the hour."""
    start_us = T0_US + HOUR_US - 10_000_000
    scores = film([Truck(keys=((7, -0.1, 0.5), (14, 1.1, 0.5)))], 20)
    scores.t_us[:] = start_us + STEP_US * np.arange(len(scores))
    counter = GateCounter(GATE, OPTIONS)
    found = counter.process(scores[:50])
    assert found == [], "the state goes over to the next file"
    found += counter.process(scores[50:]) + counter.finish()
    rows = count_hours(
        found, measure_coverage(scores, OPTIONS), GATE,
        from_us=T0_US, to_us=T0_US + 2 * HOUR_US,
    )  # fmt: skip
    first, second = (
        [r.n_trucks for r in rows if r.bin_start_us == T0_US + k * HOUR_US]
        for k in (0, 1)
    )
    assert (first, second) == ([1, 0, 0], [0, 0, 0]), "the onset decides"
    assert any(r.busy_s > 0 for r in rows if r.bin_start_us == T0_US + HOUR_US)


# -- large boxes: OpenDataCam #166, supervision #1838, #1728 -----------------------


def cut_by_the_frame(truck, t_s):
    """Its box as far as it is in the picture, as a detector gives it."""
    box = truck.at(t_s)
    if box is None:
        return []
    x, y, w, h, p = box
    left, right = max(x - w / 2, 0.0), min(x + w / 2, 1.0)
    seen = right - left
    return [((left + right) / 2, y, seen, h, p)] if seen > 0.03 else []


@pytest.mark.parametrize("width", [0.1, 0.2, 0.4])
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("sign", [1, -1])
def test_supervision_1838_a_gate_at_the_frames_edge_counts(width, side, sign):
    low, high = (0.0, width) if side == "left" else (1 - width, 1.0)
    gate = gate_of(((low, 0.2), (high, 0.2), (high, 0.8), (low, 0.8)))
    a, b = (-0.4, 1.4) if sign > 0 else (1.4, -0.4)
    long = Truck(keys=((1, a, 0.5), (6, b, 0.5)), size=(0.5, 0.3))
    rows = [cut_by_the_frame(long, k * 0.2) for k in range(45)]
    assert directions(scores_of(rows), gate) == ["in" if sign > 0 else "out"]


def test_opendatacam_166_a_large_box_crosses_no_later_than_a_small_one():
    sizes = [(0.08, 0.07), (0.3, 0.2), (0.6, 0.4)]
    found = [counted(film([through(2, size=s)], 10, noise=0)) for s in sizes]
    assert [len(f) for f in found] == [1, 1, 1]
    assert len({f[0].onset_us for f in found}) == 1


def test_a_long_truck_with_several_peaks_is_one():
    """Cab, box and tail of a road train each give a peak."""
    rows = []
    for k in range(45):
        x = -0.3 + k * 0.04
        rows.append([
            (x, 0.5, 0.5, 0.16, 0.9),
            (x + 0.18, 0.5, 0.14, 0.15, 0.6),
            (x - 0.17, 0.5, 0.16, 0.15, 0.55),
        ])  # fmt: skip
    assert directions(scores_of(rows)) == ["in"]


def test_nose_to_tail_and_abreast_are_as_many_as_they_are():
    convoy = [through(2 + 0.75 * k, y) for k in range(3) for y in (0.38, 0.62)]
    assert directions(film(convoy, 14)) == ["in"] * 6


# -- ways: OpenDataCam #204, #122 --------------------------------------------------


@pytest.mark.parametrize("degrees", range(0, 360, 30))
def test_opendatacam_204_the_slope_of_a_way_does_not_change_the_count(degrees):
    """Along the vector is in, against it out; the count is one at any slope."""
    angle = np.deg2rad(degrees)
    dx, dy = np.cos(angle) * 9 / 16, np.sin(angle)  # fractions of a 16:9 picture
    keys = ((2, 0.5 - dx, 0.5 - dy), (7, 0.5 + dx, 0.5 + dy))
    found = directions(film([Truck(keys=keys, size=(0.1, 0.12))], 10))
    across = degrees in {90, 270}
    want = "unknown" if across else "in" if np.cos(angle) > 0 else "out"
    assert found == [want]


@pytest.mark.parametrize("seconds", [10, 30, 90])
def test_opendatacam_122_slow_traffic_counts_once(seconds):
    found = directions(film([through(2, seconds=seconds)], seconds + 5, miss=0.1))
    assert found == ["in"]


@pytest.mark.parametrize("back_y", [0.5, 0.65], ids=["on the spot", "by a loop"])
def test_a_u_turn_is_one_truck_without_a_direction(back_y):
    keys = ((1, -0.1, 0.35), (4, 0.6, 0.35), (6, 0.6, back_y), (9, -0.1, back_y))
    assert directions(film([Truck(keys=keys)], 12)) == ["unknown"]
