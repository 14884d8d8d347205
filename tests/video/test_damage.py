"""Damaged, cut and foreign files: what is good is used, the rest is said."""

import wave

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
