"""Scenes that counters get wrong, each with the number a person would say."""

from dataclasses import replace

import pytest

from tests.counting.simulate import GATE, T0_US, Truck, film, scores_of, through
from truckcount.counting import CountingOptions, GateCounter, count_passages
from truckcount.domain.camera import Gate
from truckcount.errors import CountingError

OPTIONS = CountingOptions()
PARKED = Truck(keys=((0, 0.4, 0.6), (1000, 0.4, 0.6)))


def count(scores, gate=GATE):
    found = count_passages(scores, gate, OPTIONS)
    return [p for p in found if p.is_counted]


SCENES = {
    "one truck is one": ([through(2)], 10, ["in"]),
    "against the vector is out": ([through(2, sign=-1)], 10, ["out"]),
    "abreast trucks are two": (
        [through(2, 0.35), through(2, 0.62)], 10, ["in", "in"],
    ),
    "nose to tail trucks are two": (
        [through(2), through(3.2)], 12, ["in", "in"],
    ),
    "opposite directions at one moment are one each": (
        [through(2, 0.35), through(2, 0.62, sign=-1)], 10, ["in", "out"],
    ),
    "a waiting truck is one however long it waits": (
        [Truck(keys=((1, -0.1, 0.5), (3, 0.5, 0.5), (63, 0.5, 0.5), (65, 1.1, 0.5)))],
        70, ["in"],
    ),
    "one that comes and parks is one": (
        [Truck(keys=((1, -0.1, 0.5), (4, 0.5, 0.5), (60, 0.5, 0.5)))], 60, ["in"],
    ),
    "one that parks and goes back is in and out": (
        [Truck(keys=((1, -0.1, 0.5), (4, 0.5, 0.5), (40, 0.5, 0.5), (43, -0.1, 0.5)))],
        50, ["in", "out"],
    ),
    "parked trucks are not counted": ([PARKED], 60, []),
    "traffic past a parked truck does not count it": (
        [PARKED, through(5, 0.4), through(15, 0.4), through(25, 0.4)],
        40, ["in", "in", "in"],
    ),
    "a truck outside the gate is none": ([through(2, 0.05)], 10, []),
    "empty road is none": ([], 10, []),
}  # fmt: skip


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("name", SCENES)
def test_scene(name, seed):
    trucks, seconds, expected = SCENES[name]
    found = count(film(trucks, seconds, seed=seed, miss=0.1))
    assert sorted(p.direction for p in found) == sorted(expected)


def test_a_truck_parked_before_the_watch_counts_when_it_leaves():
    truck = Truck(keys=((0, 0.5, 0.5), (30, 0.5, 0.5), (33, -0.1, 0.5)))
    found = count(film([truck], 40))
    assert [p.direction for p in found] == ["out"]
    assert found[0].onset_us - T0_US > 28e6


def test_a_truck_that_parks_at_the_edge_and_leaves_outside_is_not_counted():
    """Its centre was in the gate for three samples of a minute of standing."""
    stands = [[(0.201 if k < 3 else 0.195, 0.5, 0.16, 0.14, 0.8)] for k in range(300)]
    leaves = [[(0.195 - 0.01 * k, 0.5, 0.16, 0.14, 0.8)] for k in range(30)]
    (passage,) = count_passages(scores_of(stands + leaves), GATE, OPTIONS)
    assert (passage.is_counted, passage.drop_reason) == (False, "censored")
    assert passage.offset_us >= passage.onset_us


def test_a_truck_there_at_the_first_sample_is_censored_and_not_counted():
    truck = Truck(keys=((0, 0.4, 0.5), (3, 1.1, 0.5)))
    found = count_passages(film([truck], 6), GATE, OPTIONS)
    assert [(p.is_counted, p.drop_reason) for p in found] == [(False, "censored")]


def test_a_fast_truck_that_jumps_the_gate_between_two_ticks_counts():
    rows = [[], [(0.05, 0.5, 0.5, 0.3, 0.9)], [(0.95, 0.5, 0.5, 0.3, 0.9)], []]
    assert len(count(scores_of([[], [], *rows, [], [], [], [], [], []]))) == 1


def test_a_flicker_of_one_sample_is_no_truck():
    rows = [[]] * 5 + [[(0.5, 0.5, 0.16, 0.14, 0.9)]] + [[]] * 15
    assert count(scores_of(rows)) == []


def test_flicker_at_the_threshold_is_neither_twice_nor_the_other_way():
    """supervision #2598, #1540: a score that flickers counted both ways."""
    rows = []
    for k in range(40):
        x = -0.05 + k * 0.03
        rows.append([(x, 0.5, 0.16, 0.14, 0.75 if k % 2 else 0.31)])
    assert [p.direction for p in count(scores_of(rows))] == ["in"]


def test_one_long_truck_with_two_peaks_is_one():
    rows = []
    for k in range(40):
        x = -0.2 + k * 0.04
        rows.append([(x, 0.5, 0.40, 0.16, 0.9), (x + 0.10, 0.5, 0.20, 0.15, 0.6)])
    assert len(count(scores_of(rows))) == 1


def test_lost_score_of_a_parked_truck_does_not_count_it_again():
    """Frigate #195: passing headlights hide a parked truck, which then is new."""
    rows = []
    for k in range(400):
        is_hidden = 100 <= k < 150 or 250 <= k < 280
        rows.append([] if is_hidden else [(0.4, 0.6, 0.16, 0.14, 0.8)])
    assert count(scores_of(rows)) == []


