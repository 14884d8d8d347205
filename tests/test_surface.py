"""What others import: named, documented, and drawn as it is."""

import ast
import doctest
import importlib
import inspect
import re

import mypy.api
import pytest

import truckcount
from tests.conftest import ROOT
from truckcount import errors

MODULES = sorted((ROOT / "truckcount").rglob("*.py"))


def dotted(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(p for p in parts if p != "__init__")


def test_all_is_sorted_and_importable():
    assert truckcount.__all__ == sorted(truckcount.__all__)
    for name in truckcount.__all__:
        assert getattr(truckcount, name) is not None


def test_a_name_that_is_not_there_says_so():
    with pytest.raises(AttributeError, match="no attribute 'runn'"):
        _ = truckcount.runn


def test_a_type_checker_sees_the_slip_and_tab_the_names(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("import truckcount\ntruckcount.run\ntruckcount.runn\n")
    init = str(ROOT / "truckcount" / "__init__.py")
    lone = ["--follow-imports=skip", "--config-file=", f"--cache-dir={tmp_path}"]
    said, _, _ = mypy.api.run([*lone, "--allow-untyped-globals", init, str(program)])
    assert re.findall(r'no attribute "(\w+)"', said) == ["runn"], said
    assert set(truckcount.__all__) <= set(dir(truckcount))


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_a_modules_all_names_what_it_has(path):
    module = importlib.import_module(dotted(path))
    for name in getattr(module, "__all__", []):
        assert hasattr(module, name), name


def test_the_version_is_that_of_the_project():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert truckcount.__version__ == project["version"]


def drawn_tree():
    """(name, parent, builtin) of each line of the tree in the docstring."""
    stack, rows = [], []
    for line in errors.__doc__.splitlines():
        found = re.match(r"^([ │├└─]*)(\w+Error)\b(?:\s*\(also (\w+)\))?", line)
        if found is None:
            continue
        depth = len(found[1]) // 4
        stack[depth - 1 :] = [found[2]]
        rows.append((found[2], stack[depth - 2] if depth > 1 else None, found[3]))
    return rows


def is_of(name, parent, builtin):
    kind = getattr(errors, name)
    bases = [b.__name__ for b in kind.__bases__]
    return bases == [b for b in (parent or "Exception", builtin) if b]


def test_the_error_tree_is_drawn_as_it_is():
    rows = drawn_tree()
    assert [name for name, parent, _ in rows if parent is None] == ["TruckcountError"]
    for name, parent, builtin in rows:
        assert is_of(name, parent, builtin), name


def test_every_error_is_drawn_and_exported():
    classes = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and issubclass(value, errors.TruckcountError)
    }
    assert {name for name, *_ in drawn_tree()} == classes
    assert errors.__all__ == sorted(classes)


def is_public(name):
    return not name.startswith("_")


def public_definitions(tree):
    """(name, node) of public functions, classes and methods of a module."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and is_public(node.name):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                for part in node.body:
                    if isinstance(part, ast.FunctionDef) and is_public(part.name):
                        yield f"{node.name}.{part.name}", part


@pytest.mark.parametrize("path", MODULES, ids=dotted)
def test_everything_public_says_what_it_does(path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "the module"
    silent = [n for n, node in public_definitions(tree) if not ast.get_docstring(node)]
    assert silent == []


def has_examples(path):
    """Whether a module shows something that can be tried (not all is skipped)."""
    lines = [line for line in path.read_text().splitlines() if ">>> " in line]
    return any("+SKIP" not in line for line in lines)


WITH_EXAMPLES = [path for path in MODULES if has_examples(path)]


@pytest.mark.parametrize("path", WITH_EXAMPLES, ids=dotted)
def test_examples_give_what_they_show(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = doctest.testmod(importlib.import_module(dotted(path)))
    assert found.attempted > 0
    assert found.failed == 0


def test_the_package_itself_shows_an_example():
    assert ROOT / "truckcount" / "__init__.py" in WITH_EXAMPLES
