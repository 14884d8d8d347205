"""Several files scored by one runtime in one process count as each alone does."""

import numpy as np
import pytest
import torch

from tests.golden.sample_clips import CAMERAS, SAMPLES
from tests.video.test_decode_nvdec import FramesByAv
from truckcount.counting import count_passages
from truckcount.errors import VideoError
from truckcount.pipeline import executors
from truckcount.pipeline.cameras import load_cameras
from truckcount.pipeline.config import RunOptions, counting_options
from truckcount.pipeline.executors import score_in_threads, score_tasks
from truckcount.pipeline.scoring import ScoreTask, score_file
from truckcount.presence.runtime_onnx import OnnxRuntime
from truckcount.presence.runtime_torch import TorchRuntime
from truckcount.presence.tensor_crop import TensorCropper
from truckcount.presence.weights import find_weights
from truckcount.video import find_sources
from truckcount.video.decode_nvdec import NvdecDecoder

WEIGHTS = find_weights("truckmap")
CLIPS = sorted(SAMPLES.glob("dc-*.mp4"))


def tasks(tmp_path, sample_fps=2.5, **options):
    book = load_cameras(CAMERAS)
    chosen = RunOptions(
        store=tmp_path / "s", model="truckmap", sample_fps=sample_fps, **options
    )
    return [
        ScoreTask(
            source=find_sources([str(clip)])[0],
            camera=book.camera_for(str(clip)),
            segment_id=clip.stem,
            options=chosen,
        )
        for clip in CLIPS
    ]


def counted(task, scored):
    aspect = scored.report.width / scored.report.height
    return [
        (gate.name, passage.direction, passage.onset_us)
        for gate in task.camera.gates
        for passage in count_passages(
            scored.scores[gate.name],
            gate,
            counting_options(gate, WEIGHTS.header.thresholds),
            aspect,
        )
        if passage.is_counted
    ]


@pytest.mark.parametrize(
    "device",
    [
        "cpu",
        pytest.param(
            "cuda",
            marks=pytest.mark.skipif(
                not torch.cuda.is_available(), reason="no CUDA device"
            ),
        ),
    ],
)
def test_two_videos_at_a_time_count_as_one_after_the_other(tmp_path, device):
    assert len(CLIPS) == 2
    todo = tasks(tmp_path)
    alone = {
        task.segment_id: score_file(task, WEIGHTS, OnnxRuntime(WEIGHTS))
        for task in todo
    }
    runtime = TorchRuntime(WEIGHTS, device)
    together = list(score_in_threads(todo, WEIGHTS, runtime, jobs=2))
    assert {task.segment_id for task, _ in together} == set(alone)
    n = 0
    for task, scored in together:
        want = alone[task.segment_id]
        for name, scores in scored.scores.items():
            assert scores.t_us.tolist() == want.scores[name].t_us.tolist()
        ours, theirs = counted(task, scored), counted(task, want)
        # a level of 255 may move an onset by a sample; the trucks are the same
        assert [row[:2] for row in ours] == [row[:2] for row in theirs]
        n += len(ours)
        assert scored.report.n_samples == want.report.n_samples
    assert n > 0


@pytest.mark.parametrize(("which", "n_trucks"), [(0, 5), (1, 4)])
def test_views_that_stay_on_the_device_count_the_same(
    tmp_path, monkeypatch, which, n_trucks
):
    """The whole path of NVDEC but for the chip: frames come from PyAV.

    At the pace that is the default: at half of it a truck at a threshold is counted
    or not with the last digit of a colour.
    """
    monkeypatch.setitem(NvdecDecoder.__init__.__kwdefaults__, "open_frames", FramesByAv)
    monkeypatch.setattr(
        "truckcount.pipeline.scoring.gpu_cutter",
        lambda rects, _device: TensorCropper(rects).cut,
    )
    on_gpu = tasks(tmp_path, sample_fps=5, backend="nvdec")[which]
    on_cpu = tasks(tmp_path, sample_fps=5)[which]
    want = score_file(on_cpu, WEIGHTS, OnnxRuntime(WEIGHTS))
    got = score_file(on_gpu, WEIGHTS, TorchRuntime(WEIGHTS, "cpu"))
    assert got.report.warnings == ()
    for name, scores in got.scores.items():
        assert scores.t_us.tolist() == want.scores[name].t_us.tolist()
        apart = scores.score_u8.astype(int) - want.scores[name].score_u8
        assert np.abs(apart).mean() < 6  # of 255: colours are converted elsewhere
    ours, theirs = counted(on_gpu, got), counted(on_cpu, want)
    assert len(ours) == n_trucks
    assert [row[:2] for row in ours] == [row[:2] for row in theirs]


def test_a_bad_file_does_not_stop_the_others(tmp_path):
    good, other = tasks(tmp_path, sample_fps=0.5)
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video" * 100)
    broken = ScoreTask(
        source=find_sources([str(bad)])[0],
        camera=other.camera,
        segment_id="bad",
        options=other.options,
    )
    runtime = TorchRuntime(WEIGHTS, "cpu")
    found = {
        task.segment_id: scored
        for task, scored in score_in_threads([broken, good], WEIGHTS, runtime, 2)
    }
    assert isinstance(found["bad"], VideoError)
    assert found[good.segment_id].report.n_samples > 0


def test_leaving_early_ends_the_threads(tmp_path):
    runtime = TorchRuntime(WEIGHTS, "cpu")
    scored = score_in_threads(tasks(tmp_path, sample_fps=0.5), WEIGHTS, runtime, jobs=1)
    next(scored)
    scored.close()  # waits for them


def test_jobs_on_a_gpu_are_threads_of_one_process(tmp_path, monkeypatch):
    monkeypatch.setattr(executors, "is_on_gpu", lambda _device: True)
    monkeypatch.setattr(executors, "_runtime_of", lambda *_: "the one")
    asked = []

    def in_threads(todo, _weights, runtime, jobs):
        asked.append((len(list(todo)), runtime, jobs))
        return iter(())

    monkeypatch.setattr(executors, "score_in_threads", in_threads)
    assert list(score_tasks(tasks(tmp_path, jobs=4), WEIGHTS, None)) == []
    assert asked == [(2, "the one", 4)]
