"""The crontab and its job do what the page says, up to a real cron daemon."""

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import ROOT
from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.pipeline.unattended.turn import hold_turn

JOB = ROOT / "pipelines" / "cron" / "truckcount-job"
CRONTAB = ROOT / "pipelines" / "cron" / "truckcount.cron"


@pytest.fixture
def site(tmp_path):
    """A machine set up as docs/operations.md says, in a folder."""
    (tmp_path / "rec").mkdir()
    write_traffic(tmp_path / "rec" / "gate_20260302T090000Z.mp4", {1.0: 1}, 6)
    os.utime(tmp_path / "rec" / "gate_20260302T090000Z.mp4", (1e9, 1e9))
    (tmp_path / "cameras.toml").write_text('[cameras.gate]\ntimezone = "UTC"\n')
    model = write_red_model(tmp_path)
    program = tmp_path / "truckcount"
    program.write_text(
        f'#!/bin/sh\ncd {ROOT}\ncase "$*" in *" run "*) set -- "$@" --model {model};;'
        f' esac\nexec {sys.executable} -m truckcount "$@"\n'
    )
    program.chmod(0o755)
    text = (ROOT / "pipelines" / "truckcount.env").read_text()
    for name, value in {
        "RECORDINGS": "rec", "STORE": "store", "CAMERAS": "cameras.toml",
        "REPORT": "report.html",
    }.items():  # fmt: skip
        text = re.sub(rf"(?m)^{name}=.*$", f"{name}={tmp_path / value}", text)
    (tmp_path / "env").write_text(text + f"TRUCKCOUNT={program}\n")
    return tmp_path


def job(site, *arguments):
    env = os.environ | {"TRUCKCOUNT_ENV": str(site / "env")}
    return subprocess.run(
        [JOB, *arguments], env=env, capture_output=True, text=True, check=False
    )


@pytest.mark.video
def test_the_job_counts_once_and_reports_its_state(site):
    first = job(site, "run")
    assert (first.returncode, first.stdout, first.stderr) == (0, "", ""), "no mail"
    assert pd.read_parquet(site / "store" / "hours")["n_trucks"].sum() == 1
    status = job(site, "status")
    assert status.returncode in (0, 2), "2 once the clip's day is 12 hours ago"
    assert "gate" in status.stdout
    drawn = job(site, "report")
    assert (drawn.returncode, drawn.stdout, drawn.stderr) == (0, "", ""), "no mail"
    page = (site / "report.html").read_text()
    assert '<meta http-equiv="refresh" content="600">' in page
    thinned = job(site, "prune")
    assert (thinned.returncode, thinned.stdout, thinned.stderr) == (0, "", ""), (
        "no mail"
    )
    with hold_turn(site / "store"):
        second = job(site, "run")
    assert second.returncode == 0
    assert "another unattended run" in second.stderr
    assert len(second.stderr.splitlines()) == 1


STAMPS = ["known_at_utc", "revision", "is_final", "is_backfill"]


def record(site, moment, crossing):
    path = site / "rec" / f"gate_{moment}Z.mp4"
    write_traffic(path, crossing, 6)
    os.utime(path, (1e9, 1e9))


def hours_of(site, store):
    """Run the job into a store; return its hours without when each became known."""
    text = (site / "env").read_text()
    (site / "env").write_text(re.sub(r"(?m)^STORE=.*$", f"STORE={store}", text))
    done = job(site, "run")
    assert (done.returncode, done.stderr) == (0, "")
    hours = pd.read_parquet(store / "hours").drop(columns=STAMPS)
    return hours.sort_values(["gate", "direction", "hour_start_utc"], ignore_index=True)


