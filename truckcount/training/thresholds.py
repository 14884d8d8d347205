"""Stored scores of clips to the thresholds that count them best.

Frames are not what is sold: a threshold is worth what it does to counts. It is
chosen on clips that are neither trained nor reported on; ``cross_validate`` says
what that choice is worth on cameras it has not seen.
"""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from truckcount.counting import CountingOptions, count_passages
from truckcount.domain.camera import Gate
from truckcount.domain.scores import Scores
from truckcount.errors import ConfigError, LabelError
from truckcount.evaluation.clips import ClipScore, ClipScores, measure, score_clip
from truckcount.evaluation.matching import Stay
from truckcount.evaluation.truth import ClipTruth, read_truth
from truckcount.pipeline.cameras import load_cameras
from truckcount.pipeline.counts.timeline import span_of
from truckcount.store import Store

Worth = Callable[[Sequence[ClipScore]], float]


@dataclass(frozen=True, slots=True, order=True)
class Thresholds:
    """What of the counting options is chosen; None leaves the default."""

    on_score: float
    track_score: float | None = None
    off_score: float | None = None

    def to_options(self, base: CountingOptions | None = None) -> CountingOptions:
        """Return counting options with these thresholds."""
        named = {
            "on_score": self.on_score,
            "track_score": self.track_score,
            "off_score": self.off_score,
        }
        pairs = tuple((k, v) for k, v in named.items() if v is not None)
        return (CountingOptions() if base is None else base).with_overrides(pairs)

    def to_header(self) -> dict[str, float]:
        """Return them as a weights header names them."""
        named = {
            "on": self.on_score,
            "off": self.off_score,
            "track_score": self.track_score,
        }
        return {k: v for k, v in named.items() if v is not None}


@dataclass(frozen=True)
class ScoredGate:
    """One clip's stored scores with what is needed to count them."""

    truth: ClipTruth
    gate: Gate
    scores: Scores
    aspect: float
    """Width over height of the picture."""
    start_us: int

    def score(self, thresholds: Thresholds) -> ClipScore:
        """Count with thresholds and compare with the truth."""
        passages = count_passages(
            self.scores, self.gate, thresholds.to_options(), self.aspect
        )
        stays = [
            Stay(
                onset_s=(p.onset_us - self.start_us) / 1e6,
                offset_s=((p.offset_us or p.onset_us) - self.start_us) / 1e6,
                direction=p.direction,
            )
            for p in passages
            if p.is_counted
        ]
        return score_clip(self.truth, stays)


class Countable(Protocol):
    """A clip that can be counted with any thresholds."""

    @property
    def truth(self) -> ClipTruth:
        """What is to be found."""
        ...

    def score(self, thresholds: Thresholds) -> ClipScore:
        """Count with thresholds and compare with the truth."""
        ...


@dataclass(frozen=True)
class CrossValidation:
    """What thresholds chosen on other groups count."""

    scores: ClipScores
    """Every clip, counted with what was chosen without its group."""
    chosen: dict[str, Thresholds]
    """By the group that was held out."""


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


def f1_less_false(clips: Sequence[ClipScore]) -> float:
    """Clip-mean F1 less false passages per truck-free clip: more is better."""
    figures = measure(clips)
    n_free = sum(not clip.n_truth for clip in clips)
    f1, false = figures["clip_mean_f1"], figures["false_in_truck_free"]
    return (f1 or 0.0) - (false or 0) / max(n_free, 1)


def count_error(clips: Sequence[ClipScore]) -> float:
    """Mean |counted - true| a clip, truck-free ones too, negated: more is better."""
    if not clips:
        return 0.0
    wrong = [abs(c.n_false_positive - c.n_false_negative) for c in clips]
    return -sum(wrong) / len(wrong)


def grid(
    on_scores: Sequence[float],
    track_scores: Sequence[float],
    off_scores: Sequence[float] = (),
) -> list[Thresholds]:
    """Every combination that can be counted with, in the order given."""
    offs: Sequence[float | None] = off_scores or (None,)
    found = []
    for on, track, off in itertools.product(on_scores, track_scores, offs):
        candidate = Thresholds(on, track, off)
        try:
            candidate.to_options()
        except ConfigError:  # off_score at or above on_score
            continue
        found.append(candidate)
    return found


def choose_thresholds(
    scored: Sequence[Countable],
    candidates: Sequence[Thresholds],
    worth: Worth = count_error,
) -> Thresholds:
    """Choose what counts these clips best; of equals the first candidate.

    Raises
    ------
    LabelError
        When there is nothing to choose by or from.
    """
    if not scored or not candidates:
        msg = f"cannot choose of {len(candidates)} candidates by {len(scored)} clips"
        raise LabelError(msg)
    return max(candidates, key=lambda c: worth([one.score(c) for one in scored]))


def cross_validate(
    scored: Sequence[Countable],
    candidates: Sequence[Thresholds],
    worth: Worth = count_error,
) -> CrossValidation:
    """Choose on all other groups, count the group left out; every group in turn.

    Raises
    ------
    LabelError
        With fewer than two groups: nothing would be left to choose by.
    """
    groups = sorted({one.truth.group for one in scored})
    if len(groups) < 2 or not candidates:
        msg = (
            f"cross-validation needs two groups of clips and a candidate, got {groups} "
            f"and {len(candidates)} candidates"
        )
        raise LabelError(msg)
    table = {c: [one.score(c) for one in scored] for c in candidates}
    held_out: list[ClipScore] = []
    chosen: dict[str, Thresholds] = {}
    for group in groups:

        def value(candidate: Thresholds, group: str = group) -> float:
            return worth([c for c in table[candidate] if c.truth.group != group])

        chosen[group] = max(candidates, key=value)
        held_out += [c for c in table[chosen[group]] if c.truth.group == group]
    return CrossValidation(ClipScores(clips=tuple(held_out)), chosen)
