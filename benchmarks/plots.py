"""Draw `docs/bench.png` and `docs/scaling.png` from `benchmarks/results/`.

    python -m benchmarks.plots

Needs matplotlib; measures nothing.
"""

import json
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT

RESULTS = ROOT / "benchmarks" / "results"
DOCS = ROOT / "docs"
OURS_COLOUR, PEER_COLOUR, FLOOR_COLOUR = "#1f6f8b", "#b8b8b8", "#333333"
AXIS_TITLES = {
    "length": ("hours of video in one file", "CPU s, start-up included"),
    "cameras": ("cameras (one file each) in one run", "CPU s, start-up included"),
    "resolution": ("picture height, px", "CPU s a video s"),
    "gates": ("gates of a 720p camera", "CPU s a video s"),
    "rate": ("samples a second, 720p", "CPU s a video s"),
}


def draw_bench(report: dict[str, Any], target: Path) -> None:
    """Bars of CPU time over the floor's, a panel a clip, whiskers least to most."""
    import matplotlib.pyplot as plt

    clips = report["clips"]
    most = max(len(clip["contestants"]) for clip in clips)
    figure, panels = plt.subplots(
        len(clips), 1, figsize=(8, (0.42 * most + 1.1) * len(clips)), squeeze=False
    )
    for clip, panel in zip(clips, panels[:, 0], strict=True):
        rows = [
            (name, row)
            for name, row in clip["contestants"].items()
            if name != "floor" and row.get("ratio")
        ]
        rows.sort(key=lambda pair: pair[1]["ratio"]["median"])
        for y, (name, row) in enumerate(rows):
            ratio = row["ratio"]
            colour = OURS_COLOUR if name.startswith("truckcount") else PEER_COLOUR
            panel.barh(y, ratio["median"], color=colour, height=0.62)
            panel.hlines(y, ratio["min"], ratio["max"], color="black", linewidth=1)
            panel.text(
                ratio["max"] * 1.06, y, f"{ratio['median']:.2f}", va="center", size=8
            )
        panel.set_yticks(range(len(rows)), [row["title"] for _, row in rows], size=8)
        panel.invert_yaxis()
        panel.set_xscale("log")
        panel.set_xlim(0.1, 2.2 * max(row["ratio"]["max"] for _, row in rows))
        panel.axvline(1, color=FLOOR_COLOUR, linewidth=1)
        floor = clip["contestants"]["floor"]["title"]
        size = f"{clip['width']}x{clip['height']}"
        panel.set_title(f"{clip['clip']}, {size}", size=9, loc="left")
        panel.set_xlabel(f"CPU time / {floor}", size=8)
        panel.spines[["top", "right"]].set_visible(False)
    figure.text(0.01, 0.005, f"{report['date']}, {report['machine']}", size=7)
    figure.tight_layout()
    figure.savefig(target, dpi=110)
    plt.close(figure)


def draw_scaling(
    scaling: dict[str, Any], long_file: dict[str, Any] | None, target: Path
) -> None:
    """Log-log panels, one an axis, with the slope; and memory over a long file."""
    import matplotlib.pyplot as plt
    import numpy as np
    from matplotlib.ticker import NullFormatter, NullLocator

    axes = [axis for axis in AXIS_TITLES if axis in scaling["axes"]]
    n = len(axes) + (long_file is not None)
    n_rows = -(-n // 2)
    figure, grid = plt.subplots(n_rows, 2, figsize=(8, 2.6 * n_rows), squeeze=False)
    panels = list(grid.flat)
    for axis, panel in zip(axes, panels, strict=False):
        points = scaling["axes"][axis]["points"]
        has_start = axis in {"length", "cameras"}
        key = "cpu_s" if has_start else "cpu_s_per_video_s"
        x = [p["x"] for p in points]
        y, low, high = (
            [p[key][name] for p in points] for name in ("median", "min", "max")
        )
        panel.loglog(x, y, "o-", color=OURS_COLOUR, markersize=4)
        panel.fill_between(x, low, high, color=OURS_COLOUR, alpha=0.2)
        slope = np.log(y[-1] / y[-2]) / np.log(x[-1] / x[-2])
        panel.set_title(f"slope of the last step {slope:.2f}", size=8, loc="right")
        panel.set_xticks(x, [f"{v:.2g}" if v < 10 else f"{v:.0f}" for v in x], size=7)
        panel.xaxis.set_minor_locator(NullLocator())
        panel.yaxis.set_major_formatter("{x:g}")
        panel.yaxis.set_minor_formatter(NullFormatter())
        panel.set_xlabel(AXIS_TITLES[axis][0], size=8)
        panel.set_ylabel(AXIS_TITLES[axis][1], size=8)
        panel.grid(alpha=0.3, which="both")
    if long_file is not None:
        panel = panels[len(axes)]
        rows = np.array(long_file["rows_video_h_rss_mb_cpu_s"])
        panel.plot(rows[:, 0], rows[:, 1], color=OURS_COLOUR)
        panel.set_ylim(0, 1.3 * rows[:, 1].max())
        panel.set_xlabel("hours of one file read", size=8)
        panel.set_ylabel("resident memory, MB", size=8)
        panel.grid(alpha=0.3)
    for panel in panels[n:]:
        panel.set_visible(False)
    figure.tight_layout()
    figure.savefig(target, dpi=110)
    plt.close(figure)


def read_result(name: str) -> dict[str, Any] | None:
    """Return a committed result; None where it was not measured."""
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def main() -> None:
    """Draw what has been measured."""
    import matplotlib as mpl

    mpl.use("Agg")
    report, scaling = read_result("bench"), read_result("scaling")
    if report is not None:
        draw_bench(report, DOCS / "bench.png")
    if scaling is not None:
        draw_scaling(scaling, read_result("long_file"), DOCS / "scaling.png")


if __name__ == "__main__":
    main()
