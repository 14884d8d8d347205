"""The command line as a shell meets it: arguments in, exit code and two texts out."""

import json
import logging
import sys
from dataclasses import dataclass

import pytest

from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.cli import main

CAMERAS = """\
[cameras.dock]
timezone = "Europe/Berlin"
match = ["dock_*.mp4"]
[[cameras.dock.gates]]
name = "main"
polygon = [[0.25, 0.1], [0.75, 0.1], [0.75, 0.95], [0.25, 0.95]]
in = [1.0, 0.0]
"""


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self):
        """The one JSON value that is all of stdout."""
        value, end = json.JSONDecoder().raw_decode(self.out)
        assert not self.out[end:].strip(), "more than one value on stdout"
        return value


@pytest.fixture
def truckcount(monkeypatch, capsys, tmp_path):
    """Run the real ``main`` in an empty folder; errors map to exit codes there."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TRUCKCOUNT_DEBUG", raising=False)
    handlers, level = logging.root.handlers[:], logging.root.level

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["truckcount", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        said = capsys.readouterr()
        return Said(stop.value.code, said.out, said.err)

    yield call
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    logging.captureWarnings(False)


@dataclass(frozen=True)
class Scene:
    """Two clips three hours apart: one truck in, one out, then one in."""

    folder: object
    clips: tuple
    cameras: str
    model: str

    def options(self):
        return ["--cameras", self.cameras, "--model", self.model]


@pytest.fixture(scope="session")
def scene(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scene")
    (folder / "cameras.toml").write_text(CAMERAS)
    clips = (
        write_traffic(folder / "dock_20260302T080000Z.mp4", {1.0: 1, 6.0: -1}, 11),
        write_traffic(folder / "dock_20260302T110000Z.mp4", {1.0: 1}, 6),
    )
    return Scene(
        folder=folder,
        clips=tuple(map(str, clips)),
        cameras=str(folder / "cameras.toml"),
        model=write_red_model(folder),
    )
