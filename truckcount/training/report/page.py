"""A run's facts to ``report.html``: one file, no script, nothing fetched."""

import html
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from truckcount.evaluation.frames import FrameScores
from truckcount.training.report import plots
from truckcount.training.report.mistakes import worst_mistakes
from truckcount.training.report.run_files import RunFiles, read_run
from truckcount.training.report.seen import (
    cut_example,
    load_network,
    show_kernels,
    show_stages,
)
from truckcount.training.report.style import CSS

TILES = {
    "balanced_accuracy": "balanced accuracy",
    "roc_auc": "ROC-AUC",
    "average_precision": "average precision",
    "ece": "calibration error",
}
COLUMNS = {
    "balanced_accuracy": "balanced",
    "recall": "recall",
    "precision": "precision",
    "roc_auc": "AUC",
}
MAX_ROWS = 60  # cameras in the table; more are in `evaluate frames --json`


def write_report(run: Path, *, is_blurred: bool = False) -> Path:
    """Write a run's ``report.html`` and return its path.

    Parameters
    ----------
    run : Path
        Folder with ``predictions.parquet`` (image, split, camera, light, label, p)
        and, where there are any, ``config.json`` (whose ``set`` says where pictures
        lie), ``metrics.json``, ``curves.csv`` and the weights.
    is_blurred : bool
        Show mosaics of frames, and what layers make of a mosaic.

    Notes
    -----
    The page shows frames of the label set: it belongs where the label set belongs,
    and real footage in no repository.
    """
    files = read_run(run)
    path = run / "report.html"
    draft = path.with_name(".report.html.tmp")
    draft.write_text(render(files, is_blurred=is_blurred), encoding="utf-8")
    draft.replace(path)
    return path


