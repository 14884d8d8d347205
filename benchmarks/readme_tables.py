"""Write the README's tables from `benchmarks/results/`.

python -m benchmarks.readme_tables
"""

import json
import re
from typing import Any

from benchmarks.clip_accuracy import BASELINES, RESULTS
from benchmarks.machine import ROOT

README = ROOT / "README.md"
CROSS_VALIDATION = "threshold_cross_validation"


def accuracy_table() -> str:
    """Lay out counts against truth."""
    rows = []
    for name, title in (
        ("samples", "sample videos (rendered)"),
        ("real", "real clips, role `score`, never trained on"),
        (CROSS_VALIDATION, "the same, thresholds chosen on the other cameras"),
        ("samples_truckmap-l", "sample videos, `--model truckmap-l`"),
        ("real_truckmap-l", "the real clips, `--model truckmap-l`"),
        ("samples_truckmap-m", "sample videos, `--model truckmap-m`"),
        ("real_truckmap-m", "the real clips, `--model truckmap-m`"),
    ):
        is_plain = name != CROSS_VALIDATION
        path = RESULTS / f"{'clip_accuracy_' if is_plain else ''}{name}.json"
        if path.exists():
            row = _accuracy_row if is_plain else _cross_validated_row
            rows.append(row(title, json.loads(path.read_text())))
    for title, figures in BASELINES.items():
        rows.append(
            f"| {title}, same real clips (data.md) | 33 / 47 | "
            f"{figures['clip_mean_f1']:.2f} | | | "
            f"{figures['false_in_truck_free']} | | |"
        )
    head = (
        "| set | clips / passages | clip-mean F1 | bias | direction right "
        "| false passages in truck-free clips | onset error, median / max "
        "| measured |\n"
        "|---|---|---|---|---|---|---|---|"
    )
    return "\n".join([head, *rows])


def _accuracy_row(title: str, result: dict[str, Any]) -> str:
    f, spans = result["figures"], result["intervals_95"]
    low, high = spans["clip_mean_f1"]
    return (
        f"| {title} | {f['n_clips']} / {f['n_truth']} | "
        f"{f['clip_mean_f1']:.2f} [{low:.2f}, {high:.2f}] | {f['bias']:+.2f} | "
        f"{f['direction_accuracy']:.2f} | {f['false_in_truck_free']} | "
        f"{f['median_onset_error_s']:.2f} / {f['max_onset_error_s']:.2f} s | "
        f"{result['date']}, {result['model_id']} |"
    )


def _cross_validated_row(title: str, result: dict[str, Any]) -> str:
    f = result["figures"]
    return (
        f"| {title} | {f['n_clips']} / "
        f"{f['n_truth']} | {f['clip_mean_f1']:.2f} | {f['bias']:+.2f} | "
        f"{f['direction_accuracy']:.2f} | {f['false_in_truck_free']} | "
        f"{f['median_onset_error_s']:.2f} / {f['max_onset_error_s']:.2f} s | "
        f"{result['date']}, {result['model_id']} |"
    )


def cost_table() -> str:
    """Lay out CPU time against FFmpeg's decoding."""
    path = RESULTS / "decode_cost.json"
    if not path.exists():
        return "Not measured yet."
    result = json.loads(path.read_text())
    lines = [
        (
            "| real 720p H.264 clip | weights | CPU of `run` / ffmpeg "
            "| ms CPU a video s | RSS |"
        ),
        "|---|---|---|---|---|",
    ]
    for clip in result["clips"]:
        ratio = clip["ratio"]
        ours = 1000 * clip["ours_cpu_s_per_video_s"]["median"]
        weights = f"`{clip['model_id'].partition('@')[0]}`"
        if clip.get("precision", "f32") != "f32":
            weights += f", {clip['precision']}"
        lines.append(
            f"| {clip['clip']} | {weights} "
            f"| {ratio['median']:.2f} "
            f"[{ratio['min']:.2f}, {ratio['max']:.2f}] | {ours:.0f} | "
            f"{clip['peak_rss_mb']} MB |"
        )
    lines.append(
        f"\nFive samples a second, start-up taken off, median [min, max] of "
        f"{result['clips'][0]['n_repeats']} interleaved repeats; {result['date']}, "
        f"{result['machine']}, `python -m benchmarks.decode_cost`."
    )
    return "\n".join(lines)


def fill(text: str) -> str:
    """Return the README with its tables as measured."""
    for name, table in (("accuracy", accuracy_table()), ("cost", cost_table())):
        pattern = rf"(<!-- table: {name} -->\n).*?(<!-- end -->)"
        text = re.sub(
            pattern, lambda m, t=table: m[1] + t + "\n" + m[2], text, flags=re.S
        )
    return text


if __name__ == "__main__":
    README.write_text(fill(README.read_text()))
