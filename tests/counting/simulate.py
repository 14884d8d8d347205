"""Trucks as moving boxes to the scores a network would give."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from truckcount.domain.camera import Gate
from truckcount.domain.scores import PEAK_DTYPE, Scores

T0_US = 1_767_225_600_000_000  # 2026-01-01T00:00Z
GATE = Gate(
    name="main",
    polygon=((0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8)),
    in_vector=(1.0, 0.0),
)
STEP_US = 200_000

Box = tuple[float, float, float, float, float]
"""x, y, w, h in fractions, p."""


@dataclass(frozen=True)
class Truck:
    """A box that goes through key points (t_s, x, y) at even speed between them."""

    keys: tuple[tuple[float, float, float], ...]
    size: tuple[float, float] = (0.16, 0.14)
    p: float = 0.8

    def at(self, t_s: float) -> Box | None:
        if not self.keys[0][0] <= t_s <= self.keys[-1][0]:
            return None
        times = [k[0] for k in self.keys]
        x = float(np.interp(t_s, times, [k[1] for k in self.keys]))
        y = float(np.interp(t_s, times, [k[2] for k in self.keys]))
        return (x, y, *self.size, self.p)


def through(t_s: float, y: float = 0.5, *, seconds: float = 4.0, sign: int = 1, **more):
    """A truck that crosses the picture along x, starting at t_s."""
    a, b = (-0.1, 1.1) if sign > 0 else (1.1, -0.1)
    return Truck(keys=((t_s, a, y), (t_s + seconds, b, y)), **more)


def scores_of(
    rows: Sequence[Sequence[Box]], t_us: Sequence[int] | None = None
) -> Scores:
    """Boxes of each sample to quantised scores."""
    times = (
        T0_US + STEP_US * np.arange(len(rows)) if t_us is None else np.asarray(t_us)
    ).astype(np.int64)
    peaks = [b for row in rows for b in row if -0.05 < b[0] < 1.05]
    counts = [sum(-0.05 < b[0] < 1.05 for b in row) for row in rows]
    out = np.zeros(len(peaks), PEAK_DTYPE)
    for i, name in enumerate(("x", "y", "w", "h")):
        out[name] = np.clip(np.rint([b[i] * 65535 for b in peaks]), 0, 65535)
    out["p"] = np.rint([255 * b[4] for b in peaks])
    inside = [
        max((b[4] for b in row if 0.2 < b[0] < 0.8 and 0.2 < b[1] < 0.8), default=0)
        for row in rows
    ]
    n = len(rows)
    return Scores(
        t_us=times,
        score_u8=np.rint(255 * np.array(inside, float)).astype(np.uint8),
        quality_flags=np.zeros(n, np.int32),
        segment=np.zeros(n, np.int32),
        segment_ids=("s",),
        peak_start=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        peaks=out,
    )


def film(
    trucks: Sequence[Truck],
    seconds: float,
    *,
    seed: int = 0,
    noise: float = 0.02,
    miss: float = 0.0,
) -> Scores:
    """Sample a scene five times a second with position noise and misses."""
    rng = np.random.default_rng(seed)
    rows = []
    for k in range(round(seconds * 5)):
        row = []
        for truck in trucks:
            box = truck.at(k * 0.2)
            if box is None or rng.random() < miss:
                continue
            x, y, w, h, p = box
            row.append(
                (
                    x + rng.normal(0, noise * w),
                    y + rng.normal(0, noise * h),
                    w * (1 + rng.normal(0, noise)),
                    h * (1 + rng.normal(0, noise)),
                    float(np.clip(p + rng.normal(0, 0.05), 0.05, 1)),
                )
            )
        rows.append(row)
    return scores_of(rows)
