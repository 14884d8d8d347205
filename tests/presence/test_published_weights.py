"""Weights of others are tensors, or nothing: no code of a file is run."""

import ast
import hashlib
import sys

import pytest
import torch

from tests.conftest import ROOT
from tests.presence.evil import write_evil
from truckcount.errors import WeightsError
from truckcount.presence import imagenet
from truckcount.presence.published_weights import load_published, read_tensors

FORMS = ("zip", "legacy", "pickle")


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A folder to be fetched from by file URLs, and an empty torch cache."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    (tmp_path / "server").mkdir()
    return tmp_path / "server"


@pytest.mark.parametrize("form", FORMS)
def test_the_evil_files_of_these_tests_are_evil(tmp_path, form):
    path = write_evil(tmp_path / "a.pth", tmp_path / "ran", form)
    if form == "pickle":
        import pickle

        pickle.loads(path.read_bytes())
    else:
        torch.load(path, weights_only=False)
    assert (tmp_path / "ran").is_dir()


@pytest.mark.parametrize("form", FORMS)
def test_pickled_code_is_refused_though_its_hash_is_right(server, tmp_path, form):
    draft = write_evil(server / "draft", tmp_path / "ran", form)
    path = draft.rename(server / f"net-{sha256(draft)[:8]}.pth")
    with pytest.raises(WeightsError, match=r"cannot be read as.*nothing in it"):
        load_published(path.as_uri())
    with pytest.raises(WeightsError, match="nothing in it was run"):
        read_tensors(path, sha256(path))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("form", FORMS)
def test_pickled_code_in_the_place_of_the_package_is_not_run(
    tmp_path, monkeypatch, form
):
    package = tmp_path / imagenet.PACKAGE
    (package / "models").mkdir(parents=True)
    (package / "__init__.py").touch()
    path = write_evil(package / imagenet.FILE, tmp_path / "ran", form)
    monkeypatch.delitem(sys.modules, imagenet.PACKAGE, raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(WeightsError, match="is damaged"):
        imagenet.read_lite0()
    monkeypatch.setattr(imagenet, "SHA256", sha256(path))
    with pytest.raises(WeightsError, match="nothing in it was run"):
        imagenet.read_lite0()
    path.unlink()
    with pytest.raises(WeightsError, match=r"57934424\.pth cannot be read"):
        imagenet.read_lite0()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "held",
    [[torch.ones(2)], {"epoch": 3, "state": {"a": torch.ones(2)}}, {1: torch.ones(2)}],
    ids=["list", "checkpoint", "numbered"],
)
def test_a_file_of_other_than_tensors_by_name_is_refused(tmp_path, held):
    torch.save(held, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="other than tensors by name"):
        read_tensors(tmp_path / "a.pth", "")


@pytest.mark.parametrize("data", [b"", b"no weights", b"PK\x03\x04cut"])
def test_a_file_of_something_else_is_refused(tmp_path, data):
    (tmp_path / "a.pth").write_bytes(data)
    with pytest.raises(WeightsError, match="cannot be read as weights"):
        read_tensors(tmp_path / "a.pth", "")


def test_tensors_come_from_the_server_once_and_are_compared_each_time(server, tmp_path):
    torch.save({"layer": torch.arange(4.0)}, server / "draft")
    name = f"net-{sha256(server / 'draft')[:8]}.pth"
    path = (server / "draft").rename(server / name)
    url = path.as_uri()
    assert load_published(url)["layer"].tolist() == [0, 1, 2, 3]
    path.unlink()
    assert load_published(url)["layer"].tolist() == [0, 1, 2, 3]
    cached = tmp_path / "torch/hub/checkpoints" / name
    torch.save({"layer": torch.zeros(4)}, cached)
    with pytest.raises(WeightsError, match="is damaged"):
        load_published(url)
    cached.unlink()
    with pytest.raises(WeightsError, match="cannot be downloaded"):
        load_published(url)


UNPICKLERS = frozenset(
    ["load_state_dict_from_url", "get_state_dict", "read_pickle", "unpickle", "loads"]
)
"""Beside a plain ``load`` of torch and pickle; numpy's takes no pickle unless told."""


def test_nothing_else_in_the_package_unpickles():
    found = []
    for path in sorted((ROOT / "truckcount").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            module, _, name = called.rpartition(".")
            is_text = module in {"json", "tomllib"}
            is_load = module in {"torch", "pickle", "joblib", "torch.hub", "yaml"}
            given = sorted(ast.unparse(k) for k in node.keywords)
            if (
                (name in UNPICKLERS and not is_text)
                or (is_load and name == "load")
                or "allow_pickle=True" in given
            ):
                found.append((path.name, called, given))
    assert found == [
        (
            "published_weights.py",
            "torch.load",
            ["map_location='cpu'", "weights_only=True"],
        )
    ]
