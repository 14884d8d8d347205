"""A frame has one score: of training, of `evaluate frames` and of `run`."""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from torch import nn

from tests.conftest import write_clip
from tests.training.classifier.red_frames import write_red_set
from truckcount.cli.run import run
from truckcount.evaluation.score_frames import evaluate_frames, gates_of
from truckcount.presence.zoo.factory import build_network
from truckcount.training.classifier.dataset import BatchLoader, plain_set
from truckcount.training.classifier.export import (
    ExportFacts,
    export_classifier,
    view_size_of,
)
from truckcount.training.classifier.frames import read_frames
from truckcount.training.classifier.packed import pack_frames
from truckcount.training.classifier.predict import predict_logits

pytest.importorskip("onnx")
pytestmark = pytest.mark.usefixtures("one_torch_thread")
SIZE = (320, 180)  # 16:9, as cameras are: its views were not square
GATE = """[cameras.north]
match = ["*"]
[[cameras.north.gates]]
name = "g"
polygon = [[0, 0], [0.61, 0], [0.61, 0.52], [0, 0.52]]
"""
WHOLE = """[cameras.north]
match = ["*"]
[[cameras.north.gates]]
name = "all"
polygon = [[0, 0], [1, 0], [1, 1], [0, 1]]
"""


@dataclass(frozen=True, kw_only=True)
class Case:
    """A network, its frames, their gates, and what training says of the frames."""

    frames: Path
    model: Path
    cameras: Path
    p: np.ndarray


@pytest.fixture(
    scope="module",
    params=[("seed", None, False), ("resnet18", 96, False), ("resnet18", 100, True)],
    ids=["seed", "resnet18", "resnet18 of odd size at a gate"],
)
def case(request, tmp_path_factory):
    """Write a network whose scores spread over the frames, as trained ones do."""
    name, input_px, is_gated = request.param
    root = tmp_path_factory.mktemp("same")
    cameras = root / "cameras.toml"
    cameras.write_text(GATE if is_gated else WHOLE)
    folder = write_red_set(root / "set", 24, size=SIZE)
    for k, path in enumerate(sorted((folder / "frames").iterdir())):
        # soft as a lens, and of all times of day: rounding alone tells no two apart
        picture = cv2.GaussianBlur(cv2.imread(str(path)), (0, 0), 1.5)
        cv2.imwrite(str(path), np.clip(picture * (0.3 + 0.08 * k), 0, 255))
    frames = read_frames(folder)
    torch.manual_seed(0)
    network = build_network(name, input_px=input_px).eval()
    frames = replace(
        frames,
        gates=gates_of(cameras, frames.camera) if is_gated else {},
        view_px=view_size_of(network)[0],
    )
    packed = pack_frames(frames, network.input_px, root / "pack")
    views = BatchLoader(plain_set(frames, packed, network.input_px), 0)
    rows = np.arange(len(frames))
    logits = predict_logits(network, views, rows)
    with torch.no_grad():
        last = [part for part in network.modules() if isinstance(part, nn.Linear)][-1]
        last.weight *= 2 / logits.std()
        last.bias += (last.bias - logits.mean()) * 2 / logits.std() - last.bias
    model = root / f"{name}.safetensors"
    facts = ExportFacts(
        name=name,
        data_fingerprint="none",
        training="none",
        config={"input_px": input_px},
    )
    export_classifier(network, model, facts)
    logits = predict_logits(network, views, rows)
    return Case(
        frames=frames.folder,
        model=model,
        cameras=cameras,
        p=1 / (1 + np.exp(-logits)),
    )


def evaluated(case):
    """What `evaluate frames` says of every frame."""
    scores = evaluate_frames(
        case.frames,
        model=str(case.model),
        split=None,
        cameras=case.cameras,
        device="cpu",
    )
    return scores.outcomes.p


def counted(case, source, store):
    """What `run` stores of every frame, in the order of their times."""
    told = CliRunner().invoke(
        run,
        [
            str(source), "--model", str(case.model), "--cameras", str(case.cameras),
            "--store", str(store), "--device", "cpu", "--json",
            "--start", "2026-03-02T08:00:00Z",
        ],
    )  # fmt: skip
    assert told.exit_code == 0, told.output
    tables = [pd.read_parquet(path) for path in (store / "scores").rglob("*.parquet")]
    table = pd.concat(tables).sort_values("t_utc")
    return table["score_u8"].to_numpy(float) / 255


def test_training_tells_what_evaluation_does(case):
    assert np.ptp(case.p) > 0.5  # it tells frames apart
    assert evaluated(case) == pytest.approx(case.p, abs=0.02)


def test_run_scores_stills_as_evaluation_does(case, tmp_path):
    frames = sorted((case.frames / "frames").iterdir())
    stills = tmp_path / "stills"
    stills.mkdir()
    for k, path in enumerate(frames):
        (stills / f"yard_20260302T0800{k:02d}Z.png").write_bytes(path.read_bytes())
    p = counted(case, stills, tmp_path / "store")
    assert p == pytest.approx(evaluated(case), abs=0.02)


def test_run_scores_a_lossless_clip_as_evaluation_does(case, tmp_path):
    frames = sorted((case.frames / "frames").iterdir())
    clip = write_clip(
        tmp_path / "clip.mkv",
        len(frames),
        fps=1,
        size=SIZE,
        codec="ffv1",
        pix_fmt="bgr0",
        options={},
        image=lambda k: np.ascontiguousarray(cv2.imread(str(frames[k]))[:, :, ::-1]),
    )
    p = counted(case, clip, tmp_path / "store")
    assert p == pytest.approx(evaluated(case), abs=0.02)
