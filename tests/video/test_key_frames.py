"""Key frames alone are decoded only where each tick gets one."""

from fractions import Fraction

import pytest

from tests.conftest import write_clip
from tests.video.test_decoding import START_US, WHOLE
from truckcount.video import find_sources, measure_key_gap_us, open_decoder

pytestmark = pytest.mark.video


@pytest.fixture
def clip(tmp_path):
    """Six seconds with a key frame every second."""
    options = {"g": "25", "sc_threshold": "0"}
    return find_sources([str(write_clip(tmp_path / "a.mp4", 150, options=options))])[0]


def read(source, fps, **options):
    decoder = open_decoder(
        source, [WHOLE], start_us=START_US, sample_fps=fps, **options
    )
    return list(decoder), decoder


def test_key_frames_give_the_same_samples_and_end(clip):
    whole, all_frames = read(clip, 1.0)
    keys, only_keys = read(clip, 1.0, key_frames_only=True)
    assert only_keys.is_keys_only
    assert only_keys.report.n_frames_decoded == 6 < all_frames.report.n_frames_decoded
    assert [s.t_us for s in keys] == [s.t_us for s in whole]
    assert all(
        (a.views[0] == b.views[0]).all() for a, b in zip(keys, whole, strict=True)
    )
    assert only_keys.report.end_us == pytest.approx(START_US + 6_000_000, abs=1000)


def test_other_frames_are_decoded_where_ticks_are_closer_than_key_frames(clip):
    samples, decoder = read(clip, 5.0, key_frames_only=True)
    assert not decoder.is_keys_only
    assert len(samples) == 30


def test_the_longest_gap_is_measured_without_decoding(clip):
    assert measure_key_gap_us(clip, 60.0) == 1_000_000
    assert measure_key_gap_us(clip, 0.5) is None, "too few key frames to tell"


def test_ticks_are_sampled_where_key_frames_come_further_apart_later(tmp_path):
    """As of encoders that send fewer while nothing moves."""
    path = write_clip(
        tmp_path / "a.mkv",
        225,
        # 25 frames a second for 6 s, then 5 for 10 s, then 25 again
        pts=lambda k: 40 * k + 160 * min(max(k - 150, 0), 50),
        time_base=Fraction(1, 1000),
        options={"g": "25", "sc_threshold": "0", "bf": "0"},
    )
    source = find_sources([str(path)])[0]
    whole, _ = read(source, 1.0)
    keys, decoder = read(source, 1.0, key_frames_only=True)
    assert decoder.is_keys_only
    assert [s.tick for s in keys] == [s.tick for s in whole]
    # seven key frames alone; two with the 24 frames that refer to each
    assert decoder.report.n_frames_decoded == 7 + 2 * 25
    assert decoder.report.n_bad_packets == 0
    same = {s.t_us: s for s in whole}
    assert all((s.views[0] == same[s.t_us].views[0]).all() for s in keys)
