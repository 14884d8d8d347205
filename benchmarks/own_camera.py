"""What 200 marked frames of a camera do for that camera's later video.

    python -m benchmarks.own_camera
    python -m benchmarks.own_camera --only china_crash_highway green_lorry_parapet

Every clip of role `score` is cut in the middle. Frames of the first half are marked
truck / no truck by the clip's true passages (times near a passage's ends are left
out), the shipped weights are fine-tuned on them, and the second half, from a second
later on, is scored and counted before and after with one set of thresholds. The
camera `tfl_625` is cut by date instead; the shipped weights have seen it in training.
No frame is kept.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from benchmarks.clip_accuracy import RESULTS
from benchmarks.machine import ROOT, describe
from truckcount.counting import CountingOptions, count_passages
from truckcount.domain.camera import Camera
from truckcount.domain.scores import Scores
from truckcount.evaluation.clips import ClipScore, measure, score_clip
from truckcount.evaluation.frame_metrics import FrameOutcomes, measure_frames
from truckcount.evaluation.matching import Stay
from truckcount.evaluation.truth import ClipTruth, read_truth
from truckcount.pipeline.cameras import load_cameras
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.scoring import ScoreTask, score_file
from truckcount.presence.runtime import Maps
from truckcount.presence.runtime_torch import load_truckmap
from truckcount.presence.truckmap import TruckMap
from truckcount.presence.weights import find_weights
from truckcount.training.clip_frames import read_clip_frames
from truckcount.training.own_camera import (
    GateFrame,
    OwnCameraOptions,
    cut_gate_frame,
    finetune_on_labels,
)
from truckcount.video import find_sources

FOLDER = ROOT.parent / "shared" / "data" / "clips"
START = "2000-01-01T00:00:00+00:00"
START_US = 946_684_800_000_000
N_FRAMES = 200
SURE_S = 0.3  # data.md: passages begin and end to about this
CLEAR_S = 0.6  # no truck this near: certainly none
GAP_S = 1.0  # between the last marked frame and the first that is scored
N_MARKED_DAYS = 8  # of tfl_625, the first ones by date


class NetworkRuntime:
    """A network in memory as the pipeline's runtime."""

    device = "cpu"

    def __init__(self, network: TruckMap) -> None:
        self._network = network.eval()

    @torch.inference_mode()
    def score_views(self, views: npt.NDArray[np.uint8]) -> Maps:
        """Score a batch of shape (N, H, W, 3)."""
        out = self._network(torch.from_numpy(views).permute(0, 3, 1, 2))
        box = torch.cat([out.size, out.offset], dim=1)
        return Maps(torch.sigmoid(out.heat[:, 0]).numpy(), box.numpy())


@dataclass(frozen=True)
class Part:
    """A stretch of a clip that is scored."""

    truth: ClipTruth
    camera: Camera
    from_s: float
    passages: tuple[tuple[Stay, str], ...]
    """All true passages with their verdicts."""


def read_verdicts(folder: Path) -> dict[str, list[tuple[Stay, str]]]:
    """Read every passage with its verdict, whether it is scored or not."""
    import csv

    found: dict[str, list[tuple[Stay, str]]] = {}
    with (folder / "passages.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            stay = Stay(
                onset_s=float(row["onset_s"]),
                offset_s=float(row["offset_s"]),
                direction=row["direction"],
            )
            found.setdefault(row["clip"], []).append((stay, row["verdict"]))
    return found


def mark(t_s: float, passages: tuple[tuple[Stay, str], ...]) -> int | None:
    """Say whether a truck is in the gate; None where nobody could."""
    near = [
        (stay, verdict)
        for stay, verdict in passages
        if stay.onset_s - CLEAR_S <= t_s <= stay.offset_s + CLEAR_S
    ]
    for stay, verdict in near:
        is_inside = stay.onset_s + SURE_S <= t_s <= stay.offset_s - SURE_S
        if verdict == "truck" and is_inside:
            return 1
    return None if near else 0


