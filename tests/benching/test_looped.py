"""Clips looped and cut: the same pictures, longer or shorter."""

import itertools

import av
import pytest

from tests.conftest import write_clip
from truckcount.benching.looped import container_suffix, loop_clip
from truckcount.errors import BenchError

pytestmark = pytest.mark.video


def times_of(path):
    """Presentation times of all frames, seconds, as the decoder gives them."""
    with av.open(str(path)) as container:
        return [float(f.time) for f in container.decode(video=0)]


@pytest.mark.parametrize("options", [{"bf": "3"}, {"bf": "0"}], ids=["b", "no b"])
def test_a_looped_clip_has_every_frame_again_at_even_steps(tmp_path, options):
    clip = write_clip(tmp_path / "c.mp4", 20, options=options)
    seconds = loop_clip(clip, 3, tmp_path / "l.mp4")
    times = times_of(tmp_path / "l.mp4")
    assert len(times) == 60
    assert seconds == pytest.approx(2.4)
    steps = [b - a for a, b in itertools.pairwise(times)]
    assert steps == pytest.approx([0.04] * 59)


def test_a_cut_clip_ends_near_the_asked_second(tmp_path):
    clip = write_clip(tmp_path / "c.mp4", 100)
    seconds = loop_clip(clip, 2, tmp_path / "l.mp4", until_s=1.0)
    assert seconds == pytest.approx(2.0, abs=0.3)
    assert len(times_of(tmp_path / "l.mp4")) == pytest.approx(50, abs=8)


def test_what_is_no_video_says_so(tmp_path):
    (tmp_path / "no.mp4").write_bytes(b"nothing" * 100)
    with pytest.raises(BenchError, match=r"no\.mp4: cannot be looped"):
        loop_clip(tmp_path / "no.mp4", 2, tmp_path / "l.mp4")


def test_a_raw_stream_goes_into_a_container_with_times(tmp_path):
    assert container_suffix(tmp_path / "a.MP4") == ".mp4"
    assert container_suffix(tmp_path / "a.avi") == ".mkv"
