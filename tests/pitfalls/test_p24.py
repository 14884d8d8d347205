"""P24 naive time: what is read carries its zone, and comparing without one fails."""

import ast

import pandas as pd
import pytest

from tests.conftest import ROOT
from tests.features.fill import revision, write_store
from truckcount.features import load_hours


def test_p24_times_read_are_aware_and_local_ones_say_so(tmp_path):
    store = write_store(tmp_path / "store", [revision(tz="America/Chicago")])
    for hours in (pd.read_parquet(store / "hours"), load_hours(store)):
        assert str(hours["hour_start_utc"].dtype) == "datetime64[us, UTC]"
        assert str(hours["known_at_utc"].dtype) == "datetime64[us, UTC]"
        assert str(hours["local_start"].dtype) == "datetime64[us]"
        with pytest.raises(TypeError):
            _ = hours["known_at_utc"] <= pd.Timestamp("2026-01-05")


LOCALISING = ("tz_localize", "replace_time_zone")
BY_KEY = ("merge", "merge_asof", "join", "set_index", "groupby")


def guesses_in(code):
    """Find what reads naive times by guessing, or joins on local time.

    ``"infer"`` and ``ambiguous=`` in any spelling; localising to a zone at all (only
    UTC has no hour twice); ``local_start`` as a key.
    """
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.keyword) and node.arg in ("ambiguous", "nonexistent"):
            found.append(f"{node.arg}={ast.unparse(node.value)}")
        elif isinstance(node, ast.Constant) and node.value in ("infer", "infer_dst"):
            found.append(repr(node.value))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            told = [ast.unparse(n) for n in (*node.args, *node.keywords)]
            is_zoned = node.func.attr in LOCALISING and told not in (
                ["None"],
                ["'UTC'"],
            )
            is_key = node.func.attr in BY_KEY and "local_start" in " ".join(told)
            found += [ast.unparse(node)] if is_zoned or is_key else []
    return found


@pytest.mark.parametrize(
    "code",
    [
        't.dt.tz_localize(zone, ambiguous="infer")',
        't.dt.tz_localize(zone, ambiguous = \n "infer")',
        'f(**{"ambiguous": "infer"})',
        "t.tz_localize(zone, ambiguous=True)",
        't.dt.tz_localize(zone, nonexistent="shift_forward")',
        "t.tz_localize(zone)",
        "t.dt.tz_localize(tz=zone)",
        'a.merge(b, on="local_start")',
        "a.merge(b, on=['camera', 'local_start'])",
        'a.set_index("local_start")',
        'a.groupby(["gate", "local_start"])',
    ],
)
def test_p24_each_way_to_guess_is_seen(code):
    assert guesses_in(code)


@pytest.mark.parametrize(
    "code",
    [
        "t.dt.tz_convert(zone)",
        "t.tz_convert(zone).tz_localize(None)",
        't.tz_localize("UTC")',
        "t.tz_convert(zone).normalize()",
        '"never infer a zone"',
        'rows["local_start"]',
    ],
)
def test_p24_what_guesses_nothing_is_let_through(code):
    assert not guesses_in(code)


def test_p24_local_time_is_never_joined_on_nor_guessed():
    files = sorted((ROOT / "truckcount" / "features").rglob("*.py"))
    found = {path.name: guesses_in(path.read_text()) for path in files}
    assert len(found) > 20, "the package is where it was"
    assert {name: what for name, what in found.items() if what} == {}
