"""What is a change of configuration and what is not (the writing side of P28)."""

from dataclasses import replace

import pytest

from tests.pipeline.pieces import WEIGHTS
from truckcount.pipeline.cameras import load_cameras
from truckcount.pipeline.config import RunOptions, config_hash, counting_options

BOOK = """\
[cameras.dc-01]
display = "Reno DC north"
timezone = "America/Los_Angeles"
[[cameras.dc-01.gates]]
name = "dock-exit"
polygon = [[0.10, 0.40], [0.62, 0.40], [0.62, 0.95], [0.10, 0.95]]
in = [0.0, 1.0]
thresholds = { on = 0.60, off = 0.35 }
"""


def hash_of(tmp_path, text):
    path = tmp_path / "cameras.toml"
    path.write_text(text)
    (camera,) = load_cameras(path).cameras
    (gate,) = camera.gates
    options = counting_options(gate, WEIGHTS.header.thresholds)
    digest = config_hash(gate, WEIGHTS.model_id, options, RunOptions())
    return (camera.name, gate.name), digest


SAME = {
    "a comment": lambda t: "# the dock was painted\n" + t,
    "another display name": lambda t: t.replace("Reno DC north", "Reno 1"),
    "a lane count": lambda t: t + "lanes = 2\n",
    "a validity": lambda t: t + "active_from = 2025-01-06T00:00:00Z\n",
}
OTHER = {
    "a corner": lambda t: t.replace("0.62, 0.95", "0.60, 0.95"),
    "a threshold": lambda t: t.replace("on = 0.60", "on = 0.61"),
    "a direction": lambda t: t.replace("in = [0.0, 1.0]", "in = [0.0, -1.0]"),
}


@pytest.mark.parametrize("name", SAME)
def test_what_counts_nothing_changes_no_hash_and_no_key(tmp_path, name):
    assert hash_of(tmp_path, SAME[name](BOOK)) == hash_of(tmp_path, BOOK)


@pytest.mark.parametrize("name", OTHER)
def test_what_counts_changes_the_hash_and_no_key(tmp_path, name):
    before, after = hash_of(tmp_path, BOOK), hash_of(tmp_path, OTHER[name](BOOK))
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_another_model_changes_it(tmp_path):
    (camera,) = load_cameras_of(tmp_path)
    (gate,) = camera.gates
    options = counting_options(gate, ())
    ids = {
        config_hash(gate, model.model_id, options, RunOptions())
        for model in (WEIGHTS, replace(WEIGHTS, sha256="e" * 64))
    }
    assert len(ids) == 2


def load_cameras_of(tmp_path):
    path = tmp_path / "cameras.toml"
    path.write_text(BOOK)
    return load_cameras(path).cameras