def marked_frames(
    part: Part, until_s: float, n: int, view_size: tuple[int, int]
) -> tuple[list[GateFrame], list[int]]:
    """Cut up to n marked frames of a clip's first seconds."""
    times = np.linspace(0.0, max(until_s - 0.05, 0.05), 3 * n)
    labels = {float(t): mark(float(t), part.passages) for t in times}
    sure = [t for t, label in labels.items() if label is not None]
    kept = sure if len(sure) <= n else [sure[i * len(sure) // n] for i in range(n)]
    frames, marks, seen = [], [], -1.0
    for t_s, image in read_clip_frames(part.truth.file, np.array(kept)):
        label = mark(t_s, part.passages)
        if label is None or t_s <= seen:  # a slow clip has fewer frames than asked
            continue
        seen = t_s
        frames.append(cut_gate_frame(image, part.camera.gates, view_size))
        marks.append(label)
    return frames, marks


def score_part(part: Part, network: TruckMap) -> Scores:
    """Score a whole clip by the product's own decoder and engine."""
    (source,) = find_sources([str(part.truth.file)])
    task = ScoreTask(
        source=source,
        camera=part.camera,
        segment_id="clip",
        options=RunOptions(start=START),
    )
    scored = score_file(task, find_weights("truckmap"), NetworkRuntime(network))
    (gate,) = part.camera.gates
    return scored.scores[gate.name]


def measure_parts(parts: list[Part], network: TruckMap) -> dict[str, object]:
    """Score and count stretches of clips: frame figures and passages."""
    options = CountingOptions().with_overrides(
        find_weights("truckmap").header.thresholds
    )
    p, labels, clips = [], [], []
    for part in parts:
        scores = score_part(part, network)
        seconds = (scores.t_us - START_US) / 1e6
        for t_s, score in zip(seconds, scores.score_u8 / 255, strict=True):
            label = mark(float(t_s), part.passages)
            if part.from_s <= t_s <= part.truth.annotated_until_s and label is not None:
                p.append(float(score))
                labels.append(label)
        clips.append(count_part(part, scores, options))
    n = len(p)
    outcomes = FrameOutcomes(
        p=np.array(p, float),
        label=np.array(labels, float),
        weight=np.ones(n),
        unit=np.arange(n),
    )
    figures = measure_frames(outcomes, options.on_score)
    counted = measure(clips)
    return {
        "n_frames": n,
        "n_truck_frames": int(sum(labels)),
        **{
            name: figures[name]
            for name in ("accuracy", "balanced_accuracy", "recall", "specificity")
        },
        "roc_auc": figures["roc_auc"],
        "n_truth": counted["n_truth"],
        "true_positive": sum(c.n_true_positive for c in clips),
        "false_positive": sum(c.n_false_positive for c in clips),
        "false_negative": sum(c.n_false_negative for c in clips),
        "passage_f1": passage_f1(clips),
    }


def count_part(part: Part, scores: Scores, options: CountingOptions) -> ClipScore:
    """Count a stretch; passages that began before it are neither asked nor wrong."""
    (gate,) = part.camera.gates
    aspect = clip_aspect(part.truth.file)
    stays = [
        Stay(
            onset_s=(p.onset_us - START_US) / 1e6,
            offset_s=((p.offset_us or p.onset_us) - START_US) / 1e6,
            direction=p.direction,
        )
        for p in count_passages(scores, gate, options, aspect)
        if p.is_counted
    ]
    truth = part.truth
    asked = tuple(s for s in truth.scored if s.onset_s >= part.from_s)
    others = tuple(s for s in truth.scored if s.onset_s < part.from_s)
    later = ClipTruth(
        clip=truth.clip,
        file=truth.file,
        camera=truth.camera,
        group=truth.group,
        role=truth.role,
        light=truth.light,
        annotated_until_s=truth.annotated_until_s,
        scored=asked,
        unscored=(*truth.unscored, *others),
    )
    return score_clip(later, [s for s in stays if s.onset_s >= part.from_s])


def clip_aspect(path: Path) -> float:
    """Width over height of a clip's picture."""
    _, image = next(read_clip_frames(path, np.array([0.0])))
    return image.shape[1] / image.shape[0]


def passage_f1(clips: list[ClipScore]) -> float | None:
    """2TP / (2TP + FP + FN) over all clips; None where there is nothing to count."""
    right = 2 * sum(c.n_true_positive for c in clips)
    wrong = sum(c.n_false_positive + c.n_false_negative for c in clips)
    return right / (right + wrong) if right + wrong else None


@dataclass(frozen=True)
class Experiment:
    """One camera: what is marked and what is scored."""

    name: str
    marked: tuple[tuple[Part, float], ...]
    """Parts with the second up to which frames are marked."""
    tested: tuple[Part, ...]


def plan_experiments(folder: Path) -> list[Experiment]:
    """Cut every `score` clip in the middle, and `tfl_625` by date."""
    verdicts = read_verdicts(folder)
    book = load_cameras(folder / "cameras.toml")

    def part(truth: ClipTruth, from_s: float) -> Part:
        return Part(
            truth=truth,
            camera=book.camera_for(str(truth.file)),
            from_s=from_s,
            passages=tuple(verdicts.get(truth.clip, ())),
        )

    found = []
    for truth in read_truth(folder, "score"):
        middle_s = truth.annotated_until_s / 2
        whole = part(truth, middle_s + GAP_S)
        found.append(Experiment(truth.clip, ((whole, middle_s),), (whole,)))
    tfl = sorted(
        (t for t in read_truth(folder, "train") if t.group == "tfl-625"),
        key=lambda t: t.clip,  # 625_YYYYMMDDhhmm
    )
    days = sorted({t.clip[4:12] for t in tfl})[:N_MARKED_DAYS]
    found.append(
        Experiment(
            "tfl_625",
            tuple(
                (part(t, 0.0), t.annotated_until_s) for t in tfl if t.clip[4:12] in days
            ),
            tuple(part(t, 0.0) for t in tfl if t.clip[4:12] not in days),
        )
    )
    return found


def run_experiment(
    experiment: Experiment, network: TruckMap, options: OwnCameraOptions
) -> dict[str, object]:
    """Mark, fine-tune, score before and after."""
    view_size = find_weights("truckmap").header.view_size
    frames: list[GateFrame] = []
    marks: list[int] = []
    share = -(-N_FRAMES // len(experiment.marked))
    for part, until_s in experiment.marked:
        found = marked_frames(part, until_s, share, view_size)
        frames += found[0]
        marks += found[1]
    before = measure_parts(list(experiment.tested), network)
    began = time.process_time()
    after = None
    if frames:
        tuned = finetune_on_labels(network, frames, marks, options)
        seconds = time.process_time() - began
        after = measure_parts(list(experiment.tested), tuned)
    return {
        "camera": experiment.name,
        "n_marked": len(frames),
        "n_marked_truck": int(sum(marks)),
        "finetune_cpu_s": round(seconds, 1) if after is not None else None,
        "before": before,
        "after": after,
    }


def main() -> None:
    """Measure and write ``results/own_camera.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", help="names of clips, or tfl_625")
    parser.add_argument("--steps", type=int, default=OwnCameraOptions().n_steps)
    parser.add_argument("--rate", type=float, default=OwnCameraOptions().learning_rate)
    parser.add_argument("--keep", type=float, default=OwnCameraOptions().keep_share)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--to", type=Path, default=RESULTS / "own_camera.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    weights = find_weights("truckmap")
    network = load_truckmap(weights)
    options = OwnCameraOptions(
        n_steps=arguments.steps,
        learning_rate=arguments.rate,
        keep_share=arguments.keep,
        seed=arguments.seed,
    )
    rows = []
    for experiment in plan_experiments(FOLDER):
        if arguments.only and experiment.name not in arguments.only:
            continue
        row = run_experiment(experiment, network, options)
        rows.append(row)
        print(json.dumps(row), flush=True)
    result = {**describe(), "model_id": weights.model_id, "cameras": rows}
    arguments.to.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
