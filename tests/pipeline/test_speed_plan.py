"""The cheapest way of reading a camera is taken only where it counts the same."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from tests.counting.simulate import GATE
from tests.pipeline.pieces import CAMERA, WEIGHTS
from truckcount.domain.scores import empty_scores
from truckcount.pipeline import speed_plan
from truckcount.pipeline.config import RunOptions, scoring_hash
from truckcount.pipeline.speed_plan import SpeedPlan, choose_plan, pick_plan, thin
from truckcount.store import SegmentRecord

FASTEST = RunOptions(speed="fastest")
N_SAMPLES = 350


def film(value=0):
    """Scores of one gate at 5 samples/s; the value tells whole from gated."""
    scores = replace(
        empty_scores(),
        t_us=np.arange(N_SAMPLES, dtype=np.int64) * 200_000,
        score_u8=np.full(N_SAMPLES, value, np.uint8),
        quality_flags=np.zeros(N_SAMPLES, np.int32),
        segment=np.zeros(N_SAMPLES, np.int32),
        segment_ids=("a",),
        peak_start=np.zeros(N_SAMPLES + 1, np.int64),
    )
    return {GATE.name: scores}


def counter(least_samples, *, n=20, gated_counts=True):
    """Count n passages where there are samples enough, else one less."""

    def count(scores):
        one = scores[GATE.name]
        is_right = len(one) >= least_samples and (gated_counts or one.score_u8[0] == 0)
        return Counter({(GATE.name, "in"): n - (not is_right)})

    return count


def pick(count, key_gap_us=None, options=FASTEST):
    return pick_plan(film(), film(1), count, key_gap_us=key_gap_us, options=options)


@pytest.mark.parametrize(
    ("least", "key_gap_us", "fps", "keys"),
    [
        (N_SAMPLES // 7, None, 1.0, False),
        (N_SAMPLES // 7, 1_000_000, 1.0, True),
        (N_SAMPLES // 7, 2_000_000, 1.0, False),
        (N_SAMPLES // 7 + 1, 1_000_000, 2.5, False),
        (N_SAMPLES // 3, 400_000, 2.5, True),
        (N_SAMPLES // 3 + 1, 400_000, 5.0, False),
    ],
    ids=["slow", "slow, keys", "keys too far", "margin", "keys at 2.5", "quick"],
)
def test_the_thinnest_sampling_with_a_margin_is_taken(least, key_gap_us, fps, keys):
    plan = pick(counter(least), key_gap_us)
    assert (plan.sample_fps, plan.key_frames_only) == (fps, keys)
    assert plan.speed == ("fast" if fps == 5.0 else "exact")
    assert plan.n_passages == 20
    assert plan.error_bound == pytest.approx(1 - 0.05 ** (1 / 20), abs=1e-4)


@pytest.mark.parametrize(
    ("count", "why"),
    [
        (counter(0, n=4), "only 4 passages"),
        (counter(N_SAMPLES, gated_counts=False), "counts otherwise"),
    ],
    ids=["few", "all differ"],
)
def test_where_nothing_can_be_shown_it_is_exact_and_says_why(count, why):
    plan = pick(count)
    assert (plan.speed, plan.sample_fps) == ("exact", 5.0)
    assert plan.reason.startswith("exact: ")
    assert why in plan.reason
    assert plan.error_bound is None


def test_no_plan_is_thinner_than_a_sample_a_second():
    plan = pick(counter(0), options=RunOptions(speed="fastest", sample_fps=2.0))
    assert plan.sample_fps == 1.0


def test_phases_of_a_thinning_share_the_samples_out():
    parts = [thin(film(), 5.0, 7, k)[GATE.name].t_us for k in range(7)]
    assert sorted(t for part in parts for t in part) == film()[GATE.name].t_us.tolist()


def record(plan, start_us=0, segment_id="old"):
    digest = scoring_hash(CAMERA, WEIGHTS.model_id, plan.apply_to(FASTEST))
    return SegmentRecord(
        segment_id=segment_id, path="old.mp4", name="old.mp4", source_kind="video",
        size_bytes=1, status="done", run_id="r", start_us=start_us,
        end_us=start_us + 1, config_hash=digest, model_id=WEIGHTS.model_id,
    )  # fmt: skip


SLOW = SpeedPlan(sample_fps=1.0, speed="exact", key_frames_only=False, reason="")
KEYS = replace(SLOW, key_frames_only=True)
EXACT = replace(SLOW, sample_fps=5.0)


@pytest.mark.parametrize("plan", [SLOW, KEYS, EXACT], ids=["slow", "keys", "exact"])
def test_a_camera_keeps_the_plan_that_it_was_counted_by(plan):
    again = choose_plan(
        CAMERA, [], {"old": record(plan)}, weights=WEIGHTS, options=FASTEST
    )
    assert replace(again, reason="") == plan
    assert "before" in again.reason


def test_what_somebody_chose_by_hand_is_no_plan():
    by_hand = replace(FASTEST, sample_fps=1.0, speed="exact")
    digest = scoring_hash(CAMERA, WEIGHTS.model_id, by_hand)
    old = replace(record(SLOW), config_hash=digest)
    again = choose_plan(CAMERA, [], {"old": old}, weights=WEIGHTS, options=FASTEST)
    assert replace(again, reason="") == EXACT


def test_the_newest_plan_is_the_one_that_is_kept():
    records = {"a": record(SLOW, 5, "a"), "b": record(KEYS, 9, "b")}
    again = choose_plan(CAMERA, [], records, weights=WEIGHTS, options=FASTEST)
    assert again.key_frames_only


def test_plans_have_hashes_of_their_own():
    plans = [p for p, _ in speed_plan._cheaper_plans(FASTEST)] + [EXACT]
    digests = {scoring_hash(CAMERA, "m", p.apply_to(FASTEST)) for p in plans}
    assert len(digests) == len(plans) == 6
