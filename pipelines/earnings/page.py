"""The findings as one page that needs no other file."""

import html
import io
from typing import Any

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from pipelines.earnings.forecasts import Forecasts

INK, QUIET, GOOD, BAD = "#1f2933", "#9aa5b1", "#0b7285", "#c2410c"
STYLE = """
body { font: 16px/1.55 system-ui, sans-serif; color: #1f2933; margin: 0 auto;
       max-width: 60rem; padding: 2rem 1rem 4rem; background: #fff }
h1 { font-size: 1.7rem; margin-bottom: .2rem } h2 { margin-top: 2.4rem }
.lead { color: #52606d; margin-top: 0 }
.row { display: flex; flex-wrap: wrap; gap: 1.2rem }
figure { margin: 0; flex: 1 1 26rem } svg { width: 100%; height: auto }
figcaption { color: #52606d; font-size: .88rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { text-align: right; padding: .25rem .8rem; border-bottom: 1px solid #e4e7eb }
th:first-child, td:first-child, .words th, .words td { text-align: left }
.cannot { border-left: 4px solid #c2410c; padding: .2rem 1rem; background: #fff7ed }
"""
CANNOT = (
    "that trucks lead sales at any real firm: these firms are made up so that they do",
    "capacity, price, mix or channel shift: a truck is not revenue",
    "that consensus has not already priced what the cameras see",
    "trading profit, costs or capacity",
    "what choosing covered firms does: cameras stand where they could be put",
    "a change of regime: every quarter here follows the same law",
    "whether anyone may use such data: that is a question of law",
)


def write_page(result: dict[str, Any], made: Forecasts) -> str:
    """Spell the page as HTML."""
    figures = "".join(
        f"<figure>{draw(result, made)}<figcaption>{caption}</figcaption></figure>"
        for draw, caption in (
            (_draw_scatter, ("Test quarters: forecast from consensus and trucks "
             "against what was reported. Each dot is a firm's quarter.")),
            (_draw_errors, ("Root mean squared error over the test quarters. Lower "
             "is better. Consensus, refitted "
                "on its past, is the one to beat: shrinking its noise needs none.")),
            (_draw_arms, ("What trucks add to consensus, with 95 % intervals of "
             "two-way clustered errors; of other firms' trucks the middle 95 % of "
             "200 ways to mix them up. Placebos must cover 0; the cheat reads "
             "counts that were restated after the report.")),
            (_draw_null, ("Worlds in which trucks say nothing: p-values of the test "
             "must be flat, and one in twenty below .05.")),
        )
    )  # fmt: skip
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{value:.2%}</td><td>{ratio:.2f}</td></tr>"
        for name, (value, ratio) in result["rmse"].items()
    )
    told = result["told"]
    cannot = "".join(f"<li>{html.escape(line)}</li>" for line in CANNOT)
    checks = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{html.escape(value)}</td>"
        f"<td>{html.escape(want)}</td></tr>"
        for name, value, want in result["checks"]
    )
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Trucks and sales: a nowcast on made-up firms</title>
<style>{STYLE}</style>
<h1>Trucks and sales: a nowcast on made-up firms</h1>
<p class="lead">{html.escape(told)}</p>
<p>Every feature is what the store had told by the decision, five business days after
the quarter: <code>asof_panel</code>, strict vintage. Models are refitted each quarter
on the quarters before it. Vintage: <b>strict</b>.</p>
<div class="row">{figures}</div>
<h2>Forecasts</h2>
<table>
<tr><th>forecast</th><th>RMSE</th><th>/ refitted consensus</th></tr>{rows}</table>
<h2>Checks</h2>
<table class="words">
<tr><th>check</th><th>found</th><th>wanted</th></tr>{checks}</table>
<h2>What this cannot show</h2>
<div class="cannot"><ul>{cannot}</ul></div>
</html>
"""


def _draw_scatter(result: dict[str, Any], made: Forecasts) -> str:
    del result
    figure, axes = _axes("forecast, % on the year", "reported, %")
    truth, both = 100 * made.truth.ravel(), 100 * made.by_name["both"].ravel()
    low, high = np.nanmin(truth), np.nanmax(truth)
    axes.plot([low, high], [low, high], color=QUIET, lw=1)
    axes.plot(both, truth, ".", color=GOOD, ms=4, alpha=0.6)
    return _spell(figure)


def _draw_errors(result: dict[str, Any], made: Forecasts) -> str:
    del made
    figure, axes = _axes("RMSE, percentage points", "")
    names = list(result["rmse"])
    values = [100 * result["rmse"][name][0] for name in names]
    colors = [GOOD if name == "both" else QUIET for name in names]
    axes.barh(names[::-1], values[::-1], color=colors[::-1])
    for k, value in enumerate(values[::-1]):
        axes.text(value, k, f" {value:.2f}", va="center", fontsize=8, color=INK)
    return _spell(figure)


def _draw_arms(result: dict[str, Any], made: Forecasts) -> str:
    del made
    figure, axes = _axes("coefficient on trucks", "")
    axes.axvline(0, color=QUIET, lw=1)
    for k, (name, arm) in enumerate(reversed(result["arms"].items())):
        low, high = arm.interval
        color = BAD if "cheat" in name else GOOD if name == "as known" else INK
        axes.plot([low, high], [k, k], color=color, lw=2)
        axes.plot([arm.value], [k], "o", color=color)
    axes.set_yticks(range(len(result["arms"])), list(result["arms"])[::-1])
    axes.margins(y=0.15)
    return _spell(figure)


def _draw_null(result: dict[str, Any], made: Forecasts) -> str:
    del made
    figure, axes = _axes("p of the wild cluster bootstrap", "null worlds")
    p = result["null_p"]
    axes.hist(p, bins=np.linspace(0, 1, 21), color=QUIET, edgecolor="white")
    axes.axhline(len(p) / 20, color=GOOD, lw=1)
    return _spell(figure)


def _axes(x_label: str, y_label: str) -> tuple[Any, Any]:
    figure, axes = plt.subplots(figsize=(5.4, 3.4), layout="constrained")
    axes.set_xlabel(x_label, color=INK)
    axes.set_ylabel(y_label, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8, colors=INK)
    return figure, axes


def _spell(figure: Any) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    plt.close(figure)
    text = out.getvalue()
    return text[text.index("<svg") :]
