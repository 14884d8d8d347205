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
