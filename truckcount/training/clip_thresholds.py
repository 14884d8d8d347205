"""Weights and annotated clips to the thresholds that count those clips best.

The clips must be neither trained on nor reported on: what is chosen on them looks
better on them than it is.
"""

import itertools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from truckcount.evaluation.clips import ClipScore, measure
from truckcount.evaluation.count_clips import evaluate_clips
from truckcount.presence.weights import Weights
from truckcount.store import Store
from truckcount.training.thresholds import (
    ScoredGate,
    Thresholds,
    choose_thresholds,
    count_error,
    f1_less_false,
    read_scored,
)

ON_SCORES = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7)
OFF_SHARES = (0.6, 0.75, 0.45)  # of on_score; the shipped weights' is 0.57
TRACK_SHARES = (0.7, 0.8, 0.9)  # of on_score; the shipped weights' is 0.72
TIE_SHARE = 1e-3  # of equal count errors, the better F1


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipThresholds:
    """What was chosen, and on what."""

    thresholds: Thresholds
    n_clips: int
    n_truth: int
    mean_count_error: float
    """Mean of |counted - true| over the clips, on the clips chosen on."""
    folder: Path
    n_shared: int = 0
    """Clips that labelled frames were drawn from."""

    @property
    def told(self) -> str:
        """Say so in a line, for the weights' header."""
        shared = (
            f"; labels were drawn from {self.n_shared} of them, where the network is "
            "better than elsewhere: choose on other clips"
        )
        return (
            f"count error on {self.n_clips} clips of {self.folder.name} with "
            f"{self.n_truth} trucks ({self.mean_count_error:.2f} a clip there)"
            f"{shared if self.n_shared else ''}"
        )


def count_error_then_f1(clips: Sequence[ClipScore]) -> float:
    """Count error, and of equal ones F1 less false passages: more is better."""
    return count_error(clips) + TIE_SHARE * f1_less_false(clips)


def candidates(*, has_peaks: bool) -> list[Thresholds]:
    """Every triple to try, the middle ones first: of equals the first is chosen."""
    ons = sorted(ON_SCORES, key=lambda on: abs(on - 0.5))
    tracks: tuple[float | None, ...] = TRACK_SHARES if has_peaks else (None,)
    return [
        Thresholds(
            on,
            None if track is None else round(on * track, 3),
            round(on * off, 3),
        )
        for off, track, on in itertools.product(OFF_SHARES, tracks, ons)
    ]


def choose_on_clips(
    weights: Weights,
    folder: Path,
    role: str | None = None,
    labels: Path | None = None,
) -> ClipThresholds:
    """Score a folder of clips once, and count them with every candidate.

    Parameters
    ----------
    folder : Path
        Laid out as ``truckcount evaluate clips`` reads it.
    labels : Path, optional
        The label set that was trained on: it is told how many clips are its own.

    Raises
    ------
    LabelError
        When there are no clips, or one cannot be counted.
    """
    with tempfile.TemporaryDirectory() as scratch:
        store = Path(scratch) / "store"
        evaluate_clips(folder, role=role, model=str(weights.path), store=store)
        scored: list[ScoredGate] = read_scored(folder, role, Store.open(str(store)))
    chosen = choose_thresholds(
        scored, candidates(has_peaks=weights.has_peaks), count_error_then_f1
    )
    clips = [one.score(chosen) for one in scored]
    return ClipThresholds(
        thresholds=chosen,
        n_clips=len(clips),
        n_truth=int(measure(clips)["n_truth"] or 0),
        mean_count_error=abs(count_error(clips)),
        folder=folder,
        n_shared=0 if labels is None else _count_shared(clips, labels),
    )


def _count_shared(clips: Sequence[ClipScore], labels: Path) -> int:
    """Count clips that a label set's frames were drawn from."""
    import pandas as pd

    frames = pd.read_parquet(labels / "frames.parquet")
    if "source" not in frames.columns:
        return 0
    known = {Path(source).resolve() for source in frames["source"].unique()}
    return sum(clip.truth.file.resolve() in known for clip in clips)
