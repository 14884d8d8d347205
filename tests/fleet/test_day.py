"""The simulated day keeps the laws that the real one has, and sums up right."""

import json

import pytest

from pipelines.fleet.__main__ import RESULT
from pipelines.fleet.cost import SegmentCost
from pipelines.fleet.day import DAY_S, SEGMENT_S, FleetOptions, simulate_day

NEVER = (10 * DAY_S, 11 * DAY_S)
CALM = {
    "n_cameras": 10, "score_s": 50.0, "publish_s": 10.0, "spread": 0.0,
    "outage": NEVER, "node_loss": NEVER, "death_share": 0.0,
}  # fmt: skip


def test_a_worker_a_camera_publishes_everything_after_its_own_cost():
    day = simulate_day(FleetOptions(n_workers=10, **CALM))
    assert day.n_segments == day.n_published == day.n_attempts == 10 * 144
    assert (day.lag_p50_s, day.lag_max_s) == (60.0, 60.0)
    assert day.busy_share == pytest.approx(0.1, abs=1e-3)
    assert day.max_waiting == 10


def test_one_worker_takes_ten_cameras_one_after_another():
    day = simulate_day(FleetOptions(n_workers=1, **CALM))
    assert day.lag_max_s == 600.0
    assert day.busy_share == pytest.approx(1.0, abs=0.01)


def test_a_camera_has_one_writer_however_many_workers_there_are():
    one = CALM | {"n_cameras": 1, "score_s": 1190.0}
    day = simulate_day(FleetOptions(n_workers=50, **one))
    # 1,200 s each, one at a time, 600 s apart: the last waits for all before it
    assert day.lag_max_s == pytest.approx(144 * 1200 - 143 * SEGMENT_S)


def test_recorders_that_cut_at_moments_of_their_own_wait_less():
    clock, spread = (
        simulate_day(FleetOptions(n_workers=2, is_on_the_clock=is_clock, **CALM))
        for is_clock in (True, False)
    )
    assert spread.lag_p99_s < clock.lag_p99_s


@pytest.mark.parametrize("n_workers", [2, 3, 5])
def test_nothing_is_lost_by_deaths_a_lost_machine_and_an_hour_of_nothing(n_workers):
    wild = {k: v for k, v in CALM.items() if k not in ("outage", "node_loss")}
    wild |= {"death_share": 0.1, "node_workers": 1}
    day = simulate_day(FleetOptions(n_workers=n_workers, **wild))
    assert day.n_published == day.n_segments
    assert day.n_attempts > day.n_segments
    assert day.lag_max_s > 3000, "what ended when the hour began waited for its end"
    assert day.cleared_after_s > 0
    assert day.lag_quiet_p99_s < day.lag_max_s


def test_the_backlog_of_an_hour_takes_the_spare_share_to_clear():
    calm = CALM | {"outage": (9 * 3600.0, 10 * 3600.0), "is_on_the_clock": False}
    day = simulate_day(FleetOptions(n_workers=2, **calm))
    # half busy: an hour's work needs an hour of spare time
    assert day.cleared_after_s == pytest.approx(3600, rel=0.35)


def test_the_kept_result_is_what_its_costs_give():
    if not RESULT.exists():
        pytest.skip("not measured yet: python -m pipelines.fleet")
    found = json.loads(RESULT.read_text())
    row = min(found["fleets"], key=lambda r: r["options"]["n_workers"])
    cost = SegmentCost(**found["cost"])
    assert row["options"]["score_s"] == cost.score_s
    assert row["options"]["publish_s"] == cost.publish_full_s
    assert {"date", "machine", "load_before"} <= found["measured"].keys()
    for one in found["fleets"]:
        assert one["day"]["n_published"] == found["n_cameras"] * 144
