"""`audit`, `calibrate` and `report` as a shell meets them."""

import csv
import os
import re
import shlex
import signal
import subprocess
import sys
import urllib.request

import pytest

from tests.audit.stores import counted_store, filmed_store, label_all, month_store
from tests.conftest import ROOT


@pytest.fixture
def month(tmp_path):
    return month_store(tmp_path / "store")


def test_a_plan_tells_strata_and_probabilities(truckcount, month):
    said = truckcount(
        "audit", "plan", month.root, "--window", "1min", "--per-stratum", "20,20,20",
        "--no-clips", "--seed", 4, "--json",
    )  # fmt: skip
    assert said.code == 0
    assert [s["stratum"] for s in said.json["strata"]] == ["0", "1-3", "4+"]
    assert all(s["pi"] > 0 for s in said.json["strata"])
    assert said.json["n_windows"] == 60
    assert said.json["clips"] is None


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--window", "1min", "--per-stratum", "0,9,9"], "misses are seen"),
        (["--window", "7s"], "does not divide the hour"),
        (["--window", "soon"], "no window like 15min"),
        (["--per-stratum", "many"], "three whole numbers"),
        (["--month", "2020-01"], "fully watched"),
    ],
)
def test_a_plan_that_would_mislead_is_a_usage_error(truckcount, month, options, words):
    said = truckcount("audit", "plan", month.root, "--no-clips", *options)
    assert said.code == 2
    assert words in said.err
    assert said.out == ""


def test_a_sheet_goes_in_and_a_factor_comes_out(truckcount, month):
    truckcount("audit", "plan", month.root, "--window", "1min", "--per-stratum",
               "40,40,40", "--no-clips")  # fmt: skip
    early = truckcount("calibrate", month.root)
    assert early.code == 2
    assert "120 of 120 windows are not labelled" in early.err
    label_all(month)
    said = truckcount("calibrate", month.root, "--json")
    (result,) = said.json
    assert said.code == 0
    assert result["calibration_id"]
    assert result["factor"]["low"] < result["factor"]["factor"]
    assert result["hours"]["sum_new"] > result["hours"]["sum_old"]
    looked = truckcount("calibrate", month.root)
    assert "trucks_old" in looked.out
    assert "run again with --publish" in looked.err
    assert (
        "10 revisions written" in truckcount("calibrate", month.root, "--publish").err
    )
    assert "nothing written" in truckcount("calibrate", month.root, "--publish").err
    refused = truckcount("calibrate", month.root, "--publish", "--method", "ppi")
    assert refused.code == 2
    text = truckcount("calibrate", month.root, "--method", "ppi")
    assert "all (ppi)" in text.out
    assert "95 %" in text.out
    drift = truckcount("calibrate", month.root, "--drift")
    assert drift.code == 0
    assert "--drift" in drift.err


def test_drift_tells_the_hours_it_is_about_before_it_is_published(truckcount, month):
    plan = ("audit", "plan", month.root, "--window", "1min", "--no-clips")
    truckcount(*plan, "--per-stratum", "40,40,40")
    label_all(month)
    truckcount("calibrate", month.root, "--publish")
    truckcount(*plan, "--per-stratum", "20,20,10", "--drift", "--seed", 7)
    label_all(month, miss=1.0, seed=9)  # half of the trucks are missed from now on
    (looked,) = truckcount("calibrate", month.root, "--drift", "--json").json
    hours = looked["hours"]
    assert hours["n_hours"] > 0
    assert hours["se_old"] < hours["se_new"]
    said = truckcount("calibrate", month.root, "--drift")
    first = hours["first_utc"][:16]
    assert f"{hours['n_hours']} hours, {first}Z to " in said.out
    assert "nothing published" in said.err
    done = truckcount("calibrate", month.root, "--drift", "--publish")
    assert f"{hours['n_hours']} revisions written" in done.err


def test_clips_and_sheet_make_the_way_by_hand(truckcount, tmp_path):
    store = filmed_store(tmp_path / "store", tmp_path / "v")
    said = truckcount("audit", "plan", store.root, "--window", "5s")
    assert said.code == 0
    assert "4 clips cut" in said.err
    sheet = store.root / "_audit" / "answers.csv"
    with sheet.open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row |= {"count": 1, "labeller": "ann"}
    with sheet.open("w") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    said = truckcount("audit", "import", store.root, sheet)
    assert "4 new answers of 4" in said.err
    assert "0 new answers of 4" in truckcount("audit", "import", store.root, sheet).err
    few = truckcount("calibrate", store.root)
    assert few.code == 0
    assert "a factor needs 50" in few.err


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C is sent as a signal")
@pytest.mark.parametrize("options", [[], ["--clips", "my clips"]])
def test_the_command_that_a_plan_advises_serves_its_clips(
    truckcount, tmp_path, options
):
    store = filmed_store(tmp_path / "a store", tmp_path / "v")
    planned = truckcount("audit", "plan", store.root, "--window", "5s", *options)
    (advised,) = re.findall(r"`truckcount (audit review .*)`", planned.err)
    with subprocess.Popen(
        [sys.executable, "-m", "truckcount", *shlex.split(advised)],
        cwd=tmp_path,  # where the plan ran
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            url = process.stdout.readline().strip()
            assert url.startswith("http://127.0.0.1:"), process.stderr.read()
            with urllib.request.urlopen(url, timeout=120) as page:  # it serves
                assert page.status == 200
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=120)
        finally:
            process.kill()
    assert "0 of 4 clips are counted and kept" in said


def test_a_review_without_clips_says_what_to_do(truckcount, month):
    said = truckcount("audit", "review", month.root)
    assert said.code == 2
    assert "truckcount audit plan" in said.err


def test_a_report_is_one_file(truckcount, tmp_path):
    store = counted_store(tmp_path / "store", [5, 65], 3)
    said = truckcount("report", store.root, "-o", "page.html", "--days", 7)
    assert said.code == 0
    assert said.err.startswith("page.html: ")
    page = (tmp_path / "page.html").read_text()
    assert page.startswith("<!doctype html>")
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".page")] == []


def test_a_report_of_nothing_is_a_store_error(truckcount, tmp_path):
    said = truckcount("report", tmp_path / "none")
    assert said.code == 5
    assert "is no store" in said.err
