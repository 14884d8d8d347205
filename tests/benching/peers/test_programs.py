"""Peers' programs: each does its job on a clip, where its packages are."""

import importlib
import subprocess
import sys

import pytest

from tests.conftest import write_clip
from truckcount.benching.contestants import PEER_TABLE, PEERS


@pytest.mark.parametrize("peer", PEER_TABLE.values(), ids=list(PEER_TABLE))
def test_every_peer_has_a_program_that_imports_without_its_packages(peer):
    assert (PEERS / f"{peer.program}.py").is_file()
    module = importlib.import_module(f"truckcount.benching.peers.{peer.program}")
    assert callable(module.main)


def run(program, *words):
    return subprocess.run(
        [sys.executable, str(PEERS / f"{program}.py"), *map(str, words)],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip


@pytest.mark.video
def test_decoding_alone_sees_every_frame(tmp_path):
    clip = write_clip(tmp_path / "c.mp4", 30)
    assert run("decode_only", clip) == ["30"]


@pytest.mark.video
@pytest.mark.parametrize(
    ("program", "package"), [("scenedetect_content", "scenedetect")]
)
def test_a_peer_with_its_packages_gets_through_a_clip(tmp_path, program, package):
    pytest.importorskip(package)
    clip = write_clip(tmp_path / "c.mp4", 30)
    assert run(program, clip)
