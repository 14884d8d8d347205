"""Clips hold the asked time, from the recording's own packets where they can."""

import av
import pytest

from tests.conftest import write_clip
from truckcount.errors import DecodeError
from truckcount.video.excerpt import Stretch, cut_excerpt

S_US = 1_000_000
T_US = 1_700_000_000 * S_US


def recording(folder, name="a.mp4", **more):
    folder.mkdir(exist_ok=True)
    options = {"g": "20", "bf": "2"}
    return write_clip(folder / name, 100, fps=10, options=options, **more)


def stretch(path, low_s, high_s, start_s=0):
    return Stretch(
        path=str(path),
        file_start_us=T_US + start_s * S_US,
        from_us=T_US + round(low_s * S_US),
        to_us=T_US + round(high_s * S_US),
    )


def key_times(path):
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        packets = list(file.demux(stream))
        return [float(p.pts * p.time_base) for p in packets if p.is_keyframe]


def times_of(path):
    with av.open(str(path)) as file:
        return [frame.time for frame in file.decode(video=0)]


def pictures_of(path):
    with av.open(str(path)) as file:
        return [(f.time, f.to_ndarray(format="gray")) for f in file.decode(video=0)]


def test_packets_are_copied_from_the_key_frame_before(tmp_path):
    source = recording(tmp_path / "v")
    found = cut_excerpt([stretch(source, 3.0, 6.0)], tmp_path / "clip")
    assert found.is_copied
    assert found.path == tmp_path / "clip.mp4"
    assert found.lead_s == pytest.approx(
        3.0 - max(t for t in key_times(source) if t <= 3.0)
    )
    assert found.length_s == 3.0
    times = times_of(found.path)
    assert times[0] == 0
    assert times[-1] - found.lead_s == pytest.approx(2.9, abs=0.25)


def test_the_picture_at_the_lead_is_that_of_the_asked_moment(tmp_path):
    source = recording(tmp_path / "v")
    found = cut_excerpt([stretch(source, 3.0, 6.0)], tmp_path / "clip")
    want = dict(pictures_of(source))[3.0]
    got = min(pictures_of(found.path), key=lambda p: abs(p[0] - found.lead_s))[1]
    assert (want == got).all()


def test_touching_files_become_one_clip(tmp_path):
    first, second = (recording(tmp_path / "v", f"{k}.mp4") for k in "ab")
    parts = [stretch(first, 8.0, 10.0), stretch(second, 10.0, 13.0, start_s=10)]
    found = cut_excerpt(parts, tmp_path / "clip")
    lead_s = 8.0 - max(t for t in key_times(first) if t <= 8.0)
    assert found.lead_s == pytest.approx(lead_s)
    assert (found.is_copied, found.length_s) == (True, 5.0)
    times = times_of(found.path)
    assert times == sorted(times)
    assert len(times) >= 49
    assert times[-1] - lead_s == pytest.approx(4.9, abs=0.25)


@pytest.mark.parametrize("codec", ["mpeg4", "mjpeg"])
def test_what_a_browser_does_not_play_is_encoded_anew(tmp_path, codec):
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    source = write_clip(
        tmp_path / "a.avi", 50, fps=10, codec=codec, options={}, pix_fmt=pix_fmt
    )
    found = cut_excerpt([stretch(source, 1.0, 3.0)], tmp_path / "clip")
    assert not found.is_copied
    assert found.lead_s == 0
    with av.open(str(found.path)) as file:
        assert file.streams.video[0].codec_context.name in {"h264", "vp9"}
    assert times_of(found.path)[-1] == pytest.approx(1.9, abs=0.11)


def test_files_that_do_not_join_are_encoded_anew(tmp_path):
    big = recording(tmp_path / "v", "a.mp4", size=(320, 192))
    small = recording(tmp_path / "v", "b.mp4")
    parts = [stretch(big, 8.0, 10.0), stretch(small, 10.0, 11.0, start_s=10)]
    found = cut_excerpt(parts, tmp_path / "clip")
    assert not found.is_copied
    assert times_of(found.path)[-1] == pytest.approx(2.9, abs=0.11)


def test_encoding_can_be_asked_for(tmp_path):
    source = recording(tmp_path / "v")
    found = cut_excerpt([stretch(source, 3, 6)], tmp_path / "c", is_reencoded=True)
    assert (found.is_copied, found.lead_s) == (False, 0.0)


def test_no_recording_is_an_error_and_leaves_nothing(tmp_path):
    with pytest.raises(DecodeError, match="no recording"):
        cut_excerpt([], tmp_path / "clip")
    source = recording(tmp_path / "v")
    with pytest.raises(DecodeError, match="no p"):
        cut_excerpt([stretch(source, 60, 70)], tmp_path / "clips" / "clip")
    assert list((tmp_path / "clips").iterdir()) == []
