"""Write the figures of `docs/scaling.md` from `benchmarks/results/`.

python -m benchmarks.scaling_page
"""

import math
import re
from typing import Any

from benchmarks.machine import ROOT
from benchmarks.plots import read_result

PAGE = ROOT / "docs" / "scaling.md"
FLEETS = (1, 10, 100, 1_000, 10_000, 100_000)
BUSY_SHARE = 0.7  # of a core that is planned for: the rest is for bad hours
SAMPLE_FPS, SEGMENT_S = 5, 600
TEN_GBIT = 10_000.0  # megabits a second: a server's port
HOURS_PER_YEAR = 8766
MACHINE_CORES = 64  # arbitrary: a common server
Unit = dict[str, Any]


def unit_costs() -> Unit | None:
    """Return what one camera costs, from the results; None before they exist."""
    report, long_file = read_result("bench"), read_result("long_file")
    if report is None or long_file is None:
        return None
    clip = max(report["clips"], key=_our_cpu)  # the dearest: plan for that
    ours = clip["contestants"]["truckcount"]
    per_sample = long_file["store_bytes"] / long_file["n_samples"]
    unit: Unit = {
        "size": f"{clip['width']}x{clip['height']}",
        "core_s": _our_cpu(clip),
        "ratio": ours["ratio"]["median"],
        "rss_mb": ours["peak_rss_mb"],
        "megabits_per_s": 8 * clip["megabytes"] / clip["video_s"],
        "store_mb_per_h": per_sample * SAMPLE_FPS * 3600 / 1e6,
    }
    stages = [
        s["cpu_ms_per_video_s"]
        for s in report["stages"]
        if s["clip"] == clip["clip"] and s["speed"] == "exact"
    ]
    if stages:
        known = {k: v or 0.0 for k, v in stages[0].items()}
        total = sum(known.values())
        unit["infer_share"] = known["infer"] / total
        unit["decode_share"] = (known["decode"] + known["convert"]) / total
        unit["publish_share"] = (known["count"] + known["write"]) / total
    return unit


def plan_table(unit: Unit) -> str:
    """Lay out fleets: cores, memory, network, store, tasks."""
    lines = [
        "| cameras | cores | memory | video in | views/s | store a year | segments/s |",
        "|---|---|---|---|---|---|---|",
    ]
    for n in FLEETS:
        cores = math.ceil(n * unit["core_s"] / BUSY_SHARE)
        store_gb = n * unit["store_mb_per_h"] * HOURS_PER_YEAR / 1000
        lines.append(
            f"| {n:,} | {cores:,} | {_big(cores * unit['rss_mb'] / 1000, 'GB')} | "
            f"{_big(n * unit['megabits_per_s'] / 1000, 'Gbit/s')} | "
            f"{n * SAMPLE_FPS:,} | {_big(store_gb, 'GB')} | {n / SEGMENT_S:.3g} |"
        )
    report = read_result("bench") or {}
    lines.append(
        f"\nOne {unit['size']} camera, one gate, {SAMPLE_FPS} samples a second: "
        f"{unit['core_s']:.3f} core-seconds a video second "
        f"({unit['ratio']:.2f} x FFmpeg's decoding), "
        f"{unit['megabits_per_s']:.2f} Mbit/s, {unit['store_mb_per_h']:.2f} MB of "
        f"store an hour. Measured {report.get('date')}, {report.get('machine')}; "
        f"cores are planned {BUSY_SHARE:.0%} busy, one worker a core."
    )
    return "\n".join(lines)


def break_list(unit: Unit) -> str:
    """Say what breaks, in the order of the fleet's size at which it does."""
    per_core = BUSY_SHARE / unit["core_s"]
    port = TEN_GBIT / unit["megabits_per_s"]
    video_mb_per_h = unit["megabits_per_s"] * 3600 / 8
    core = f"**one core**, at {per_core:.0f} cameras. "
    if "infer_share" in unit:
        core += (
            f"Of its time {unit['decode_share']:.0%} decodes and converts, "
            f"{unit['infer_share']:.0%} runs the network, "
            f"{unit['publish_share']:.0%} counts and writes. "
        )
    core += "Answer: `--jobs`, then `--speed`."
    machine = (
        f"**one machine** of {MACHINE_CORES} cores, at "
        f"{MACHINE_CORES * per_core:,.0f} cameras. Answer: segments are independent "
        "until they are counted; send them to several machines, by camera."
    )
    network = (
        f"**a 10 Gbit/s port**, at {port:,.0f} cameras. Answer: decode where the "
        f"video is and ship the store: {unit['store_mb_per_h']:.2f} MB instead of "
        f"{video_mb_per_h:,.0f} MB an hour and camera "
        f"({video_mb_per_h / unit['store_mb_per_h']:,.0f} times less)."
    )
    rows = [(per_core, core), (MACHINE_CORES * per_core, machine), (port, network)]
    rows.sort()
    return "\n".join(f"{k}. {text}" for k, (_, text) in enumerate(rows, 1))


