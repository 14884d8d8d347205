"""Frames that no sample needs are not decoded, and samples stay the very same."""

from fractions import Fraction

import av
import numpy as np
import pytest

from tests.conftest import write_clip
from tests.video.test_decoding import START_US, WHOLE
from truckcount.domain.ticks import TickSampler
from truckcount.video import find_sources, open_decoder
from truckcount.video.crop import ViewCropper
from truckcount.video.decode_av import AvDecoder
from truckcount.video.nonref import can_skip_nonref
from truckcount.video.unseen import UnseenSieve

pytestmark = pytest.mark.video

X264 = "scenecut=0:keyint=25:min-keyint=25:"
X265 = "log-level=none:keyint=25:min-keyint=25:scenecut=0:"
CLIPS = {
    "plain.mp4": {"options": {"x264-params": X264 + "bframes=0"}},
    "stream.ts": {"options": {"x264-params": X264 + "bframes=0"}},
    "raw.mkv": {"options": {"x264-params": X264 + "bframes=0"}},
    "layers.mp4": {"options": {"x264-params": X264 + "bframes=3:b-adapt=0"}},
    # reference frames too far apart for every tick to have one
    "few.mp4": {
        "fps": 10,
        "options": {"x264-params": X264 + "bframes=3:b-adapt=0:b-pyramid=0"},
    },
    "hevc.mp4": {
        "codec": "libx265",
        "options": {"x265-params": X265 + "bframes=0:open-gop=0"},
    },
    "hevc_few.mp4": {
        "codec": "libx265",
        "fps": 10,
        "options": {"x265-params": X265 + "bframes=3:b-adapt=0:b-pyramid=0:open-gop=0"},
    },
}
LATE_US = START_US + 123_456  # ticks begin between frames


def read(path, fps=5.0):
    decoder = open_decoder(
        find_sources([str(path)])[0], [WHOLE], start_us=LATE_US, sample_fps=fps
    )
    assert isinstance(decoder, AvDecoder)
    return list(decoder), decoder


def read_whole(path, fps=5.0):
    """Decode every frame; return times and views of each tick's first, and the end."""
    sampler, cropper, found = TickSampler(fps), ViewCropper([WHOLE]), []
    with av.open(str(path)) as file:
        frames = list(file.decode(video=0))
    first = frames[0].pts * frames[0].time_base
    for frame in frames:
        t_us = LATE_US + int((frame.pts * frame.time_base - first) * 1_000_000)
        if sampler.take(t_us) is not None:
            found.append((t_us, cropper.cut(frame)[0]))
    return found, len(frames), t_us


@pytest.mark.parametrize("fps", [5.0, 1.0])
@pytest.mark.parametrize("name", CLIPS)
def test_samples_are_those_of_the_whole_video(tmp_path, name, fps):
    path = write_clip(tmp_path / name, 130, **CLIPS[name])
    samples, decoder = read(path, fps)
    whole, n_frames, last_us = read_whole(path, fps)
    assert decoder.report.n_frames_decoded < n_frames
    if not decoder.is_skipping_nonref:  # which takes later frames of a tick
        assert [s.t_us for s in samples] == pytest.approx([t for t, _ in whole], abs=1)
        for sample, (_, view) in zip(samples, whole, strict=True):
            assert np.array_equal(sample.views[0], view)
    frame_us = 1e6 / CLIPS[name].get("fps", 25)
    assert decoder.report.end_us == pytest.approx(last_us + frame_us, abs=1000)
    assert decoder.report.n_bad_packets == 0


def test_a_slow_rate_needs_little_of_short_gops(tmp_path):
    path = write_clip(tmp_path / "plain.mp4", 250, **CLIPS["plain.mp4"])
    samples, decoder = read(path, 1.0)
    assert len(samples) == 11
    # each of nine GOPs as far as the tick that begins in it: 22 frames of 25
    assert decoder.n_left_out == pytest.approx(9 * 2, abs=2)
    aligned = open_decoder(
        find_sources([str(path)])[0], [WHOLE], start_us=START_US, sample_fps=1.0
    )
    assert len(list(aligned)) == 10
    # key frames, the rest of the last GOP, and one or two before times are known
    assert 34 <= aligned.report.n_frames_decoded <= 36


@pytest.mark.parametrize(
    "options",
    [
        {"x264-params": "keyint=25:scenecut=0:bframes=2:open-gop=1:b-adapt=0"},
        {"crf": "20", "g": "25", "bf": "0", "flags": "+ilme+ildct"},
    ],
    ids=["leading pictures refer back", "interlaced"],
)
def test_gops_that_may_be_needed_further_on_are_read_whole(tmp_path, options):
    path = write_clip(tmp_path / "a.mp4", 100, options=options)
    _, decoder = read(path)
    assert decoder.n_left_out == 0


def test_damage_ends_it(tmp_path):
    """Where a sample may turn out to be damaged, the next frame takes its place."""
    path = write_clip(tmp_path / "a.mp4", 250, **CLIPS["plain.mp4"])
    _, sound = read(path)
    with av.open(str(path)) as file:
        packet = [p for p in file.demux(video=0) if p.size][80]
    data = bytearray(path.read_bytes())
    for at in range(packet.pos + 8, packet.pos + packet.size):
        data[at] ^= 0x5A
    path.write_bytes(bytes(data))
    _, damaged = read(path)
    assert damaged.report.n_bad_packets > 0
    assert 0 < damaged.n_left_out < sound.n_left_out


IDR, P, SPS = 0x65, 0x61, 0x67
AVCC = bytes([1, 0, 0, 0, 3])


def kept_of(*frames):
    """Times (ms) that are decoded at 200 ms a tick, of (time, NAL header) pairs."""
    packets = []
    for time_ms, head in frames:
        packet = av.Packet(bytes([0, 0, 0, 9, head, *[9] * 8]))
        packet.pts, packet.time_base = time_ms, Fraction(1, 1000)
        packet.is_keyframe = head == IDR
        packets.append((packet, False))

    def place(packet):
        return packet.pts // 200, 1000 * packet.pts

    sieve = UnseenSieve("h264", AVCC, place, has_nonref=False)
    return [packet.pts for packet, _ in sieve.sift(packets)]


def test_the_end_of_a_gop_is_left_out():
    frames = [(0, IDR), (100, P), (200, P), (300, P), (400, IDR), (500, P)]
    assert kept_of(*frames) == [0, 100, 200, 400, 500]


def test_what_later_pictures_may_need_is_kept():
    assert kept_of((0, IDR), (100, SPS), (200, IDR)) == [0, 100, 200]


def test_a_clock_that_goes_back_is_left_to_the_frames():
    frames = [(5000, IDR), (5100, P), (0, IDR), (100, P), (150, IDR)]
    assert kept_of(*frames) == [5000, 5100, 0, 100, 150]
    frames = [(5000, IDR), (5100, P), (0, P), (100, P), (150, IDR)]
    assert kept_of(*frames) == [5000, 5100, 0, 100, 150]


def test_what_is_held_is_bounded():
    frames = [(0, IDR), *((k, P) for k in range(1, 190)), (195, IDR)]
    assert 0 < 191 - len(kept_of(*frames)) < 190


def test_few_are_those_whose_reference_frames_are_too_far_apart(tmp_path):
    """The clips above test what they are meant to."""
    path = write_clip(tmp_path / "few.mp4", 130, **CLIPS["few.mp4"])
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        packets = [p for p in file.demux(stream) if p.size]
        extradata = stream.codec_context.extradata
    assert not can_skip_nonref(packets, "h264", extradata, 200_000)
    assert can_skip_nonref(packets, "h264", extradata, 400_000)