def test_a_parked_truck_whose_box_jumps_while_one_passes_has_not_left():
    """It was there before the watch, and is where it stood when it shows again."""
    jumps = [(0.58, 0.5), (0.7, 0.5), (0.7, 0.5), (0.6, 0.57), (0.57, 0.58)]
    rows = []
    for k in range(100):
        row = [(0.6, 0.6, 0.2, 0.2, 0.8)]
        if 40 <= k < 78:  # a truck before it: what is left of it is seen elsewhere
            row = []
        elif 78 <= k < 78 + len(jumps):
            row = [(*jumps[k - 78], 0.2, 0.18, 0.35)]
        rows.append(row)
    assert count(scores_of(rows)) == []


def test_a_parked_truck_that_is_hidden_has_not_left_for_one_weak_peak_beside_it():
    rows = [[(0.6, 0.6, 0.2, 0.2, 0.8)]] * 30 + [[]] * 60
    rows += [[(0.56, 0.47, 0.2, 0.18, 0.2)]] + [[]] * 20
    assert count(scores_of(rows)) == []


def test_a_parked_truck_is_not_led_away_by_weak_peaks_while_it_is_hidden():
    """Another waits before it and leaves; the last seen of that one is not it."""
    parked = (0.72, 0.45, 0.22, 0.23, 0.8)
    glimmers = [(0.69, 0.34, 0.2, 0.18, 0.18), (0.86, 0.37, 0.17, 0.17, 0.18)]
    tail = [(0.87, 0.63, 0.24, 0.35, 0.69), (0.85, 0.6, 0.31, 0.33, 0.74)]
    rows = []
    for k in range(150):
        t_s = 0.2 * k
        row = [] if 4.8 <= t_s < 20.6 else [parked]
        if 1 <= t_s < 5:  # another comes, waits before it and goes
            row.append((0.1 + 0.1 * (t_s - 1), 0.5, 0.5, 0.33, 0.87))
        elif t_s < 17:
            row.append((0.5, 0.52, 0.57, 0.35, 0.89))
        elif t_s < 20.6:
            row.append((0.5 + 0.1 * (t_s - 17), 0.56, 0.5, 0.38, 0.87))
            row += glimmers[: 18.6 <= t_s < 19.4] or glimmers[1:] * (t_s >= 19.4)
        elif t_s < 21:
            row.append(tail[k - 103])
        rows.append(row)
    gate = replace(GATE, polygon=((0.08, 0.34), (0.94, 0.34), (0.94, 0.8), (0.08, 0.8)))
    assert len(count(scores_of(rows), gate)) == 1


@pytest.mark.parametrize(("near", "far", "n"), [(0.62, 0.34, 1), (0.34, 0.62, 0)])
def test_a_vehicle_is_judged_by_where_it_is_seen_well(near, far, n):
    """Equal mean scores: what counts is what it looked like when it was large."""
    rows = []
    for k in range(30):
        x = 0.1 + k * 0.03
        size = 0.3 - 0.008 * k
        rows.append([(x, 0.5, size, size, near if x < 0.5 else far)])
    passages = count_passages(scores_of(rows), GATE, OPTIONS)
    inside = [p for p in passages if p.n_samples > 10]
    assert inside
    options = OPTIONS.with_overrides((("track_score", 0.48), ("on", 0.6)))
    found = count_passages(scores_of(rows), GATE, options)
    assert inside[0].score_mean == pytest.approx(0.48, abs=0.02)
    assert sum(p.is_counted for p in found) == n


def test_count_does_not_hang_on_the_polygons_shape():
    """Ultralytics #25103: in and out decided by the region's shape."""
    trucks = [through(1), through(9, sign=-1), through(16, 0.6)]
    scores = film(trucks, 25)
    shapes = [
        ((0.3, 0.2), (0.7, 0.2), (0.7, 0.8), (0.3, 0.8)),
        ((0.25, 0.3), (0.6, 0.25), (0.75, 0.7), (0.35, 0.8)),
        ((0.5, 0.1), (0.8, 0.5), (0.5, 0.9), (0.2, 0.5)),
    ]
    for polygon in shapes:
        for corners in (polygon, polygon[::-1]):
            gate = Gate(name="g", polygon=corners, in_vector=(1.0, 0.0))
            assert [p.direction for p in count(scores, gate)] == ["in", "out", "in"]


def test_a_gap_in_coverage_ends_a_track_and_censors_the_next():
    near = film([Truck(keys=((0, 0.1, 0.5), (20, 0.75, 0.5)))], 20)
    times = near.t_us.copy()
    times[50:] += 600_000_000
    rows = [[(*(v / 65535 for v in p[:4]), p[4] / 255)] for p in near.peaks.tolist()]
    found = count_passages(scores_of(rows, times), GATE, OPTIONS)
    assert [p.drop_reason for p in found] == [None, "censored"]


def test_scores_that_go_back_in_time_raise():
    counter = GateCounter(GATE, OPTIONS)
    scores = film([through(1)], 6)
    counter.process(scores)
    with pytest.raises(CountingError, match="sort them by time"):
        counter.process(scores)


def test_presence_alone_counts_where_a_network_gives_no_peaks():
    scores = film([through(2), through(12)], 20)
    found = count_passages(scores, GATE, OPTIONS, has_peaks=False)
    assert [(p.direction, p.direction_method) for p in found] == [
        ("unknown", "none"),
        ("unknown", "none"),
    ]
    assert all(p.is_counted for p in found), "a quiet stretch before is no gap"
    onsets_s = [(p.onset_us - T0_US) / 1e6 for p in found]
    assert onsets_s == pytest.approx([3, 13], abs=0.21)