def axis_tables() -> str:
    """Lay out the measured axes."""
    scaling = read_result("scaling")
    if scaling is None:
        return "Not measured yet."
    titles = {
        "length": ("hours", "cpu_s", "CPU s"),
        "cameras": ("cameras", "cpu_s", "CPU s"),
        "resolution": ("height, px", "cpu_s_per_video_s", "ms a video s"),
        "gates": ("gates", "cpu_s_per_video_s", "ms a video s"),
        "rate": ("samples/s", "cpu_s_per_video_s", "ms a video s"),
    }
    blocks = []
    for axis, (name, key, unit) in titles.items():
        if axis not in scaling["axes"]:
            continue
        found = scaling["axes"][axis]
        times = 1 if unit == "CPU s" else 1000
        points = found["points"]
        cells = [f"{p['x']:.4g}" for p in points]
        costs = [f"{times * p[key]['median']:.3g}" for p in points]
        memory = [str(p["peak_rss_mb"]) for p in points]
        repeats = f"{found['n_repeats']} repeat" + "s" * (found["n_repeats"] > 1)
        blocks.append(
            f"| {name} | " + " | ".join(cells) + " |\n"
            "|---|" + "---|" * len(cells) + "\n"
            f"| {unit} | " + " | ".join(costs) + " |\n"
            "| peak MB | " + " | ".join(memory) + " |\n\n"
            f"{found['date']}, {found['machine']}, load {found['load_before']}, "
            f"{repeats}."
        )
    return "\n\n".join(blocks)


def memory_line() -> str:
    """Say what one very long file needs."""
    found = read_result("long_file")
    if found is None:
        return "Not measured yet."
    rss = found["rss_mb_while_reading"]
    growth = found["growth_bytes_per_sample"]
    return (
        f"One file of {found['video_h']:.0f} hours ({found['n_samples']:,} samples): "
        f"{rss['first']:.0f} MB resident after a tenth of it, {rss['last']:.0f} MB at "
        f"its end, {found['peak_rss_mb']:.0f} MB at most with counting and publishing. "
        f"That is {growth:.0f} bytes a sample: "
        f"{growth * SAMPLE_FPS * 3600 / 1e6:.1f} MB an hour of video at {SAMPLE_FPS} "
        f"samples a second. Measured {found['date']}, {found['machine']}."
    )


def fleet_table() -> str:
    """Lay out the simulated day of a fleet."""
    found = read_result("fleet_day")
    if found is None:
        return "Not measured yet."
    cost, where = found["cost"], found["measured"]
    head = "| recorders cut | workers | busy | lag, half of the segments | lag, 99 of "
    head += "100, before the failures | all day | longest | backlog gone after |"
    lines = [head, "|---|---|---|---|---|---|---|---|"]
    for row in found["fleets"]:
        options, day = row["options"], row["day"]
        cut = "on the clock" if options["is_on_the_clock"] else "spread"
        cleared = day["cleared_after_s"]
        lines.append(
            f"| {cut} | {options['n_workers']} | {day['busy_share']:.0%} | "
            + " | ".join(
                f"{day[key] / 60:.1f} min"
                for key in ("lag_p50_s", "lag_quiet_p99_s", "lag_p99_s", "lag_max_s")
            )
            + (
                " | not that day |"
                if cleared is None
                else f" | {cleared / 60:.0f} min |"
            )
        )
    full, empty = cost["publish_full_s"], cost["publish_empty_s"]
    task_s = cost["score_s"] + full
    attempts = max(row["day"]["n_attempts"] for row in found["fleets"])
    n_segments = found["fleets"][0]["day"]["n_segments"]
    lines.append(
        f"\nMeasured {where['date']}, {where['machine']}, load "
        f"{where['load_before']}, CPU seconds: ten minutes of `{cost['video']}` score "
        f"in {cost['score_s']:.1f} s and publish in {empty:.2f} s into an empty store, "
        f"in {full:.2f} s where four weeks stand already ({cost['n_rows_full']:,} "
        f"segments in the month's file): {full / task_s:.0%} of a task. A process "
        f"starts in {cost['start_up_s']:.1f} s. Simulated: {n_segments:,} segments, "
        f"costs spread by 30 %; up to {attempts - n_segments:,} attempts were lost to "
        "deaths and done again; every segment was published."
    )
    return "\n".join(lines)


def fill(text: str) -> str:
    """Return the page with its figures as measured."""
    unit = unit_costs()
    blocks: dict[str, str] = {
        "plan": "Not measured yet." if unit is None else plan_table(unit),
        "breaks": "Not measured yet." if unit is None else break_list(unit),
        "fleet": fleet_table(),
        "axes": axis_tables(),
        "memory": memory_line(),
    }
    for name, block in blocks.items():
        pattern = rf"(<!-- figures: {name} -->\n).*?(<!-- end -->)"
        text = re.sub(
            pattern, lambda m, b=block: m[1] + b + "\n" + m[2], text, flags=re.S
        )
    return text


def _our_cpu(clip: dict[str, Any]) -> float:
    return float(clip["contestants"]["truckcount"]["cpu_s_per_video_s"]["median"])


def _big(value: float, unit: str) -> str:
    """Three digits, in thousands where they read better."""
    if value < 1 and unit[0] == "G":
        return f"{1000 * value:.3g} M{unit[1:]}"
    if value >= 1000:
        return f"{value / 1000:,.3g} {'T' + unit[1:] if unit[0] == 'G' else unit}"
    return f"{value:.3g} {unit}"


if __name__ == "__main__":
    PAGE.write_text(fill(PAGE.read_text()))
