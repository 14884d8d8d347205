"""Damaged, cut and foreign files: what is good is used, the rest is said."""

import wave

import av
import numpy as np
import pytest

from tests.conftest import write_clip
from tests.video.test_decoding import decode
from truckcount.errors import DecodeError
from truckcount.video import find_sources, probe_video

pytestmark = pytest.mark.video


def damage(path, at, n_bytes, seed=0):
    data = bytearray(path.read_bytes())
    start = int(len(data) * at)
    junk = np.random.default_rng(seed).integers(0, 256, n_bytes, np.uint8).tobytes()
    data[start : start + n_bytes] = junk
    path.write_bytes(data)
    return path


def spoil(path, first, last):
    """Overwrite the packets [first, last), so that none of them can be decoded."""
    with av.open(str(path)) as file:
        packets = [p for p in file.demux(video=0) if p.size]
        places = [(p.pos, p.size) for p in packets[first:last]]
    data = bytearray(path.read_bytes())
    for at, size in places:
        data[at : at + size] = bytes([0xFF]) * size
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("suffix", ["ts", "mkv"])
@pytest.mark.parametrize("seed", range(4))
def test_damage_in_the_middle_costs_only_itself(tmp_path, suffix, seed):
    path = write_clip(tmp_path / f"a.{suffix}", 250, options={"g": "25", "crf": "18"})
    damage(path, 0.3 + 0.1 * seed, 600, seed)
    samples, report = decode(path)
    times = [s.t_us for s in samples]
    assert times == sorted(times)
    assert report.duration_s == pytest.approx(10.0, abs=1.1)
    assert len(samples) > 35, "50 ticks less the damaged GOPs"
    assert report.n_bad_packets < 60


def test_damaged_packets_are_counted(tmp_path):
    path = write_clip(tmp_path / "a.mp4", 250, options={"g": "25", "crf": "18"})
    for k in range(6):
        damage(path, 0.2 + 0.1 * k, 200, k)
    _, report = decode(path)
    assert report.n_bad_packets > 0
    assert any("damaged" in warning for warning in report.warnings)


@pytest.mark.parametrize("share", [0.4, 0.8])
def test_a_file_that_breaks_off_is_used_up_to_there(tmp_path, share):
    path = write_clip(tmp_path / "a.mkv", 250)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    samples, report = decode(path)
    assert 0 < report.duration_s < 10
    assert len(samples) == pytest.approx(5 * report.duration_s, abs=2)


def test_an_mp4_without_its_index_is_refused(tmp_path):
    path = write_clip(tmp_path / "a.mp4", 250)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DecodeError, match=r"a\.mp4"):
        probe_video(find_sources([str(path)])[0])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("empty.mp4", b"", "empty"),
        ("notes.mp4", b"these are notes, not a film\n" * 40, "not a video"),
        ("zeros.mp4", bytes(50_000), "not a video"),
        ("noise.ts", np.random.default_rng(3).bytes(100_000), r"noise\.ts"),
    ],
)
def test_what_is_no_video_says_so(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DecodeError, match=message):
        probe_video(find_sources([str(path)])[0])


def test_sound_alone_is_nothing_to_count(tmp_path):
    path = tmp_path / "sound.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(16_000))
    with pytest.raises(DecodeError, match="audio"):
        probe_video(find_sources([str(path)])[0])


def test_nothing_but_damage_ends_soon(tmp_path):
    """A day of it would be decoded in vain."""
    options = {"preset": "ultrafast", "g": "1"}
    path = write_clip(tmp_path / "a.mp4", 2200, size=(64, 48), options=options)
    spoil(path, 0, 2200)
    with pytest.raises(DecodeError, match=r"a\.mp4: \d+ damaged packets in a row"):
        decode(path)


def test_less_than_that_gives_no_sample_and_says_how_much(tmp_path):
    path = spoil(write_clip(tmp_path / "a.mp4", 20), 0, 20)
    samples, report = decode(path)
    assert samples == []
    assert report.n_bad_packets == 20
    assert any("20 damaged" in warning for warning in report.warnings)


def test_lost_seconds_have_no_sample(tmp_path):
    """What was not seen must not be covered: no sample may fill the hole."""
    options = {"g": "25", "bf": "0"}
    path = spoil(write_clip(tmp_path / "a.mp4", 250, options=options), 100, 175)
    samples, report = decode(path)
    seconds = [s.pts_us / 1e6 for s in samples]
    assert not [t for t in seconds if 4.01 < t < 6.99]
    assert len([t for t in seconds if t < 4]) == 20
    assert seconds[-1] > 9.7
    assert report.duration_s == pytest.approx(10, abs=0.05)
    assert report.n_bad_packets == 75


def test_rotation_is_known_though_the_first_picture_is_damaged(tmp_path):
    flat = write_clip(tmp_path / "flat.mp4", 50, options={"g": "10", "bf": "0"})
    turned = tmp_path / "turned.mp4"
    with av.open(str(flat)) as source, av.open(str(turned), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        stream.set_display_rotation(90)
        for k, packet in enumerate(source.demux(video=0)):
            if packet.dts is not None:
                packet.stream = stream
                if k == 0:
                    packet.update(b"\xff" * packet.size)
                out.mux(packet)
    probe = probe_video(find_sources([str(turned)])[0])
    assert (probe.rotation_deg, probe.width, probe.height) == (90, 96, 160)


def test_a_picture_missing_among_stills_is_left_out(tmp_path):
    import cv2

    from tests.conftest import picture

    folder = tmp_path / "yard"
    folder.mkdir()
    for k in range(6):
        cv2.imwrite(str(folder / f"cam_20260302_0800{10 + k:02d}.png"), picture(k))
    (folder / "cam_20260302_080012.png").write_bytes(b"broken")
    samples, report = decode(folder)
    assert [s.pts_us for s in samples] == [0, 1e6, 3e6, 4e6, 5e6]
    assert report.n_bad_packets == 1
