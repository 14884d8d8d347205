"""What the real clips score when thresholds are chosen on other cameras.

    python -m benchmarks.threshold_cross_validation

For each group of clips, `on_score` and `track_score` are chosen on all other groups
(most clip-mean F1 less false passages per truck-free clip), then that group is
counted with them. The scores are taken once; only counting is repeated.
"""

import itertools
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.clip_accuracy import RESULTS, SETS
from benchmarks.machine import describe
from truckcount.counting import CountingOptions, count_passages
from truckcount.domain.camera import Gate
from truckcount.domain.scores import Scores
from truckcount.evaluation.clips import ClipScore, ClipScores, measure, score_clip
from truckcount.evaluation.count_clips import evaluate_clips
from truckcount.evaluation.matching import Stay
from truckcount.evaluation.truth import ClipTruth, read_truth
from truckcount.pipeline.cameras import load_cameras
from truckcount.pipeline.timeline import span_of
from truckcount.presence.weights import find_weights
from truckcount.store import Store

ON_SCORES = (0.45, 0.5, 0.53, 0.55, 0.6)
TRACK_SCORES = (0.35, 0.38, 0.4, 0.42, 0.45)
Pair = tuple[float, float]


@dataclass(frozen=True)
class ScoredGate:
    """One clip's stored scores with what is needed to count them."""

    truth: ClipTruth
    gate: Gate
    scores: Scores
    aspect: float
    start_us: int

    def score(self, pair: Pair) -> ClipScore:
        """Count with a pair of thresholds and compare with the truth."""
        options = CountingOptions(on_score=pair[0], track_score=pair[1])
        stays = [
            Stay(
                onset_s=(p.onset_us - self.start_us) / 1e6,
                offset_s=((p.offset_us or p.onset_us) - self.start_us) / 1e6,
                direction=p.direction,
            )
            for p in count_passages(self.scores, self.gate, options, self.aspect)
            if p.is_counted
        ]
        return score_clip(self.truth, stays)


def read_scored(folder: Path, role: str | None, store: Store) -> list[ScoredGate]:
    """Read every clip's scores; each clip has a camera with one gate."""
    book = load_cameras(folder / "cameras.toml")
    found = []
    for truth in read_truth(folder, role):
        camera = book.camera_for(str(truth.file))
        (record,) = store.segments(camera.name)
        span = span_of(record)
        window = (span.start_us, span.end_us + 1)
        (gate,) = camera.gates
        scores = store.read_scores(
            camera.name, gate.name, window, {span.segment_id: [window]}
        )
        aspect = (record.width or 16) / (record.height or 9)
        found.append(ScoredGate(truth, gate, scores, aspect, span.start_us))
    return found


def worth(clips: list[ClipScore]) -> float:
    """What thresholds are chosen by."""
    figures = measure(clips)
    n_free = sum(not clip.n_truth for clip in clips)
    f1, false = figures["clip_mean_f1"], figures["false_in_truck_free"]
    return (f1 or 0.0) - (false or 0) / max(n_free, 1)


def main() -> None:
    """Measure and write ``results/threshold_cross_validation.json``."""
    folder, role = SETS["real"]
    with tempfile.TemporaryDirectory() as place:
        evaluate_clips(folder, role=role, store=Path(place))
        scored = read_scored(folder, role, Store.open(place))
    pairs = list(itertools.product(ON_SCORES, TRACK_SCORES))
    table = {pair: [one.score(pair) for one in scored] for pair in pairs}
    held_out: list[ClipScore] = []
    chosen: dict[str, Pair] = {}
    for group in sorted({one.truth.group for one in scored}):
        best = max(
            pairs,
            key=lambda pair, group=group: worth(
                [c for c in table[pair] if c.truth.group != group]
            ),
        )
        chosen[group] = best
        held_out += [c for c in table[best] if c.truth.group == group]
    result = {
        **describe(),
        "model_id": find_weights("truckmap").model_id,
        "figures": ClipScores(clips=tuple(held_out)).figures(),
        "chosen": chosen,
    }
    path = RESULTS / "threshold_cross_validation.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["figures"]), sorted(set(chosen.values())))


if __name__ == "__main__":
    main()
