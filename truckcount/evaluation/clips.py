"""Counts of annotated clips to the figures they are judged by."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from truckcount.evaluation.matching import Stay, match_stays
from truckcount.evaluation.truth import ClipTruth

N_BOOTSTRAP = 1000
INTERVAL = (2.5, 97.5)  # percent
HEADLINES = (
    "clip_mean_f1",
    "clip_mean_wape",
    "pooled_f1",
    "pooled_wape",
    "bias",
    "false_in_truck_free",
    "direction_accuracy",
)

Figures = dict[str, float | int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipScore:
    """How one clip was counted."""

    truth: ClipTruth
    n_true_positive: int
    n_false_positive: int
    n_false_negative: int
    n_directed: int
    """Matched passages whose truth has a direction."""
    n_direction_right: int
    onset_errors_s: tuple[float, ...]
    false: tuple[Stay, ...]
    missed: tuple[Stay, ...]

    @property
    def n_truth(self) -> int:
        """Scored true passages."""
        return len(self.truth.scored)

    @property
    def f1(self) -> float:
        """2TP / (2TP + FP + FN)."""
        right = 2 * self.n_true_positive
        return right / (right + self.n_false_positive + self.n_false_negative)

    @property
    def wape(self) -> float:
        """|counted - true| / true."""
        counted = self.n_true_positive + self.n_false_positive
        return abs(counted - self.n_truth) / self.n_truth


def score_clip(truth: ClipTruth, predicted: Sequence[Stay]) -> ClipScore:
    """Score one clip's predictions."""
    mine = [p for p in predicted if p.onset_s <= truth.annotated_until_s]
    pairs = match_stays(mine, truth.scored)
    taken = {i for i, _ in pairs}
    left = [p for i, p in enumerate(mine) if i not in taken]
    excused = {i for i, _ in match_stays(left, truth.unscored)}
    false = tuple(p for i, p in enumerate(left) if i not in excused)
    found = {j for _, j in pairs}
    directed = [
        (mine[i].direction, truth.scored[j].direction)
        for i, j in pairs
        if truth.scored[j].direction in {"in", "out"}
    ]
    return ClipScore(
        truth=truth,
        n_true_positive=len(pairs),
        n_false_positive=len(false),
        n_false_negative=len(truth.scored) - len(pairs),
        n_directed=len(directed),
        n_direction_right=sum(a == b for a, b in directed),
        onset_errors_s=tuple(
            abs(mine[i].onset_s - truth.scored[j].onset_s) for i, j in pairs
        ),
        false=false,
        missed=tuple(t for j, t in enumerate(truth.scored) if j not in found),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipScores:
    """How a set of clips was counted."""

    clips: tuple[ClipScore, ...]

    def figures(self) -> Figures:
        """Return every figure over all clips."""
        return measure(self.clips)

    def intervals(self, seed: int = 0) -> dict[str, tuple[float, float] | None]:
        """Bootstrap 95 % intervals over groups: clips of a camera stay together.

        None where no draw defines the figure, or with fewer than two groups: every
        draw is then the same, and says nothing of another camera.
        """
        groups: dict[str, list[ClipScore]] = {}
        for clip in self.clips:
            groups.setdefault(clip.truth.group, []).append(clip)
        names = sorted(groups)
        if len(names) < 2:
            return dict.fromkeys(HEADLINES)
        rng = np.random.default_rng(seed)
        drawn: dict[str, list[float]] = {name: [] for name in HEADLINES}
        for _ in range(N_BOOTSTRAP):
            chosen = rng.integers(len(names), size=len(names))
            figures = measure([c for k in chosen for c in groups[names[k]]])
            for name in HEADLINES:
                value = figures[name]
                if value is not None:
                    drawn[name].append(float(value))
        return {
            name: (
                float(np.percentile(values, INTERVAL[0])),
                float(np.percentile(values, INTERVAL[1])),
            )
            if values
            else None
            for name, values in drawn.items()
        }

    def slices(self, key: Callable[[ClipTruth], str]) -> dict[str, Figures]:
        """Return the figures of each value of a key, as light or role."""
        values = sorted({key(c.truth) for c in self.clips})
        return {
            v: measure([c for c in self.clips if key(c.truth) == v]) for v in values
        }

    def to_json(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {
            "figures": self.figures(),
            "intervals_95": self.intervals(),
            "by_light": self.slices(lambda t: t.light),
            "by_role": self.slices(lambda t: t.role),
            "by_scene": self.slices(lambda t: t.scene),
            "by_group": self.slices(lambda t: t.group),
            "clips": [
                {
                    "clip": c.truth.clip,
                    "group": c.truth.group,
                    "truth": c.n_truth,
                    "true_positive": c.n_true_positive,
                    "false_positive": c.n_false_positive,
                    "false_negative": c.n_false_negative,
                    "false_onsets_s": [round(p.onset_s, 2) for p in c.false],
                    "missed_onsets_s": [round(p.onset_s, 2) for p in c.missed],
                }
                for c in self.clips
            ],
        }


def score_clips(
    truths: Sequence[ClipTruth], predicted: Mapping[str, Sequence[Stay]]
) -> ClipScores:
    """Score a set of clips; a clip without predictions was counted as empty."""
    return ClipScores(
        clips=tuple(score_clip(t, predicted.get(t.clip, ())) for t in truths)
    )


def measure(clips: Sequence[ClipScore]) -> Figures:
    """Compute the figures of any set of clips; None where nothing defines one."""
    with_truck = [c for c in clips if c.n_truth]
    tp = sum(c.n_true_positive for c in with_truck)
    fp = sum(c.n_false_positive for c in with_truck)
    fn = sum(c.n_false_negative for c in with_truck)
    n_truth = tp + fn
    n_directed = sum(c.n_directed for c in clips)
    errors = [e for c in clips for e in c.onset_errors_s]
    return {
        "n_clips": len(clips),
        "n_clips_with_truck": len(with_truck),
        "n_truth": n_truth,
        "clip_mean_f1": _mean([c.f1 for c in with_truck]),
        "clip_mean_wape": _mean([c.wape for c in with_truck]),
        "pooled_f1": None if not n_truth else 2 * tp / (2 * tp + fp + fn),
        "pooled_precision": None if not tp + fp else tp / (tp + fp),
        "pooled_recall": None if not n_truth else tp / n_truth,
        "pooled_wape": (
            None
            if not n_truth
            else sum(abs(c.n_false_positive - c.n_false_negative) for c in with_truck)
            / n_truth
        ),
        "bias": None if not n_truth else (tp + fp - n_truth) / n_truth,
        "false_in_truck_free": sum(c.n_false_positive for c in clips if not c.n_truth),
        "direction_accuracy": (
            None
            if not n_directed
            else sum(c.n_direction_right for c in clips) / n_directed
        ),
        "median_onset_error_s": median(errors) if errors else None,
        "max_onset_error_s": max(errors) if errors else None,
    }


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
