"""docs/scaling.md and the plots show what was measured last."""

import json

import pytest

from benchmarks.plots import draw_bench, draw_scaling, read_result
from benchmarks.scaling_page import PAGE, fill, plan_table, unit_costs
from tests.conftest import ROOT

UNIT = {
    "size": "1280x720",
    "core_s": 0.035,
    "ratio": 0.75,
    "rss_mb": 300,
    "megabits_per_s": 0.8,
    "store_mb_per_h": 0.1,
}


def test_the_page_shows_the_newest_measurements():
    text = PAGE.read_text()
    assert fill(text) == text, "run `python -m benchmarks.scaling_page`"


def test_a_fleet_needs_cores_by_the_measured_cost():
    row = next(r for r in plan_table(UNIT).splitlines() if r.startswith("| 1,000 |"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1] == "50"  # 1000 x 0.035 / 0.7
    assert cells[2] == "15 GB"
    assert cells[3] == "800 Mbit/s"
    assert cells[4] == "5,000"


def test_unit_costs_are_those_of_the_dearest_measured_clip():
    report = read_result("bench")
    if report is None:
        pytest.skip("bench.json was not measured yet")
    costs = [
        clip["contestants"]["truckcount"]["cpu_s_per_video_s"]["median"]
        for clip in report["clips"]
    ]
    assert unit_costs()["core_s"] == max(costs)


def test_plots_are_drawn_from_the_committed_results(tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    for name in ("bench", "scaling"):
        if not (ROOT / "benchmarks" / "results" / f"{name}.json").exists():
            pytest.skip(f"{name}.json was not measured yet")
    draw_bench(read_result("bench"), tmp_path / "bench.png")
    draw_scaling(
        read_result("scaling"), read_result("long_file"), tmp_path / "scaling.png"
    )
    for path in tmp_path.iterdir():
        assert path.read_bytes().startswith(b"\x89PNG"), path


def test_results_say_where_and_when():
    for name in ("bench", "scaling", "long_file"):
        result = read_result(name)
        if result is None:
            continue
        text = json.dumps(result)
        for key in ('"date"', '"machine"', '"load_before"'):
            assert key in text, (name, key)
