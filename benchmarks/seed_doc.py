"""Results of the seed experiment to its page and its picture.

python -m benchmarks.seed_doc
"""

import json
from pathlib import Path
from typing import Any

from benchmarks.seed_experiment import MANY_DAYS, N_DAYS, result_path
from truckcount.training.classifier.curves import draw_curves

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks" / "results"
PAGE, PICTURE = ROOT / "docs" / "seed_experiment.md", ROOT / "docs" / "seed_curves.png"
NOT_OBTAINED = "not obtained"

INTRO = """# The article's experiment

<!-- written by `python -m benchmarks.seed_doc`; do not edit -->

The article trained a small CNN on labelled frames of traffic cameras until it was
right on nearly every frame of a test set. Here is the same with a camera whose truth
is known to the pixel: `benchmarks/toy_camera.py` draws a gate over {days} days, with
weather, night, shadows, cars, vans, pickups, people and five kinds of trucks, in
{frames} labelled frames of 335 x 335 px, split **by day**: {splits}.

`seed` is the article's network: feature maps of 335, 167, 42, 20 and 5 px through two
5 x 5 convolutions of stride 2 and two 4 x 4 poolings of stride 4, each with one pixel
of padding (`truckcount/presence/zoo/seed.py`). The others are torchvision's, from
Kaiming's start, on frames scaled to 128 px.

    python -m benchmarks.seed_experiment --work runs/toy
    python -m benchmarks.seed_experiment --work runs/toy --days 240 --processes 2
    python -m benchmarks.toll_camera --images ../shared/data/images --work runs/toll
    python -m benchmarks.seed_doc

## Drawn camera, test days

{table}

{machine}
"""
MANY = """## The same camera, {frames} frames of {days} days

Twenty times the frames, split by day: {splits}.

{table}

Loader and step together gave {rates} images/s.

{machine}
"""
REAL = """## A real toll camera, one recording left out

{views} gate views of two carriageways in five recordings of one camera
(`rf100_toll_id`, CC BY 4.0); every network is trained on four recordings and tested
on the fifth. Balanced accuracy, %; a recording without a view of one kind is scored
by the other alone.

{table}

{machine}
"""


def percent(value: float | None) -> str:
    """Spell a share."""
    return NOT_OBTAINED if value is None else f"{100 * value:.2f}"


def table_of(header: list[str], rows: list[list[str]]) -> str:
    """Lay out a markdown table, numbers right."""
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, rule, *rows])


def told(machine: dict[str, str]) -> str:
    """Say where figures come from."""
    return (
        f"Measured {machine['date']} at commit {machine['commit']} on "
        f"{machine['machine']}, shared with other work."
    )


def told_each(drawn: dict[str, Any]) -> str:
    """Say where the rows come from: not all were trained in one go."""
    rows = [run for run in drawn["runs"].values() if run["is_obtained"]]
    each = [told(run.get("machine", drawn["machine"])) for run in rows]
    return " ".join(dict.fromkeys(each)) or told(drawn["machine"])


def drawn_rows(runs: dict[str, Any]) -> list[list[str]]:
    """One row a network."""
    rows = []
    for name, run in runs.items():
        if not run["is_obtained"]:
            rows.append([name, *[NOT_OBTAINED] + [""] * 5])
            continue
        metrics = run["metrics"]
        test = metrics["splits"]["test"]
        n_right = [
            round(test["true_truck_rate"] * test["n_truck"]),
            round(test["true_empty_rate"] * (test["n"] - test["n_truck"])),
        ]
        rows.append(
            [
                name,
                percent(test["balanced_accuracy"]),
                str(test["n"] - sum(n_right)),
                str(test["n"]),
                f"{metrics['best_epoch']}/{metrics['n_epochs_run']}",
                f"{metrics['n_parameters'] / 1e6:.2f}",
                f"{metrics['images_per_s'].get('step', float('nan')):.0f}",
            ]
        )
    return rows


def real_rows(runs: dict[str, Any], events: list[str]) -> list[list[str]]:
    """One row a network, one column a recording, then mean and worst."""
    rows = []
    for name, run in runs.items():
        values = [balanced(run["folds"][event]) for event in events]
        got = [v for v in values if v is not None]
        is_whole = len(got) == len(values)
        rows.append(
            [
                name,
                *map(percent, values),
                percent(sum(got) / len(got) if is_whole else None),
                percent(min(got) if is_whole else None),
            ]
        )
    return rows


def balanced(figures: dict[str, Any] | None) -> float | None:
    """Balanced accuracy, or that of the one kind there is."""
    if figures is None:
        return None
    rates = [figures["true_truck_rate"], figures["true_empty_rate"]]
    known = [rate for rate in rates if rate is not None]
    return sum(known) / len(known)


def drawn_fields(drawn: dict[str, Any]) -> dict[str, Any]:
    """Say what a set of the drawn camera is and what came out."""
    data = drawn["data"]
    splits = ", ".join(
        f"{v['frames']} {k} ({v['with_truck']} with a truck)"
        for k, v in data["splits"].items()
    )
    header = ["network", "balanced accuracy, %", "wrong", "frames", "best epoch"]
    header += ["M parameters", "images/s of a step"]
    return {
        "days": data["days"],
        "frames": data["frames"],
        "splits": splits,
        "table": table_of(header, drawn_rows(drawn["runs"])),
        "machine": told_each(drawn),
    }


def main() -> None:
    """Write the page and the curves."""
    drawn = json.loads(result_path(N_DAYS).read_text())
    page = INTRO.format(**drawn_fields(drawn))
    curves = {n: r["history"] for n, r in drawn["runs"].items() if r["is_obtained"]}
    many_path = result_path(MANY_DAYS)
    many = json.loads(many_path.read_text()) if many_path.exists() else None
    if many is not None:
        got = {n: r for n, r in many["runs"].items() if r["is_obtained"]}
        rates = [
            f"{r['metrics']['images_per_s']['loader_and_step']:.0f} ({n})"
            for n, r in got.items()
        ]
        page += "\n" + MANY.format(
            **drawn_fields(many), rates=", ".join(rates) or NOT_OBTAINED
        )
        curves |= {f"{n}, {MANY_DAYS} days": r["history"] for n, r in got.items()}
    if curves:
        draw_curves(PICTURE, curves)
        page += f"\n![Curves]({PICTURE.name})\n"
    path = RESULTS / "toll_camera.json"
    if path.exists():
        real = json.loads(path.read_text())
        events = sorted(real["views"])
        rows = real_rows(real["runs"], events)
        page += "\n" + REAL.format(
            views=sum(sum(v.values()) for v in real["views"].values()),
            table=table_of(["network", *events, "mean", "worst"], rows),
            machine=told(real["machine"]),
        )
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