@pytest.mark.video
def test_a_missed_night_is_caught_up(site):
    """One store is counted every few hours, of the other cron slept for a night."""
    steady, slept = site / "store", site / "slept"
    evening = hours_of(site, steady)
    assert hours_of(site, slept).equals(evening)
    night = {
        "20260302T205958": {1.0: 1},  # over the edge of an hour
        "20260302T235957": {1.0: 1, 4.0: -1},  # and of the day
        "20260303T013000": {},
        "20260303T050000": {1.0: 1},
    }
    for moment, crossing in night.items():
        record(site, moment, crossing)
        morning = hours_of(site, steady)
    caught_up = hours_of(site, slept)
    pd.testing.assert_frame_equal(caught_up, morning)
    assert caught_up["n_trucks"].sum() == 1 + sum(map(len, night.values()))
    watched = caught_up[caught_up["coverage_s"] > 0]["hour_start_utc"]
    assert [f"{t:%d %H}" for t in watched.drop_duplicates()] == [
        "02 09", "02 20", "02 21", "02 23", "03 00", "03 01", "03 05"
    ]  # fmt: skip
    unwatched = caught_up[caught_up["coverage_s"] == 0]
    assert unwatched["n_trucks"].isna().all(), "what nobody filmed is null, not 0"
    span = pd.date_range("2026-03-02T09:00Z", "2026-03-03T05:00Z", freq="h")
    assert caught_up["hour_start_utc"].drop_duplicates().tolist() == span.tolist()
    trucks = [
        pd.read_parquet(store / "passages")["onset_utc"].sort_values().tolist()
        for store in (steady, slept)
    ]
    assert trucks[0] == trucks[1]
    assert hours_of(site, slept).equals(caught_up), "once is enough"


def test_an_unknown_job_is_a_usage_error(site):
    done = job(site, "rum")
    assert done.returncode == 2
    assert "usage" in done.stderr


def test_a_push_to_nowhere_says_where_to_name_it(site):
    done = job(site, "push")
    assert done.returncode != 0
    assert f"MIRROR: is not set in {site / 'env'}" in done.stderr


def test_settings_that_cannot_be_read_are_named(site):
    (site / "env").unlink()
    missing = job(site, "run")
    assert missing.returncode != 0
    assert f"STORE: is not set: no {site / 'env'}" in missing.stderr


def test_the_crontab_calls_jobs_that_there_are():
    lines = [
        line for line in CRONTAB.read_text().splitlines() if re.match(r"[*\d]", line)
    ]
    jobs = [line.split()[-1] for line in lines]
    assert jobs == ["run", "report", "prune"]
    offered = re.findall(r"(?m)^#([*\d].*)", CRONTAB.read_text())
    assert [line.split()[-1] for line in offered] == ["push"]
    for line in lines + offered:
        assert line.split()[5] == "truckcount", "files in /etc/cron.d name a user"
        assert f"\n{line.split()[-1]})\n" in JOB.read_text()


def test_the_job_is_posix_shell():
    assert os.access(JOB, os.X_OK)
    subprocess.run(["sh", "-n", JOB], check=True)
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", JOB], check=True)


@pytest.mark.slow
def test_a_real_cron_daemon_fills_the_store(site, request):
    """Cron knows minutes only: this takes one or two of them."""
    if "slow" not in request.config.option.markexpr:
        pytest.skip("minutes long: run with -m slow")
    cron, folder = shutil.which("cron"), Path("/etc/cron.d")
    if cron is None or os.geteuid() != 0 or not folder.is_dir():
        pytest.skip("needs Debian's cron and root")
    table = CRONTAB.read_text().replace("*/10 * * * *", "* * * * *")
    table = table.replace("/usr/local/bin/truckcount-job", str(JOB))
    table = table.replace("  truckcount  ", "  root  ")
    table = table.replace("MAILTO=root", f'MAILTO=""\nTRUCKCOUNT_ENV={site / "env"}')
    place = folder / f"truckcount-test-{os.getpid()}"
    place.write_text(table)
    place.chmod(0o644)
    daemon = subprocess.Popen([cron, "-f", "-L", "15"])
    try:
        end = time.monotonic() + 300
        while not list((site / "store").glob("segments/*/[!.]*.parquet")):
            if daemon.poll() is not None:
                pytest.skip("another cron runs here")
            assert time.monotonic() < end, "cron did not run the job"
            time.sleep(0.5)
    finally:
        place.unlink()
        daemon.terminate()
        daemon.wait()
    assert pd.read_parquet(site / "store" / "hours")["n_trucks"].sum() == 1
