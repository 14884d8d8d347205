"""Gates smaller than the trucks in them, with and without `view_span`.

    python -m benchmarks.small_gates

Three sample videos are counted at six boxes each, lower and narrower than the trucks:
across the strip of the picture through which the trucks' centres move, a sixth or a
quarter of the picture wide. Every truck passes every box, so that the truth is the
sample's own. The views of such gates show pieces of trucks, unless they ask for more.
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.clip_accuracy import RESULTS
from benchmarks.machine import describe
from truckcount.evaluation.count_clips import evaluate_clips

SAMPLES = Path("sample_videos")
DOCK = {0.4: (0.44, 0.62), 0.5: (0.42, 0.58), 0.6: (0.4, 0.56)}
ROAD = {0.35: (0.46, 0.73), 0.45: (0.42, 0.66), 0.6: (0.37, 0.55)}
# by camera: middle of a box, and between which heights trucks' centres pass there
STRIPS = {"dc-north": DOCK, "dc-south": DOCK, "port-road": ROAD}
WIDTHS = (0.16, 0.24)
SPANS = (0.0, 0.35, 0.5, 0.65, 0.8)
GATE = """[cameras.{camera}]
match = ["{camera}_*.mp4"]
[[cameras.{camera}.gates]]
name = "{gate}"
polygon = [[{x0}, {y0}], [{x1}, {y0}], [{x1}, {y1}], [{x0}, {y1}]]
view_span = {span}
"""


def lay_out(folder: Path, which: int, width: float, span: float) -> None:
    """Lay out a folder of clips whose cameras have one small gate each."""
    names = {}
    for table in ("clips.csv", "passages.csv"):
        header, *lines = (SAMPLES / table).read_text().splitlines()
        kept = [line for line in lines if line.partition("_")[0] in STRIPS]
        (folder / table).write_text("\n".join([header, *kept]) + "\n")
        columns = header.split(",")
        rows = [dict(zip(columns, line.split(","), strict=False)) for line in kept]
        names |= {row["camera"]: row["gate"] for row in rows if "gate" in row}
    text = ""
    for camera, strips in STRIPS.items():
        for video in SAMPLES.glob(f"{camera}_*.mp4"):
            shutil.copy(video, folder)
        centre, (y0, y1) = list(strips.items())[which]
        x0, x1 = round(centre - width / 2, 3), round(centre + width / 2, 3)
        text += GATE.format(
            camera=camera, gate=names[camera], x0=x0, x1=x1, y0=y0, y1=y1, span=span
        )
    (folder / "cameras.toml").write_text(text)


def measure_span(span: float) -> dict[str, Any]:
    """Count every box with one span; add up what is right, false and missed."""
    total = {"span": span, "right": 0, "false": 0, "missed": 0}
    for which in range(len(DOCK)):
        for width in WIDTHS:
            with tempfile.TemporaryDirectory() as scratch:
                lay_out(Path(scratch), which, width, span)
                for clip in evaluate_clips(Path(scratch)).clips:
                    total["right"] += clip.n_true_positive
                    total["false"] += clip.n_false_positive
                    total["missed"] += clip.n_false_negative
    print(total, flush=True)
    return total


def main() -> None:
    """Write ``benchmarks/results/small_gates.json``."""
    rows = [measure_span(span) for span in SPANS]
    report = {**describe(), "rows": rows}
    (RESULTS / "small_gates.json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
