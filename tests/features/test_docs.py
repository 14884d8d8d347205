"""The user's page: its code runs, in order, as it stands there."""

import re

from tests.conftest import ROOT
from tests.features.fill import HOUR, T0, revision, write_store

PAGE = (ROOT / "docs" / "features.md").read_text()


def test_the_page_runs_as_it_stands(tmp_path, monkeypatch):
    rows = [revision(T0 + k * HOUR, k % 24) for k in range(35 * 24)]
    write_store(tmp_path / "store", rows)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    assert len(blocks) == 6
    names = {}
    for block in blocks:
        exec(compile(block, "docs/features.md", "exec"), names)
    assert names["days"]["total"].sum() > 0
    assert names["pairs"]["is_matched"].sum() == 4
    assert len(names["features"]) == 1


def test_what_the_page_names_is_there():
    import truckcount.features as features

    calls = set(re.findall(r"`(?:features\.)?([a-z_0-9]+)\(", PAGE))
    assert calls >= {"rollup", "panel", "departures", "asof_panel"}
    for name in calls:
        assert hasattr(features, name), name
    for place, name in re.findall(r"`(metrics|export)\.([a-z]+)`", PAGE):
        assert hasattr(getattr(features, place), name)
