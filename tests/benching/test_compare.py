"""Contestants interleaved, start-up taken off, ratios to the floor.

Costs come from a table, not a clock: what is tested is the arithmetic.
"""

import pytest

from tests.conftest import write_clip
from truckcount.benching.compare import CompareOptions, compare_on
from truckcount.benching.contestants import FLOOR, OURS, Contestant
from truckcount.benching.looped import loop_clip
from truckcount.benching.spend import Spent
from truckcount.errors import BenchError

pytestmark = pytest.mark.video
# name: (CPU s a video s, CPU s of starting)
COSTS = {FLOOR: (0.04, 0.1), OURS: (0.06, 0.9), "peer": (0.8, 4.0)}


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "clip.mp4", 50)


def contestant(name, *, is_dear=False):
    return Contestant(
        name=name,
        title=name,
        command=lambda clip, folder: [name, str(clip), str(folder)],
        versions="truckcount 1" if name == OURS else "1",
        is_dear=is_dear,
    )


class Meter:
    """Charges by the table and remembers the order."""

    def __init__(self, costs=COSTS, fails=()):
        self.costs, self.fails, self.calls = costs, fails, []

    def __call__(self, command):
        import av

        name, clip, _ = command
        if name in self.fails:
            raise BenchError(f"{name} fell over")
        with av.open(clip) as container:
            seconds = container.duration / 1e6
        self.calls.append((name, seconds))
        per_s, start = self.costs[name]
        return Spent(cpu_s=start + per_s * seconds, wall_s=1.0, peak_rss_mb=100)


def run(clip, meter, *others, **options):
    options = CompareOptions(**{"seconds": 6.0, "repeats": 2, **options})
    return compare_on(clip, contestant(FLOOR), others, options, measure=meter)


def test_starting_is_taken_off_both_sides(clip):
    rows = run(clip, Meter(), contestant(OURS))["contestants"]
    assert rows[OURS]["ratio"]["median"] == pytest.approx(1.5, rel=1e-3)
    assert rows[OURS]["cpu_s_per_video_s"]["median"] == pytest.approx(0.06, rel=1e-3)
    assert rows[OURS]["start_cpu_s"]["median"] == pytest.approx(0.9, rel=1e-2)
    assert rows[OURS]["peak_rss_mb"] == 100
    assert rows[FLOOR]["ratio"] is None


def test_contestants_take_turns_within_a_repeat(clip):
    meter = Meter()
    run(clip, meter, contestant(OURS))
    names = [name for name, _ in meter.calls]
    assert names == 2 * [FLOOR, FLOOR, OURS, OURS]


def test_a_dear_peer_gets_a_cut_clip_and_the_floor_on_the_same(clip):
    meter = Meter()
    peer = contestant("peer", is_dear=True)
    rows = run(clip, meter, contestant(OURS), peer, dear_seconds=1.0)["contestants"]
    dear = meter.calls[-8:]
    assert {name for name, _ in dear} == {FLOOR, "peer"}
    assert max(s for name, s in meter.calls if name == "peer") < 2.5
    assert rows["peer"]["ratio"]["median"] == pytest.approx(20, rel=1e-2)
    assert rows["peer"]["n_repeats"] == 2


def test_a_peer_that_fails_is_noted_and_the_rest_measured(clip):
    peer = contestant("peer", is_dear=True)
    rows = run(clip, Meter(fails=["peer"]), contestant(OURS), peer)["contestants"]
    assert rows["peer"] == {"title": "peer", "versions": "1", "error": "peer fell over"}
    assert rows[OURS]["ratio"] is not None


@pytest.mark.parametrize("name", [FLOOR, OURS])
def test_without_the_floor_or_us_there_is_no_comparison(clip, name):
    with pytest.raises(BenchError, match="fell over"):
        run(clip, Meter(fails=[name]), contestant(OURS))


def test_a_difference_lost_in_noise_is_unknown_not_zero(clip):
    flat = {FLOOR: (0.04, 0.1), OURS: (0.0, 0.9)}
    row = run(clip, Meter(flat), contestant(OURS))["contestants"][OURS]
    assert row["ratio"] is None
    assert row["cpu_s_per_video_s"] is None


def test_a_looped_clip_is_as_long_as_was_asked(clip, tmp_path):
    meter = Meter()
    run(clip, meter, contestant(OURS), seconds=6.0)
    lengths = sorted({round(s, 1) for _, s in meter.calls})
    once = round(loop_clip(clip, 1, tmp_path / "once.mp4"), 1)
    assert lengths == [once, 4 * once]
