"""The GPU's decoder takes the CPU's samples, or says why not and lets the CPU.

On a machine without a GPU its frames come from PyAV, and from torchcodec on the CPU
where that is installed: choosing, cutting and falling back are the same code.
"""

from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest
import torch

from tests.conftest import write_clip
from tests.video.test_nonref import slowing_ms
from truckcount.domain.sample import ViewRect
from truckcount.presence.tensor_crop import TensorCropper
from truckcount.video import find_sources, open_decoder
from truckcount.video.decode_nvdec import NvdecDecoder

pytestmark = pytest.mark.video

START_US = 1_772_460_000_070_000
LUMA = [0.299, 0.587, 0.114]
RECTS = [
    ViewRect(gate="g", x0=0.25, y0=0.5, x1=1, y1=1, width_px=96, height_px=32),
    ViewRect(gate="h", x0=0, y0=0, x1=1, y1=0.9, width_px=96, height_px=64),
]


class FramesByAv:
    """What torchcodec offers, by PyAV."""

    cpu_fallback = False

    def __init__(self, path):
        with av.open(path) as file:
            frames = list(file.decode(video=0))
        self.times_s = [float(f.pts * f.time_base) for f in frames]
        self.pictures = [f.to_ndarray(format="rgb24") for f in frames]
        self.asked = []

    def get_frames_at(self, indices):
        self.asked += indices
        pictures = np.stack([self.pictures[k] for k in indices])
        return SimpleNamespace(
            data=torch.from_numpy(pictures).permute(0, 3, 1, 2),
            pts_seconds=torch.tensor([self.times_s[k] for k in indices]).double(),
        )


def by_torchcodec(path):
    decoders = pytest.importorskip("torchcodec.decoders", exc_type=ImportError)
    return decoders.VideoDecoder(path, device="cpu")


OPENERS = {"PyAV": FramesByAv, "torchcodec": by_torchcodec}
CLIPS = {
    "plain.mp4": {},
    "skippable.mp4": {"options": {"x264-params": "bframes=3:b-adapt=0:keyint=50"}},
    "reordered.mp4": {"options": {"x264-params": "bframes=4:b-pyramid=2:keyint=30"}},
    "vfr.mkv": {"pts": lambda k: 3 * k + k % 2},
    "late.mkv": {"pts": lambda k: 91 + k},
    "stream.ts": {"options": {"x264-params": "bframes=2:b-adapt=0:scenecut=0"}},
    "hevc.mp4": {"codec": "libx265", "options": {"x265-params": "log-level=none"}},
}


def decode(path, open_frames=FramesByAv, sample_fps=5.0):
    source = find_sources([str(path)])[0]
    on_cpu = open_decoder(source, RECTS, start_us=START_US, sample_fps=sample_fps)
    want = list(on_cpu)
    on_gpu = NvdecDecoder(
        source, RECTS, start_us=START_US, sample_fps=sample_fps,
        cut=TensorCropper(RECTS).cut, open_frames=open_frames,
    )  # fmt: skip
    got = list(on_gpu)
    # frames at the ends of GOPs, which only a decoder that reads all of them leaves out
    n_frames = on_cpu.report.n_frames_decoded + on_cpu.n_left_out
    all_of_cpu = replace(on_cpu.report, n_frames_decoded=n_frames)
    return want, all_of_cpu, got, on_gpu.report


@pytest.mark.parametrize("opener", OPENERS)
@pytest.mark.parametrize("name", CLIPS)
def test_samples_are_those_of_the_cpu(tmp_path, name, opener):
    if (name, opener) == ("stream.ts", "torchcodec"):
        pytest.skip(
            "torchcodec 0.17 misses the last frames of such streams: by the CPU"
        )
    path = write_clip(tmp_path / name, 80, size=(320, 192), **CLIPS[name])
    want, on_cpu, got, on_gpu = decode(path, OPENERS[opener])
    assert on_gpu.warnings == ()
    assert [(s.tick, s.t_us, s.pts_us, s.quality_flags) for s in got] == [
        (s.tick, s.t_us, s.pts_us, s.quality_flags) for s in want
    ]
    for field in ("duration_s", "n_samples", "n_frames_decoded", "end_us", "width"):
        assert getattr(on_gpu, field) == getattr(on_cpu, field), field
    for ours, theirs in zip(got, want, strict=True):
        for view, reference in zip(ours.views, theirs.views, strict=True):
            assert isinstance(view, torch.Tensor)
            assert view.shape == reference.shape
            # brightness: swscale rounds down, up to two levels where it enlarges
            apart = np.abs((view.numpy().astype(float) - reference) @ LUMA)
            assert apart.mean() < 2.5


