"""Days by hours to inline SVG: heat maps, lines and strips, coloured by the page."""

import math
from collections.abc import Sequence
from datetime import date

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
N_LEVELS = 6
PLOT_WIDTH = 900
LEFT, HEAD, FOOT = 34, 5, 18
CELL_HEIGHT = 7
HALF_LABEL, LABEL_WIDTH = 18, 42
MAX_CELL_WIDTH = 36.0
PARTLY_WATCHED = 0.5
FULLY_WATCHED = 0.9
LINE_HEIGHT, LINE_TOP = 96, 10
STRIP_STEPS = (0.25, 0.5, 0.75, 0.9, 0.98)


def find_breaks(trucks: Array) -> list[int]:
    """Return the least count of each colour above zero: even shares of the hours."""
    seen = trucks[trucks > 0]
    if not len(seen):
        return [1]
    shares = np.linspace(0, 1, N_LEVELS, endpoint=False)
    return sorted({max(1, round(float(q))) for q in np.quantile(seen, shares)})


def cell_width(n_days: int) -> float:
    """Return a day's width in the drawing."""
    return min(PLOT_WIDTH / n_days, MAX_CELL_WIDTH)


def draw_heat(trucks: Array, watched: Array, days: Sequence[date], label: str) -> str:
    """Draw hours, shape (24, days): colour by count, zero and null told apart.

    One path a colour, cells side by side joined: 90 days take a few kilobytes.
    """
    breaks = find_breaks(trucks)
    width = cell_width(len(days))
    is_null = np.isnan(trucks) & ~np.isnan(watched)
    layers = [
        ("v0", trucks == 0),
        *(
            (f"v{level_class(k, len(breaks))}", (trucks >= low) & (trucks < high))
            for k, (low, high) in enumerate(
                zip(breaks, [*breaks[1:], np.inf], strict=True)
            )
        ),
        ("null", is_null),
        ("part", (watched > 0) & (watched < PARTLY_WATCHED)),
    ]
    body = "".join(
        f'<path class="{name}" d="{path}"/>'
        for name, mask in layers
        if (path := _cells(mask))
    )
    n = len(days)
    total = LEFT + n * width
    high = HEAD + 24 * CELL_HEIGHT + FOOT
    hours = "".join(
        f'<text x="{LEFT - 6}" y="{HEAD + (h + 0.5) * CELL_HEIGHT + 4:.0f}" '
        f'text-anchor="end">{h:02d}</text>'
        for h in (0, 6, 12, 18, 23)
    )
    return (
        f'<svg class="heat" viewBox="0 0 {total:.0f} {high}" role="img" '
        f'aria-label="{label}" style="max-width:{total:.0f}px">'
        f'<g transform="translate({LEFT} {HEAD}) scale({width:.3f} {CELL_HEIGHT})">'
        f"{body}</g>{hours}{_day_ticks(days, width, high - 4)}</svg>"
    )


def level_class(k: int, n: int) -> int:
    """Spread n colours over the six of the page."""
    return N_LEVELS if n == 1 else 1 + round(k * (N_LEVELS - 1) / (n - 1))


