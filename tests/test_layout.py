"""The tree keeps the shape of the guide: small files, plain names, mirrored tests."""

import subprocess
import sys
import tomllib

import pytest

from tests.conftest import ROOT

PACKAGE = ROOT / "truckcount"
MODULES = sorted(PACKAGE.rglob("*.py"))
FOLDERS = sorted({m.parent for m in MODULES} - {PACKAGE})
FILLED = sorted({m.parent for m in MODULES if m.name != "__init__.py"} - {PACKAGE})
MAX_LINES = 400
# a file called so gathers what nobody found a noun for
SHAPELESS = {"utils", "util", "helpers", "common", "core", "base", "misc", "tools"}
TOP = ["truckcount"]
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]


def name_of(path):
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_file_is_short_enough_to_be_read(path):
    assert len(path.read_text().splitlines()) <= MAX_LINES


def test_no_file_or_folder_has_a_shapeless_name():
    names = {path.stem.strip("_") for path in [*MODULES, *FOLDERS]}
    assert names.isdisjoint(SHAPELESS)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_opens_by_saying_what_it_is(path):
    first = path.read_text().split("\n", 1)[0]
    assert first.startswith('"""')
    assert first.rstrip('"').endswith(".")


@pytest.mark.parametrize("folder", FILLED, ids=name_of)
def test_a_package_has_its_folder_of_tests(folder):
    tests = ROOT / "tests" / folder.relative_to(PACKAGE)
    assert (tests / "__init__.py").is_file()
    assert list(tests.glob("test_*.py"))


def test_every_package_stands_in_a_layer():
    (layers,) = [c for c in CONTRACTS["contracts"] if c.get("containers") == TOP]
    placed = [n.strip() for row in layers["layers"] for n in row.split("|")]
    found = {f.name for f in FOLDERS if f.parent == PACKAGE}
    found |= {m.stem for m in PACKAGE.glob("*.py")} - {"__init__"}
    assert set(placed) == found
    assert len(placed) == len(set(placed))


def test_contracts_name_only_what_there_is():
    for contract in CONTRACTS["contracts"]:
        for module in contract.get("source_modules", []):
            path = ROOT / module.replace(".", "/")
            assert path.is_dir() or path.with_suffix(".py").is_file(), module


def test_the_stages_do_not_know_one_another():
    (layers,) = [c for c in CONTRACTS["contracts"] if c.get("containers") == TOP]
    rows = [{n.strip() for n in row.split("|")} for row in layers["layers"]]
    assert {"video", "presence", "counting", "store"} in rows


def test_the_import_contracts_hold():
    # in a process of its own: it silences the loggers of the one it runs in
    program = "import sys; from importlinter.cli import lint_imports as lint\n"
    program += "sys.exit(lint(no_cache=True))"
    lint = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True
    )
    assert lint.returncode == 0, lint.stdout


def test_the_licence_that_the_project_names_is_here():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "Apache-2.0"
    text = (ROOT / "LICENSE").read_text()  # hatchling puts it into every wheel
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
