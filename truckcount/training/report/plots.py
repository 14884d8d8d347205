"""Predictions to small pictures, each drawn for light and for dark pages."""

import base64
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from truckcount.errors import ModelError
from truckcount.evaluation.frame_metrics import FloatArray, FrameOutcomes, ScoreTable
from truckcount.training.calibration import reliability, scale_probability

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE_IN = (3.7, 3.3)
DPI = 170  # sharp on a phone's screen
N_BAND = 300  # replicates of a curve's band
GRID = np.linspace(0, 1, 101)


@dataclass(frozen=True, slots=True)
class Theme:
    """Colours of a page."""

    ink: str
    quiet: str
    line: str
    truck: str
    none: str


LIGHT = Theme("#1f2430", "#6b7280", "#d9dde5", "#1668b8", "#d0762a")
DARK = Theme("#e6e8ee", "#9aa3b2", "#3a4150", "#6cb0f5", "#f0a35e")

Draw = Callable[["Axes", Theme], None]


def picture(draw: Draw, alt: str) -> str:
    """Draw on axes, for both themes, as one ``<picture>`` element.

    Raises
    ------
    ModelError
        When matplotlib (extra `train`) is missing.
    """
    light, dark = (_to_uri(_render(draw, theme)) for theme in (LIGHT, DARK))
    return (
        f'<picture><source srcset="{dark}" media="(prefers-color-scheme: dark)">'
        f'<img src="{light}" alt="{alt}" loading="lazy"></picture>'
    )


def draw_roc(outcomes: FrameOutcomes) -> Draw:
    """Draw the ROC curve with its 95 % band over units."""

    def draw(axes: "Axes", theme: Theme) -> None:
        true, false = _curves(outcomes)
        rates = _divide(true, true[-1]), _divide(false, false[-1])
        rows = [np.interp(GRID, f, t) for t, f in zip(rates[0].T, rates[1].T)]  # noqa: B905
        _band(axes, theme, rows)
        axes.plot(rates[1][:, 0], rates[0][:, 0], color=theme.truck, lw=1.8)
        axes.plot([0, 1], [0, 1], ":", color=theme.quiet, lw=1)
        _name(axes, "others taken for trucks", "trucks found")

    return draw


def draw_precision(outcomes: FrameOutcomes) -> Draw:
    """Draw precision over recall with its 95 % band over units."""

    def draw(axes: "Axes", theme: Theme) -> None:
        true, false = _curves(outcomes)
        recall = _divide(true, true[-1])
        precision = np.divide(
            true, true + false, out=np.ones_like(true), where=true + false > 0
        )
        # between two thresholds there is none: a slope would promise precision that
        # no threshold gives, and enclose more than the average precision
        rows = [_step(r, p) for r, p in zip(recall.T, precision.T, strict=True)]
        _band(axes, theme, rows)
        axes.plot(
            recall[:, 0],
            precision[:, 0],
            color=theme.truck,
            lw=1.8,
            drawstyle="steps-pre",
        )
        _name(axes, "trucks found (recall)", "right of those said (precision)")

    return draw


def draw_calibration(outcomes: FrameOutcomes, temperature: float | None) -> Draw:
    """Draw what was said against what is true, before and after a temperature."""
    curves = [(outcomes.p, "truck", "")]
    if temperature is not None:
        raw = scale_probability(outcomes.p, 1 / temperature)
        after = f"after, T = {temperature:.2f}"
        curves = [(raw, "none", "before"), (outcomes.p, "truck", after)]

    def draw(axes: "Axes", theme: Theme) -> None:
        axes.plot([0, 1], [0, 1], ":", color=theme.quiet, lw=1)
        for p, role, name in curves:
            colour = getattr(theme, role)
            curve = reliability(p, outcomes.label, outcomes.weight)
            size = 10 + 70 * np.sqrt(curve.weight / curve.weight.max())
            axes.plot(curve.said, curve.true, color=colour, lw=1.2, alpha=0.8)
            axes.scatter(
                curve.said, curve.true, size, color=colour, alpha=0.75, label=name, lw=0
            )
        _name(axes, "probability said", "share that are trucks")
        if temperature is not None:
            _legend(axes, theme)

    return draw


def draw_histogram(outcomes: FrameOutcomes, threshold: float) -> Draw:
    """Draw how many frames of each kind got which probability."""

    def draw(axes: "Axes", theme: Theme) -> None:
        edges = np.linspace(0, 1, 31).tolist()
        for share, colour, name in (
            (1 - outcomes.label, theme.none, "no truck"),
            (outcomes.label, theme.truck, "truck"),
        ):
            axes.hist(
                outcomes.p,
                edges,
                weights=share * outcomes.weight,
                color=colour,
                alpha=0.7,
                label=name,
            )
        axes.axvline(threshold, color=theme.quiet, ls=":", lw=1)
        axes.set_yscale("symlog", linthresh=1)
        axes.yaxis.set_major_formatter("{x:g}")
        axes.set_xlabel("probability said")
        axes.set_ylabel("frames (log scale)")
        axes.set_xlim(0, 1)
        _legend(axes, theme)

    return draw


