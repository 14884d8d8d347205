"""A regression is a ratio above the stored one by more than the margin."""

import pytest

from truckcount.benching.check import check_ratios


def report(**ratios):
    rows = {
        name.replace("_", "-"): {"ratio": None if r is None else {"median": r}}
        for name, r in ratios.items()
    }
    return {"clips": [{"clip": "road", "contestants": rows}]}


@pytest.mark.parametrize(
    ("now", "is_worse"),
    [(1.0, False), (1.24, False), (1.26, True), (0.5, False)],
    ids=["same", "within", "above", "better"],
)
def test_the_margin_decides(now, is_worse):
    (verdict,) = check_ratios(report(truckcount=now), report(truckcount=1.0), 0.25)
    assert verdict.is_worse is is_worse
    assert verdict.limit == 1.25


def test_only_our_own_ratios_count():
    now = report(truckcount=1.0, truckcount_fast=0.6, scenedetect=9.0)
    before = report(truckcount=1.0, truckcount_fast=0.5, scenedetect=1.0)
    names = [v.name for v in check_ratios(now, before)]
    assert names == ["truckcount", "truckcount-fast"]


def test_what_is_unknown_on_either_side_is_not_judged():
    assert check_ratios(report(truckcount=None), report(truckcount=1.0)) == []
    assert check_ratios(report(truckcount=1.0), report(truckcount=None)) == []
    other = {"clips": [{"clip": "another", "contestants": {}}]}
    assert check_ratios(report(truckcount=1.0), other) == []


@pytest.mark.parametrize("name", ["truckcount", "floor"], ids=["weights", "floor"])
def test_what_was_measured_otherwise_is_not_judged(name):
    now, before = (report(truckcount=1.0, floor=None) for _ in range(2))
    for one, title in ((now, "this way"), (before, "that way")):
        one["clips"][0]["contestants"][name]["title"] = title
    assert len(check_ratios(now, now)) == 1
    assert check_ratios(now, before) == []


def test_a_peer_that_failed_has_no_ratio():
    now = report(truckcount=1.0)
    now["clips"][0]["contestants"]["truckcount-fast"] = {"error": "fell over"}
    assert len(check_ratios(now, report(truckcount=1.0, truckcount_fast=1.0))) == 1
