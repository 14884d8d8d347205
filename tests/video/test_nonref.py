"""Leaving out frames that nobody refers to must not move a sample's tick."""

import pytest

from tests.conftest import write_clip
from tests.video.test_decoding import START_US, WHOLE
from truckcount.video import find_sources, open_decoder

pytestmark = pytest.mark.video


def open_clip(path, fps):
    source = find_sources([str(path)])[0]
    return open_decoder(source, [WHOLE], start_us=START_US, sample_fps=fps)


@pytest.mark.parametrize(
    ("name", "codec"), [("a.mp4", "libx264"), ("a.ts", "libx264"), ("a.mp4", "libx265")]
)
def test_every_tick_keeps_a_sample(tmp_path, name, codec):
    options = {"x264-params": "bframes=2:b-adapt=0:scenecut=0:keyint=50"}
    if codec == "libx265":
        options = {"x265-params": "bframes=2:log-level=none"}
    path = write_clip(tmp_path / name, 150, codec=codec, options=options)
    decoder = open_clip(path, 5.0)
    ticks = [s.tick for s in decoder]
    assert decoder.is_skipping_nonref
    assert decoder.report.n_frames_decoded < 120
    assert ticks == list(range(ticks[0], ticks[0] + 30))


def test_nothing_is_left_out_when_ticks_are_close(tmp_path):
    path = write_clip(
        tmp_path / "a.mp4",
        100,
        options={"x264-params": "bframes=3:b-adapt=0:scenecut=0"},
    )
    decoder = open_clip(path, 25.0)
    assert len(list(decoder)) == 100
    assert not decoder.is_skipping_nonref


def test_streams_without_b_frames_are_read_whole(tmp_path):
    path = write_clip(tmp_path / "a.mp4", 100, options={"bf": "0"})
    decoder = open_clip(path, 5.0)
    list(decoder)
    assert decoder.report.n_frames_decoded == 100
