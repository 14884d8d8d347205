"""A draw has known probabilities, is blind and can be repeated."""

import pytest

from tests.audit.stores import counted_store, month_store, plan_small
from truckcount.errors import CalibrationError
from truckcount.features.audit_draw import draw_windows
from truckcount.features.audit_frame import Frame, FrameWindow
from truckcount.store.audits_table import read_audits


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return month_store(tmp_path_factory.mktemp("plan") / "store")


def test_probabilities_are_those_of_the_draw(store):
    drawn = plan_small(store)
    names = {w.stratum for w in drawn}
    assert names == {"0", "1-3", "4+"}
    for name in names:
        own = [w for w in drawn if w.stratum == name]
        assert len(own) == own[0].n_drawn == 20
        assert all(w.pi == 20 / w.n_stratum for w in own)
        assert len({w.window_start_us for w in own}) == 20
    sizes = {w.stratum: w.n_stratum for w in drawn}
    assert sum(sizes.values()) == drawn[0].n_frame == 600
    # weights add up to the frame: each window stands for 1 / pi
    assert sum(1 / w.pi for w in drawn) == pytest.approx(600)
    assert all(w.y_human is None and w.label_round == 0 for w in drawn)
    totals = {w.stratum: w.x_stratum for w in drawn}
    assert totals["0"] == 0
    assert totals["1-3"] > 0


def test_the_same_seed_draws_the_same_and_adds_nothing(store):
    first = plan_small(store)
    before = read_audits(store.root)
    again = plan_small(store, now_us=first[0].drawn_at_us + 10**9)
    assert [w.window_start_us for w in again] == [w.window_start_us for w in first]
    assert read_audits(store.root) == before
    other = plan_small(store, seed=2)
    assert {w.window_start_us for w in other} != {w.window_start_us for w in first}
    assert other[0].audit_id != first[0].audit_id


@pytest.mark.parametrize(
    ("sizes", "why"),
    [
        ((0, 20, 20), "only place where misses are seen"),
        ((1, 20, 20), "draw 2 or more"),
        ((20, 20, 0), "pi = 0"),
        ((20, -3, 20), "pi = 0"),
        ((20, 20), "needs 3 numbers"),
    ],
)
def test_a_stratum_cannot_be_skipped(store, sizes, why):
    before = read_audits(store.root)
    with pytest.raises(CalibrationError, match=why):
        plan_small(store, per_stratum=sizes)
    assert read_audits(store.root) == before


def test_a_small_stratum_is_taken_whole(store):
    drawn = plan_small(store, per_stratum=(2, 2, 1000), seed=9)
    top = [w for w in drawn if w.stratum == "4+"]
    assert len(top) == top[0].n_stratum
    assert top[0].pi == 1.0


def test_an_empty_stratum_needs_no_windows(tmp_path):
    store = counted_store(tmp_path / "s", [5], 1)
    drawn = plan_small(store, per_stratum=(10, 10, 0))
    assert {w.stratum for w in drawn} == {"0", "1-3"}


def test_day_and_night_are_drawn_apart_where_both_are_large():
    windows = tuple(
        FrameWindow(k, k + 1, k % 6, "day" if k % 3 else "night") for k in range(900)
    )
    frame = Frame(camera="c", gate="g", direction="out", model_id="m",
                  config_hash="h", windows=windows)  # fmt: skip
    drawn = draw_windows(frame, (60, 90, 60), seed=1, now_us=0)
    names = {w.stratum for w in drawn}
    assert {n.partition(":")[0] for n in names} == {"day", "night"}
    assert sum(1 / w.pi for w in drawn) == pytest.approx(900)
    small = Frame(camera="c", gate="g", direction="out", model_id="m",
                  config_hash="h", windows=windows[:500])  # fmt: skip
    names = {w.stratum for w in draw_windows(small, (9, 9, 9), seed=1, now_us=0)}
    assert names == {"0", "1-3", "4+"}


def test_every_window_is_as_likely_as_its_pi_says():
    windows = tuple(FrameWindow(k, k + 1, k % 2, "day") for k in range(20))
    frame = Frame(camera="c", gate="g", direction="out", model_id="m",
                  config_hash="h", windows=windows)  # fmt: skip
    seen = dict.fromkeys(range(20), 0)
    for seed in range(400):
        for w in draw_windows(frame, (5, 2, 0), seed=seed, now_us=0):
            seen[w.window_start_us] += 1
    shares = [seen[k] / 400 for k in range(20)]
    assert all(abs(s - (0.2 if k % 2 else 0.5)) < 0.1 for k, s in enumerate(shares))


def test_a_clip_name_tells_nothing(store):
    drawn = plan_small(store)
    names = [w.clip for w in drawn]
    assert len(set(names)) == len(names)
    assert all(len(n) == 10 and "cam" not in n for n in names)
    # in the order of names, counts come in no order
    by_name = [w.x_machine for w in sorted(drawn, key=lambda w: w.clip)]
    assert by_name not in (sorted(by_name), sorted(by_name, reverse=True))


def test_nothing_watched_is_said(store):
    with pytest.raises(CalibrationError, match="fully watched"):
        plan_small(store, month="2025-03")