def render(run: RunFiles, *, is_blurred: bool = False) -> str:
    """Render the page."""
    scores = run.scores()
    title = f"{run.name}: training report"
    parts = [
        _header(run, scores),
        _tiles(scores),
        _decisions(run, scores),
        _slices(scores),
        _mistakes(run, is_blurred=is_blurred),
        _seen(run, is_blurred=is_blurred),
        _epochs(run),
        _facts(run),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{CSS}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _header(run: RunFiles, scores: FrameScores) -> str:
    n, n_truck = len(scores.outcomes.p), scores.outcomes.label.sum()
    units = scores.outcomes.n_units
    unit = scores.unit_column if scores.unit_column != "image" else "single frame"
    chosen = (
        " No frame is of the split test: these had a say in the training, so that "
        "other frames will be told worse."
        if run.split in ("val", "train")
        else ""
    )
    return (
        f"<h1>{html.escape(run.name)}</h1>"
        f'<p class="quiet">{_count(n)} frames of the split '
        f"<strong>{html.escape(run.split)}</strong>, {_count(n_truck)} with a truck. "
        f"Brackets are 95 % intervals, drawn over {_count(units)} "
        f"{html.escape(unit)}{'s' if units != 1 else ''}. A frame shows a truck from a "
        f"probability of {run.threshold:g} on.{chosen}</p>"
    )


def _tiles(scores: FrameScores) -> str:
    figures, intervals = scores.figures(), scores.intervals()

    def note(name: str) -> str:
        if figures[name] is None:
            return "needs frames with and without a truck"
        return _span(intervals[name]) or "no interval: one unit"

    tiles = "".join(
        f'<div class="card tile"><span>{told}</span><b>{_percent(figures[name])}</b>'
        f"<small>{note(name)}</small></div>"
        for name, told in TILES.items()
    )
    return f'<div class="tiles">{tiles}</div>'


def _decisions(run: RunFiles, scores: FrameScores) -> str:
    outcomes = scores.outcomes
    cards = [
        _figure(
            _confusion(scores), "What was said of each frame against what it shows."
        ),
        _figure(
            plots.picture(plots.draw_roc(outcomes), "ROC curve"),
            "ROC: trucks found over other frames taken for one.",
        ),
        _figure(
            plots.picture(plots.draw_precision(outcomes), "precision over recall"),
            "Precision over recall: what finding more trucks costs.",
        ),
        _figure(
            plots.picture(
                plots.draw_calibration(outcomes, run.temperature), "calibration"
            ),
            "Calibration: on the dotted line, 0.8 means eight of ten. "
            + (
                f"No temperature was fitted: from {run.threshold:g} on a frame is "
                "taken for one with a truck."
                if run.temperature is None
                else "The temperature was fitted on the validation split."
            ),
        ),
        _figure(
            plots.picture(
                plots.draw_histogram(outcomes, run.threshold), "score histogram"
            ),
            "Scores: the fewer frames in the middle, the less the threshold matters.",
        ),
    ]
    return f'<h2>How well it decides</h2><div class="grid">{"".join(cards)}</div>'


def _confusion(scores: FrameScores) -> str:
    outcomes = scores.outcomes
    says = outcomes.p >= scores.threshold
    true, other = (
        outcomes.weight * outcomes.label,
        outcomes.weight * (1 - outcomes.label),
    )

    def cell(share: Any, kind: str, told: str) -> str:
        whole = true.sum() if told in {"found", "missed"} else other.sum()
        part = f"{100 * share / whole:.1f} %" if whole else "-"
        return (
            f'<div class="{kind}"><b>{_count(share)}</b><small>{told}</small>'
            f"<small>{part}</small></div>"
        )

    return (
        '<div class="confusion"><div class="head"></div>'
        '<div class="head">says truck</div><div class="head">says none</div>'
        '<div class="head side">truck</div>'
        + cell(true[says].sum(), "right", "found")
        + cell(true[~says].sum(), "wrong", "missed")
        + '<div class="head side">none</div>'
        + cell(other[says].sum(), "wrong", "false")
        + cell(other[~says].sum(), "right", "left alone")
        + "</div>"
    )


def _slices(scores: FrameScores) -> str:
    rows = []
    for key in scores.keys:
        slices = scores.slices(key)
        rows.append(
            f'<tr class="group"><td colspan="{len(COLUMNS) + 3}">By {key}</td></tr>'
        )
        for value, part in list(slices.items())[:MAX_ROWS]:
            figures, intervals = part.figures(), part.intervals()
            cells = "".join(
                f"<td>{_percent(figures[name])}"
                f"<small>{_span(intervals[name])}</small></td>"
                for name in COLUMNS
            )
            rows.append(
                f"<tr><td>{html.escape(value)}</td><td>{_count(len(part.outcomes.p))}"
                f"</td><td>{_count(part.outcomes.label.sum())}</td>{cells}</tr>"
            )
        if len(slices) > MAX_ROWS:
            rows.append(
                f'<tr><td colspan="{len(COLUMNS) + 3}" class="quiet">'
                f"and {len(slices) - MAX_ROWS} more</td></tr>"
            )
    if not rows:
        return ""
    head = "".join(f"<th>{told}</th>" for told in COLUMNS.values())
    return (
        "<h2>Where it is good, where not</h2>"
        '<p class="quiet">An average hides the camera at night.</p>'
        '<div class="card scroll"><table><thead><tr><th></th><th>frames</th>'
        f"<th>trucks</th>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _mistakes(run: RunFiles, *, is_blurred: bool) -> str:
    n_wrong, shown = worst_mistakes(run, is_blurred=is_blurred)
    if not n_wrong:
        told = "Not one frame stands on the wrong side of the threshold."
        return f'<h2>Mistakes</h2><p class="quiet">{told}</p>'
    cards = []
    for mistake in shown:
        picture = (
            f'<img src="{mistake.uri}" alt="{html.escape(mistake.image)}">'
            if mistake.uri
            else '<div class="gone">the picture is gone</div>'
        )
        truth = "a truck" if mistake.label >= 0.5 else "no truck"
        if 0 < mistake.label < 1:
            truth += f" ({mistake.label:.2f})"
        place = " · ".join(
            html.escape(part)
            for part in (mistake.camera, mistake.light, Path(mistake.image).name)
            if part and part not in {"None", "nan"}
        )
        cards.append(
            f'<figure class="card">{picture}'
            f'<div class="bar"><i style="width:{100 * mistake.p:.0f}%"></i></div>'
            f"<figcaption><strong>said {mistake.p:.2f}, labelled {truth}</strong><br>"
            f"{place}</figcaption></figure>"
        )
    return (
        f"<h2>Worst mistakes</h2><p class='quiet'>{_count(len(shown))} of "
        f"{_count(n_wrong)}, the surest first. Some will be wrong labels: look at "
        f"them before the network.</p><div class='mistakes'>{''.join(cards)}</div>"
    )


def _seen(run: RunFiles, *, is_blurred: bool) -> str:
    if run.weights is None:
        return ""
    network = load_network(run.weights)
    cards = []
    kernels = show_kernels(network)
    if kernels is not None:
        cards.append(
            f'<figure class="card pixel"><img src="{plots.image_uri(kernels)}" '
            'alt="first kernels"><figcaption>The first layer\'s kernels: edges, '
            "colours, textures. Grey is what a kernel ignores.</figcaption></figure>"
        )
    found = _example(run, is_blurred=is_blurred)
    if found is not None:
        example, has_truck = found
        which = "with" if has_truck else "without"
        cards.append(
            _figure(
                f'<img src="{plots.image_uri(example)}" alt="example">',
                # gates are cut from it when there are any: that is not shown here
                f"A whole frame {which} a truck, scaled to the network's view.",
            )
        )
        cards += [
            _figure(
                f'<img src="{plots.image_uri(stage.tiles)}" alt="{stage.name}">',
                "The truck map over the frame: where a truck's middle is."
                if stage.name == "truck map"
                else f"What layer {html.escape(stage.name)} makes of it: its liveliest "
                "channels.",
            )
            for stage in show_stages(network, example)
        ]
    if not cards:
        return ""
    return f'<h2>What it sees</h2><div class="grid seen">{"".join(cards)}</div>'


def _example(run: RunFiles, *, is_blurred: bool) -> Any:
    """Return a frame whose picture is still there, and whether it has a truck.

    The surest rightly found truck, or where no frame has one, the first.
    """
    table = run.predictions
    worth = np.where(table["label"] >= 0.5, table["p"], -1.0)
    size = (320, 192) if run.weights is None else run.weights.header.view_size
    for k in np.argsort(-worth, kind="stable")[:5]:
        view = cut_example(str(table["path"].iloc[int(k)]), size, is_blurred=is_blurred)
        if view is not None:
            return view, bool(table["label"].iloc[int(k)] >= 0.5)
    return None


def _epochs(run: RunFiles) -> str:
    cards = list(_epoch_cards(run))
    if not cards:
        return ""
    return f'<h2>How it learned</h2><div class="grid">{"".join(cards)}</div>'


def _epoch_cards(run: RunFiles) -> Iterator[str]:
    if len(run.curves) < 2:
        return
    names = [name for name in run.curves[0] if name not in {"epoch", "step"}]
    losses = [name for name in names if "loss" in name][:2]
    others = [name for name in names if "accuracy" in name][:2]
    for chosen, told in ((losses, "Loss"), (others, "Accuracy")):
        if chosen:
            draw = plots.draw_epochs(run.curves, chosen)
            yield _figure(plots.picture(draw, told), f"{told} over the training.")


def _facts(run: RunFiles) -> str:
    facts: dict[str, Any] = {"config": run.config, "metrics": run.metrics}
    if run.weights is not None:
        facts["model_id"] = run.weights.model_id
    told = html.escape(json.dumps(facts, indent=1, default=str))
    return (
        "<h2>Facts</h2><details class='card'><summary>Configuration and figures"
        f"</summary><pre>{told}</pre></details>"
    )


def _figure(inside: str, caption: str) -> str:
    return f'<figure class="card">{inside}<figcaption>{caption}</figcaption></figure>'


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"  # noqa: RUF001


def _span(around: tuple[float, float] | None) -> str:
    return "" if around is None else f"[{100 * around[0]:.1f}, {100 * around[1]:.1f}]"


def _count(value: Any) -> str:
    return f"{float(value):,.1f}".removesuffix(".0").replace(",", " ")