def draw_epochs(curves: Sequence[dict[str, float]], names: Sequence[str]) -> Draw:
    """Draw columns of ``curves.csv`` over epochs."""

    def draw(axes: "Axes", theme: Theme) -> None:
        x = "epoch" if "epoch" in curves[0] else next(iter(curves[0]))
        marker = "o" if len(curves) < 40 else ""
        for name, colour in zip(names, (theme.none, theme.truck), strict=False):
            axes.plot(
                [row[x] for row in curves],
                [row[name] for row in curves],
                color=colour,
                marker=marker,
                ms=3,
                lw=1.5,
                label=name.replace("_", " "),
            )
        axes.set_xlabel(x)
        axes.locator_params(axis="x", integer=True)
        _legend(axes, theme)

    return draw


def image_uri(image: Any) -> str:
    """Encode a uint8 array as a data URI: RGB (H, W, 3) is a photo, RGBA a chart."""
    import cv2

    is_photo = image.shape[2] == 3
    turned = np.concatenate([image[:, :, 2::-1], image[:, :, 3:]], axis=2)
    options = [cv2.IMWRITE_JPEG_QUALITY, 85] if is_photo else []
    kind = "jpeg" if is_photo else "png"
    ok, data = cv2.imencode(f".{kind}", np.ascontiguousarray(turned), options)
    if not ok:
        msg = f"a picture of shape {image.shape} cannot be written as {kind}"
        raise ModelError(msg)
    return _to_uri(data.tobytes(), kind)


def _render(draw: Draw, theme: Theme) -> bytes:
    try:
        import matplotlib as mpl
    except ImportError as error:
        msg = "the report needs matplotlib; pip install 'truckcount[train]'"
        raise ModelError(msg) from error
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    settings: Any = {
        "font.size": 9,
        "text.color": theme.ink,
        "axes.labelcolor": theme.ink,
        "axes.edgecolor": theme.line,
        "xtick.color": theme.quiet,
        "ytick.color": theme.quiet,
        "axes.grid": True,
        "grid.color": theme.line,
        "grid.linewidth": 0.6,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
    }
    with mpl.rc_context(settings):
        figure = Figure(figsize=SIZE_IN, layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure.add_subplot(), theme)
        file = io.BytesIO()
        figure.savefig(file, dpi=DPI, transparent=True)
    return file.getvalue()


def _curves(outcomes: FrameOutcomes) -> tuple[FloatArray, FloatArray]:
    """Cumulated truck and other weight, shape (K + 1, 1 + N_BAND), the whole first."""
    table = ScoreTable(outcomes)
    n = table.n_units
    rng = np.random.default_rng(0)
    draws = rng.multinomial(n, np.full(n, 1 / n), N_BAND) if n > 1 else np.ones((0, n))
    all_draws = np.concatenate([np.ones((1, n)), draws.astype(float)])
    true, false = table.cumulate(all_draws)
    origin = np.zeros((1, true.shape[1]))
    return np.concatenate([origin, true]), np.concatenate([origin, false])


def _step(x: FloatArray, y: FloatArray) -> FloatArray:
    """Return on the grid the y of the next x, as ``steps-pre`` draws it."""
    place = np.searchsorted(x, np.maximum(GRID, np.finfo(float).tiny))
    return np.asarray(y[np.minimum(place, len(y) - 1)])


def _band(axes: "Axes", theme: Theme, rows: list[FloatArray]) -> None:
    drawn = np.array(rows[1:])
    if len(drawn):
        low, high = np.nanpercentile(drawn, (2.5, 97.5), axis=0)
        axes.fill_between(GRID, low, high, color=theme.truck, alpha=0.18, lw=0)


def _divide(values: FloatArray, by: FloatArray) -> FloatArray:
    return np.divide(values, by, out=np.zeros_like(values), where=by > 0)


def _name(axes: "Axes", x: str, y: str) -> None:
    axes.set(xlabel=x, ylabel=y, xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    axes.set_aspect("equal")


def _legend(axes: "Axes", theme: Theme) -> None:
    axes.legend(frameon=False, fontsize=8, labelcolor=theme.ink)


def _to_uri(data: bytes, kind: str = "png") -> str:
    return f"data:image/{kind};base64," + base64.b64encode(data).decode()
