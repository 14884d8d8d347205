"""What the real clips score when thresholds are chosen on other cameras.

    python -m benchmarks.threshold_cross_validation

For each group of clips, `on_score`, `track_score` and the size gain are chosen on all
other groups (most clip-mean F1 less false passages per truck-free clip), then that
group is counted with them; beside it the same for each gain alone. The network runs
once: another gain moves the stored scores by what `shift_by_size` would have, and
only counting is repeated.
"""

import json
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from benchmarks.clip_accuracy import RESULTS, SETS
from benchmarks.machine import describe
from truckcount.domain.scores import PEAK_UNIT, Scores
from truckcount.evaluation.clips import ClipScore
from truckcount.evaluation.count_clips import evaluate_clips
from truckcount.evaluation.truth import ClipTruth
from truckcount.presence.truckmap import SIZE_BOUNDS, SIZE_NORM_PX
from truckcount.presence.views import plan_views
from truckcount.presence.weights import find_weights
from truckcount.store import Store
from truckcount.store.check import list_cameras
from truckcount.training.thresholds import (
    ScoredGate,
    Thresholds,
    cross_validate,
    f1_less_false,
    read_scored,
)

ON_SCORES = (0.5, 0.53, 0.56, 0.6)
TRACK_SCORES = (0.38, 0.42, 0.45, 0.48, 0.5)
GAINS = (0.0, 0.4, 0.6, 0.8, 1.0, 1.2)


@dataclass(frozen=True, slots=True, order=True)
class Candidate(Thresholds):
    """Thresholds, and how much scores move with size."""

    gain: float = 0.0


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip's scores at every gain."""

    truth: ClipTruth
    by_gain: Mapping[float, ScoredGate]
    known: dict[Candidate, ClipScore] = field(default_factory=dict)
    """What was counted before."""

    def score(self, thresholds: Thresholds) -> ClipScore:
        """Count with a candidate."""
        candidate = cast("Candidate", thresholds)
        if candidate not in self.known:
            scored = self.by_gain[candidate.gain]
            self.known[candidate] = scored.score(candidate)
        return self.known[candidate]


def shift_scores(scored: ScoredGate, view_scale: float, gain: float) -> ScoredGate:
    """Move peaks by a gain.

    Parameters
    ----------
    view_scale : float
        Pixels of the view for a picture's height.
    """
    peaks = scored.scores.peaks.copy()
    width = peaks["w"] / PEAK_UNIT * scored.aspect * view_scale
    height = peaks["h"] / PEAK_UNIT * view_scale
    size = np.sqrt(np.maximum(width * height, 1.0))
    shift = gain * np.clip(np.log(size / SIZE_NORM_PX), *SIZE_BOUNDS)
    p = np.clip(peaks["p"] / 255, 1 / 510, 1 - 1 / 510)
    moved = np.log(p / (1 - p)) + shift
    peaks["p"] = np.rint(255 / (1 + np.exp(-moved))).astype(np.uint8)
    scores: Scores = replace(scored.scores, peaks=peaks)
    return replace(scored, scores=scores)


def read_clips(
    folder: Path, role: str | None, store: Store, shipped: float
) -> list[Clip]:
    """Read every clip's scores at all gains from those at the shipped one."""
    clips = []
    view_size = find_weights("truckmap").header.view_size
    sizes = {
        camera: (record.width or 16, record.height or 9)
        for camera in list_cameras(store.root)
        for record in store.segments(camera)
    }
    for scored in read_scored(folder, role, store):
        rect = plan_views([scored.gate], sizes[scored.truth.camera], view_size)[0]
        scale = rect.height_px / (rect.y1 - rect.y0)
        by_gain = {g: shift_scores(scored, scale, g - shipped) for g in GAINS}
        clips.append(Clip(scored.truth, by_gain))
    return clips


def main() -> None:
    """Measure and write ``results/threshold_cross_validation.json``."""
    folder, role = SETS["real"]
    weights = find_weights("truckmap")
    with tempfile.TemporaryDirectory() as place:
        evaluate_clips(folder, role=role, store=Path(place))
        clips = read_clips(folder, role, Store.open(place), weights.header.size_gain)
    candidates = [
        Candidate(on, track, None, gain)
        for gain in GAINS
        for on in ON_SCORES
        for track in TRACK_SCORES
    ]
    found = cross_validate(clips, candidates, f1_less_false)
    by_gain: dict[str, Any] = {}
    for gain in GAINS:
        of_gain = [c for c in candidates if c.gain == gain]
        alone = cross_validate(clips, of_gain, f1_less_false).scores.figures()
        by_gain[str(gain)] = alone
        print(gain, json.dumps(alone), flush=True)
    result = {
        **describe(),
        "model_id": weights.model_id,
        "figures": found.scores.figures(),
        "chosen": {
            group: [t.on_score, t.track_score, cast("Candidate", t).gain]
            for group, t in found.chosen.items()
        },
        "by_gain": by_gain,
    }
    path = RESULTS / "threshold_cross_validation.json"
    path.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result["figures"]), sorted(set(found.chosen.values())))


if __name__ == "__main__":
    main()
