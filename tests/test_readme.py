"""What the README shows is what happens: its commands, outputs and figures."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from benchmarks.readme_tables import fill
from tests.conftest import ROOT
from truckcount.cli import cli

README = (ROOT / "README.md").read_text()
SESSIONS = re.findall(r"```console\n\$ (truckcount .*?)\n(.*?)```", README, re.S)
BASH = "\n".join(re.findall(r"```bash\n(.*?)```", README, re.S))


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """An empty folder with the sample videos in it."""
    (tmp_path / "sample_videos").symlink_to(ROOT / "sample_videos")
    return tmp_path


def call(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    words = shlex.split(line)
    assert words[0] == "truckcount"
    command = [sys.executable, "-m", "truckcount", *words[1:]]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.golden
@pytest.mark.parametrize(("line", "output"), SESSIONS, ids=lambda s: s[:40])
def test_a_session_prints_what_the_readme_shows(line, output, desk):
    done = call(line, desk)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == output.strip()


@pytest.mark.golden
def test_the_first_command_counts_after_installing(desk):
    """Its installing half is what runs these tests in CI."""
    block = re.search(r"<!-- run command -->\s*```bash\n(.*?)```", README, re.S)[1]
    *_, run = block.strip().split(" && ")
    done = call(run.replace(".venv/bin/truckcount", "truckcount"), desk)
    assert done.returncode == 0, done.stderr
    assert (desk / "store" / "hours" / "dc-north").is_dir()
    assert block.strip() in BASH


@pytest.mark.golden
def test_the_python_of_the_readme_runs(desk):
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len(blocks) == 2
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(blocks)],
        cwd=desk,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_tables_show_the_newest_measurements():
    assert fill(README) == README, "run `python -m benchmarks.readme_tables`"


def test_every_command_is_in_the_readme_and_exists():
    known = set(_commands(cli, ""))
    shown = set(re.findall(r"^truckcount ([a-z]+(?: [a-z]+)?)", BASH, re.M))
    for line in shown:
        group = line.split()[0]
        assert line in known or group in known, line
    for command in known:
        assert f"truckcount {command}" in README, command


def _commands(command: click.Command, path: str) -> list[str]:
    if not isinstance(command, click.Group):
        return [path]
    context = click.Context(command)
    names = []
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        names += _commands(inner, f"{path} {name}".strip())
    return names
