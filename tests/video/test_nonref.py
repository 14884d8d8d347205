"""Leaving out frames that nobody refers to must not move a sample's tick."""

from fractions import Fraction

import av
import pytest

from tests.conftest import write_clip
from tests.video.test_decoding import START_US, WHOLE
from truckcount.video import find_sources, open_decoder
from truckcount.video.nonref import NonrefSkipper, can_skip_nonref

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
    path = write_clip(
        tmp_path / "a.mp4",
        100,
        options={"x264-params": "bframes=0:keyint=250:scenecut=0"},
    )
    decoder = open_clip(path, 5.0)
    list(decoder)
    assert decoder.report.n_frames_decoded == 100


def slowing_ms(k):
    """25 frames a second for 6 s, as a camera by day, then 4, as one by night."""
    return 40 * k if k < 150 else 6000 + 250 * (k - 150)


@pytest.mark.parametrize(("codec", "name"), [("libx264", "264"), ("libx265", "265")])
def test_a_stream_that_slows_down_keeps_every_tick(tmp_path, codec, name):
    """Its first GOPs say that it may be thinned; what comes later must not be."""
    options = {f"x{name}-params": "bframes=3:b-adapt=0:scenecut=0:log-level=0"}
    path = write_clip(
        tmp_path / "a.mkv",
        190,
        codec=codec,
        pts=slowing_ms,
        time_base=Fraction(1, 1000),
        options=options,
    )
    decoder = open_clip(path, 5.0)
    ticks = [s.tick for s in decoder]
    assert decoder.is_skipping_nonref
    assert decoder.report.n_frames_decoded < 150
    first = START_US // 200_000
    assert ticks == sorted({first + slowing_ms(k) // 200 for k in range(190)})


AVCC = bytes([1, 0, 0, 0, 3])  # lengths of four bytes


def packets_of(frames):
    """Packets of (time in ms, is_reference) pairs."""
    packets = []
    for time_ms, is_reference in frames:
        # one slice of H.264 behind its length, as in MP4
        packet = av.Packet(
            bytes([0, 0, 0, 9, 0x61 if is_reference else 0x01, *[9] * 8])
        )
        packet.pts, packet.time_base = time_ms, Fraction(1, 1000)
        packets.append(packet)
    return packets


@pytest.mark.parametrize("n", range(10, 18))
def test_a_stream_is_judged_the_same_wherever_the_look_at_it_ends(n):
    """Between a frame and those shown before it, as at the end of four seconds."""
    frames = [(0, True)]
    for ms in range(0, 2000, 400):  # ten frames a second, each other one a reference
        shown = ((400, True), (200, True), (100, False), (300, False))
        frames += [(ms + later, is_reference) for later, is_reference in shown]
    assert can_skip_nonref(packets_of(frames[:n]), "h264", AVCC, 200_000)
    assert not can_skip_nonref(packets_of(frames[:n]), "h264", AVCC, 199_000)


def skipped_of(*frames):
    """Times (ms) that go undecoded at 200 ms a tick, of (time, is_reference) pairs."""
    packets = packets_of(frames)
    skipper = NonrefSkipper("h264", AVCC, 200_000)
    marked = list(skipper.mark(packets))
    assert [packet for packet, _ in marked] == packets
    return [packet.pts for packet, may_skip in marked if may_skip]


def test_layers_in_time_wait_for_the_reference_behind():
    """Scalable H.264 of cameras: frames that nobody refers to come before it."""
    frames = [(0, True), (100, False), (200, True), (300, False), (900, True)]
    assert skipped_of(*frames) == [100]


def test_the_last_frames_are_decoded_where_no_reference_follows():
    assert skipped_of((0, True), (100, False)) == []


def test_what_waits_for_a_reference_is_bounded():
    frames = [(0, True), *((k, False) for k in range(1, 101)), (150, True)]
    left_out = skipped_of(*frames)
    assert 0 < len(left_out) < 100
    assert left_out == list(range(100 - len(left_out) + 1, 101))