def test_a_stream_that_slows_down_keeps_every_tick_as_on_the_cpu(tmp_path):
    path = write_clip(
        tmp_path / "slowing.mkv",
        190,
        pts=slowing_ms,
        time_base=Fraction(1, 1000),
        options={"x264-params": "bframes=3:b-adapt=0:scenecut=0:log-level=0"},
    )
    want, _, got, report = decode(path)
    assert report.warnings == ()
    assert [(s.tick, s.t_us) for s in got] == [(s.tick, s.t_us) for s in want]


def test_only_samples_are_asked_for(tmp_path):
    path = write_clip(tmp_path / "a.mp4", 50)
    opened = []

    def open_frames(name):
        opened.append(FramesByAv(name))
        return opened[0]

    *_, got, _ = decode(path, open_frames, sample_fps=2.0)
    assert len(opened[0].asked) == len(got) == 5
    assert opened[0].asked == sorted(set(opened[0].asked))


def failing(error):
    def open_frames(_path):
        raise error

    return open_frames


class UnknownCodec(FramesByAv):
    cpu_fallback = "Video not supported"


class BreaksLater(FramesByAv):
    def get_frames_at(self, indices):
        if self.asked:
            raise RuntimeError("cuvid error 2")
        return super().get_frames_at(indices)


class GivesAnother(FramesByAv):
    def get_frames_at(self, indices):
        return super().get_frames_at([k + 1 for k in indices])


@pytest.mark.parametrize(
    ("open_frames", "reason"),
    [
        (failing(RuntimeError("no NVDEC\nlong story")), "no NVDEC"),
        (failing(ImportError("no torchcodec")), "no torchcodec"),
        (UnknownCodec, "codec not supported by NVDEC"),
        (BreaksLater, "cuvid error 2"),
        (GivesAnother, "gave the frame of"),
    ],
)
def test_what_nvdec_cannot_do_the_cpu_does(
    tmp_path, monkeypatch, caplog, open_frames, reason
):
    monkeypatch.setattr("truckcount.video.decode_nvdec.CHUNK_FRAMES", 4)
    path = write_clip(tmp_path / "a.mp4", 80)
    want, on_cpu, got, on_gpu = decode(path, open_frames)
    assert [(s.tick, s.t_us) for s in got] == [(s.tick, s.t_us) for s in want]
    assert on_gpu.n_samples == on_cpu.n_samples
    assert reason in on_gpu.warnings[-1]
    assert "long story" not in on_gpu.warnings[-1]
    assert f"a.mp4: {on_gpu.warnings[-1]}" in caplog.text


def test_a_clock_that_jumps_back_is_left_to_the_cpu(tmp_path):
    path = write_clip(tmp_path / "jump.ts", 50)
    second = write_clip(tmp_path / "second.ts", 50)
    path.write_bytes(path.read_bytes() + second.read_bytes())
    want, _, got, report = decode(path)
    assert [s.tick for s in got] == [s.tick for s in want]
    assert "decoded on the CPU" in report.warnings[-1]


def test_without_a_cutter_the_cpu_decodes(tmp_path):
    source = find_sources([str(write_clip(tmp_path / "a.mp4", 20))])[0]
    decoder = open_decoder(source, RECTS, start_us=0, sample_fps=5.0, backend="nvdec")
    assert isinstance(next(iter(decoder)).views[0], np.ndarray)
