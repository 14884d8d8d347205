"""What 200 marked frames of a camera do for that camera's later video.

    python -m benchmarks.own_camera
    python -m benchmarks.own_camera --only china_crash_highway green_lorry_parapet

Every clip of role `score` is cut in the middle. Frames of the first half are marked
truck / no truck by the clip's true passages (times near a passage's ends are left
out) and written as a label set, the last fifth of each label being the validation
part. ``truckcount train --from truckmap`` does the rest, and the second half, from a
second later on, is scored and counted by the shipped and by the new weights, each with
the thresholds of its own header. The camera `tfl_625` is cut by date instead; the
shipped weights have seen it in training. No frame is kept.
"""

import argparse
import json
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from benchmarks.clip_accuracy import RESULTS
from benchmarks.machine import ROOT, describe
from benchmarks.own_camera_set import Part, mark, read_verdicts, write_marked_set
from truckcount.counting import CountingOptions, count_passages
from truckcount.domain.scores import Scores
from truckcount.evaluation.clips import ClipScore, measure, score_clip
from truckcount.evaluation.frame_metrics import FrameOutcomes, measure_frames
from truckcount.evaluation.matching import Stay
from truckcount.evaluation.truth import ClipTruth, read_truth
from truckcount.pipeline.cameras import load_cameras
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.scoring import ScoreTask, score_file
from truckcount.presence.runtime_onnx import OnnxRuntime
from truckcount.presence.weights import Weights, find_weights
from truckcount.training.allocator import keep_freed_memory
from truckcount.training.classifier.truckmap_run import (
    TruckMapOptions,
    train_truckmap_run,
)
from truckcount.training.clip_frames import read_clip_frames
from truckcount.video import find_sources

FOLDER = ROOT.parent / "shared" / "data" / "clips"
START = "2000-01-01T00:00:00+00:00"
START_US = 946_684_800_000_000
N_FRAMES = 200
GAP_S = 1.0  # between the last marked frame and the first that is scored
N_MARKED_DAYS = 8  # of tfl_625, the first ones by date


def score_part(part: Part, weights: Weights) -> Scores:
    """Score a whole clip by the product's own decoder and engine."""
    (source,) = find_sources([str(part.truth.file)])
    task = ScoreTask(
        source=source,
        camera=part.camera,
        segment_id="clip",
        options=RunOptions(start=START),
    )
    scored = score_file(task, weights, OnnxRuntime(weights))
    (gate,) = part.camera.gates
    return scored.scores[gate.name]


def measure_parts(parts: list[Part], weights: Weights) -> dict[str, object]:
    """Score and count stretches of clips: frame figures and passages."""
    options = CountingOptions().with_overrides(weights.header.thresholds)
    p, labels, clips = [], [], []
    for part in parts:
        scores = score_part(part, weights)
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
    return {
        "n_frames": n,
        "n_truck_frames": int(sum(labels)),
        **{
            name: figures[name]
            for name in ("accuracy", "balanced_accuracy", "recall", "specificity")
        },
        "roc_auc": figures["roc_auc"],
        "n_truth": measure(clips)["n_truth"],
        "true_positive": sum(c.n_true_positive for c in clips),
        "false_positive": sum(c.n_false_positive for c in clips),
        "false_negative": sum(c.n_false_negative for c in clips),
        "passage_f1": passage_f1(clips),
    }


def count_part(part: Part, scores: Scores, options: CountingOptions) -> ClipScore:
    """Count a stretch; passages that began before it are neither asked nor wrong."""
    (gate,) = part.camera.gates
    stays = [
        Stay(
            onset_s=(p.onset_us - START_US) / 1e6,
            offset_s=((p.offset_us or p.onset_us) - START_US) / 1e6,
            direction=p.direction,
        )
        for p in count_passages(scores, gate, options, clip_aspect(part.truth.file))
        if p.is_counted
    ]
    truth = part.truth
    asked = tuple(s for s in truth.scored if s.onset_s >= part.from_s)
    others = tuple(s for s in truth.scored if s.onset_s < part.from_s)
    later = replace(truth, scored=asked, unscored=(*truth.unscored, *others))
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
    experiment: Experiment, options: TruckMapOptions, base: Weights
) -> dict[str, object]:
    """Mark, train as the command does, score the rest before and after."""
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        marks = write_marked_set(place / "set", experiment.marked, N_FRAMES)
        before = measure_parts(list(experiment.tested), base)
        if not marks:
            return {"camera": experiment.name, "n_marked": 0, "before": before}
        began = time.process_time()
        run = train_truckmap_run(place / "set", options, place / "run")
        seconds = time.process_time() - began
        after = measure_parts(list(experiment.tested), find_weights(str(run.folder)))
    return {
        "camera": experiment.name,
        "n_marked": len(marks),
        "n_marked_truck": int(sum(marks)),
        "train_cpu_s": round(seconds, 1),
        "border": run.metrics["border"],
        "before": before,
        "after": after,
    }


def main() -> None:
    """Measure and write ``results/own_camera.json``."""
    usual = TruckMapOptions()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", help="names of clips, or tfl_625")
    parser.add_argument("--from-weights", default=usual.from_weights)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--rate", type=float, default=usual.learning_rate)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--to", type=Path, default=RESULTS / "own_camera.json")
    arguments = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(1)
    base = find_weights(arguments.from_weights)
    options = TruckMapOptions(
        from_weights=arguments.from_weights,
        teach_by="frames",
        n_steps=arguments.steps,
        learning_rate=arguments.rate,
        cameras=FOLDER / "cameras.toml",
        seed=arguments.seed,
    )
    rows = []
    for experiment in plan_experiments(FOLDER):
        if arguments.only and experiment.name not in arguments.only:
            continue
        row = run_experiment(experiment, options, base)
        rows.append(row)
        print(json.dumps(row), flush=True)
        result = {**describe(), "model_id": base.model_id, "cameras": rows}
        arguments.to.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