def draw_line(
    trucks: Array,
    watched: Array,
    days: Sequence[date],
    label: str,
    band: tuple[Array, Array] | None = None,
) -> str:
    """Draw a day's trucks as seen; what was not watched hangs from above in grey.

    A day less than 90 % watched is a hollow point: its count is too low by an
    unknown part. A day nobody watched is a gap, not a zero.

    Parameters
    ----------
    band : (middle, half), arrays of shape (days,), optional
        Calibrated trucks of each day and half of their interval.
    """
    width, n = cell_width(len(days)), len(days)
    high = trucks if band is None else np.append(trucks, band[0] + band[1])
    top = max(float(np.nanmax(high)) if not np.isnan(high).all() else 1.0, 1.0)
    x = LEFT + (np.arange(n, dtype=np.float64) + 0.5) * width
    y = LINE_TOP + LINE_HEIGHT * (1 - trucks / top)
    missed = "".join(
        f"M{LEFT + k * width:.1f} {LINE_TOP}h{width:.1f}"
        f"v{LINE_HEIGHT * (1 - share):.1f}h-{width:.1f}z"
        for k, share in enumerate(watched)
        if not np.isnan(share) and share < 0.995
    )
    path = _polyline(x, y)
    calibrated = ""
    if band is not None:
        middle, low, high = (
            LINE_TOP + LINE_HEIGHT * (1 - np.maximum(value, 0) / top)
            for value in (band[0], band[0] - band[1], band[0] + band[1])
        )
        calibrated = (
            f'<path class="band" d="{_ribbon(x, low, high, width)}"/>'
            f'<path class="est" d="{_polyline(x, middle)}"/>'
        )
    dots = "".join(
        f'<circle class="{"dot" if watched[k] >= FULLY_WATCHED else "dot hollow"}" '
        f'cx="{x[k]:.1f}" cy="{y[k]:.1f}" r="2.6"/>'
        for k in range(n)
        if not np.isnan(trucks[k]) and (n <= 31 or watched[k] < FULLY_WATCHED)
    )
    base = LINE_TOP + LINE_HEIGHT
    total = LEFT + n * width
    return (
        f'<svg class="line" viewBox="0 0 {total:.0f} {base + 4}" role="img" '
        f'aria-label="{label}" style="max-width:{total:.0f}px">'
        f'<path class="missed" d="{missed}"/>'
        f'<path class="axis" d="M{LEFT} {base}h{n * width:.0f}M{LEFT} {LINE_TOP}'
        f'h{n * width:.0f}"/>{calibrated}<path class="run" d="{path}"/>{dots}'
        f'<text x="{LEFT - 6}" y="{LINE_TOP + 4}" text-anchor="end">{top:.0f}</text>'
        f'<text x="{LEFT - 6}" y="{base + 3}" text-anchor="end">0</text></svg>'
    )


def _polyline(x: Array, y: Array) -> str:
    """Join points; NaN is a gap."""
    path, is_down = "", False
    for a, b in zip(x, y, strict=True):
        if not np.isnan(b):
            path += f"{'L' if is_down else 'M'}{a:.1f} {b:.1f}"
        is_down = not np.isnan(b)
    return path


def _ribbon(x: Array, low: Array, high: Array, width: float) -> str:
    """Fill between two lines; a day alone is as wide as its column."""
    path = ""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], ~np.isnan(low), [0]])))
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        run = slice(start, end)
        over = list(zip(x[run], high[run], strict=True))
        under = list(zip(x[run], low[run], strict=True))[::-1]
        if len(over) == 1:
            half = width / 2
            over = [(x[start] - half, high[start]), (x[start] + half, high[start])]
            under = [(x[start] + half, low[start]), (x[start] - half, low[start])]
        points = "L".join(f"{a:.1f} {b:.1f}" for a, b in [*over, *under])
        path += f"M{points}z"
    return path


def draw_strip(shares: Array, label: str) -> str:
    """Draw the watched share of each day of one camera as a strip."""
    level = np.digitize(shares, STRIP_STEPS)
    body = "".join(
        f'<path class="c{k}" d="{path}"/>'
        for k in range(len(STRIP_STEPS) + 1)
        if (path := _cells(((level == k) & (shares > 0))[None, :]))
    )
    none = _cells((shares == 0)[None, :])
    return (
        f'<svg class="strip" viewBox="0 0 {len(shares)} 1" preserveAspectRatio="none" '
        f'role="img" aria-label="{label}">{body}'
        f'<path class="c-none" d="{none}"/></svg>'
    )


def _cells(mask: npt.NDArray[np.bool_]) -> str:
    """Join true cells of each row into rectangles of unit height."""
    parts = []
    for row, line in enumerate(mask):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], line.astype(int), [0]])))
        for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            n = end - start
            parts.append(f"M{start} {row}h{n}v1h-{n}z")
    return "".join(parts)


def _day_ticks(days: Sequence[date], width: float, y: int) -> str:
    """Name Mondays, or every day of a short period."""
    step = math.ceil(LABEL_WIDTH / width)
    named = [
        k
        for k, day in enumerate(days)
        if (day.weekday() == 0 if step > 3 else k % step == 0)
    ]
    every = math.ceil(LABEL_WIDTH / (7 * width)) if step > 3 else 1
    return "".join(
        f'<text x="{LEFT + (k + 0.5) * width:.0f}" y="{y}" text-anchor="middle">'
        f"{days[k]:%d %b}</text>"
        for k in named[::every]
        if (k + 0.5) * width + HALF_LABEL <= len(days) * width
    )
