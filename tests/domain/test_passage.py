"""A passage knows how long its truck stayed, when it has left."""

import pytest

from truckcount.domain.passage import Passage


@pytest.mark.parametrize(("offset_us", "dwell_s"), [(3_500_000, 2.5), (None, None)])
def test_dwell_is_known_once_the_truck_has_left(offset_us, dwell_s):
    passage = Passage(
        gate="main",
        onset_us=1_000_000,
        offset_us=offset_us,
        direction="in",
        is_counted=True,
        drop_reason=None,
        onset_censored=False,
        offset_censored=offset_us is None,
        score_peak=0.9,
        score_mean=0.8,
        direction_score=1.0,
        direction_method="track",
        n_samples=12,
        segment_id_onset="s",
        segment_id_offset="s",
    )
    assert passage.dwell_s == dwell_s
