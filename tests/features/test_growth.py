"""Growth over the cameras that both periods have."""

import math
import sys
from datetime import date

import numpy as np
import pandas as pd
import pytest

from tests.features.fill import hours_frame
from truckcount.errors import FeatureError
from truckcount.features import fiscal445, panel, panel_index, rollup, year_before, yoy
from truckcount.features.factors import Factor

YEAR = 364 * 24


def weeks(n_by_week, start="2026-01-05", **columns):
    return hours_frame(start, np.repeat(n_by_week, 168), **columns)


def reasons(pairs):
    return dict(zip(pairs["camera"], pairs["reason"], strict=True))


def test_pairs_say_why_they_are_not_compared():
    dark = np.full(3 * 168, 3600.0)
    dark[168 : 2 * 168 - 40] = 0
    hours = pd.concat(
        [
            weeks([1, 2, 2], camera="same"),
            weeks([1, 2], camera="gone"),
            weeks([2, 2], start="2026-01-12", camera="new"),
            weeks([1, 1, 1], camera="dark").assign(coverage_s=dark),
            weeks([1, 1, 1], camera="model").assign(
                config_hash=np.repeat(["a", "a", "b"], 168)
            ),
            hours_frame("2026-01-07", np.ones(168 * 2 + 5 * 24), camera="late"),
        ]
    )
    pairs = panel(rollup(hours, "W"))
    first = reasons(pairs[pairs["period_start"] == "2026-01-12"])
    second = reasons(pairs[pairs["period_start"] == "2026-01-19"])
    assert first == {
        "same": "", "gone": "", "new": "new", "dark": "coverage", "model": "",
        "late": "validity",
    }  # fmt: skip
    assert second == {
        "same": "", "gone": "gone", "new": "", "dark": "coverage", "model": "config",
        "late": "",
    }  # fmt: skip


def test_an_index_chains_growth_of_matched_cameras_only():
    hours = pd.concat(
        [
            weeks([10, 20, 20], camera="a"),
            weeks([10, 10, 20], camera="b"),
            weeks([70, 70], start="2026-01-12", camera="new"),
        ]
    )
    index = panel_index(rollup(hours, "W"))
    assert index["index"].tolist() == pytest.approx([1.0, 1.5, 1.5 * 110 / 100])
    assert index["n_matched"].tolist()[1:] == [2, 3]
    assert index["n_dropped"].tolist()[1:] == [1, 0]
    assert index["dropped_share"].tolist()[1:] == pytest.approx(
        [70 / (30 + 20 + 70), 0]
    )
    assert index["dropped"].iloc[1] == "new: new"


def test_an_index_without_a_match_is_null_from_there_on():
    hours = pd.concat(
        [
            weeks([10, 10], camera="a"),
            weeks([10, 10], start="2026-01-19", camera="b"),
        ]
    )
    index = panel_index(rollup(hours, "W"))["index"].tolist()
    assert index[:2] == [1.0, 1.0]
    assert math.isnan(index[2])
    assert math.isnan(index[3])


@pytest.mark.parametrize("cut", [1, 60])
def test_an_index_begins_with_the_first_whole_week(cut):
    """Recording seldom begins on a Monday at midnight."""
    hours = weeks([10, 10, 20, 30]).iloc[cut:].reset_index(drop=True)
    index = panel_index(rollup(hours, "W"))
    assert len(index) == 4
    assert math.isnan(index["index"].iloc[0])
    assert index["index"].tolist()[1:] == pytest.approx([1.0, 2.0, 3.0])


def test_an_index_begins_where_enough_was_watched():
    hours = weeks([10, 10, 20])
    hours.loc[hours.index[:100], ["n_trucks", "coverage_s"]] = pd.NA, 0.0
    index = panel_index(rollup(hours, "W"))["index"].tolist()
    assert math.isnan(index[0])
    assert index[1:] == pytest.approx([1.0, 2.0])


def test_the_index_of_a_firm_begins_with_its_own_first_period():
    hours = pd.concat(
        [weeks([10, 10, 10], camera="a"),
         weeks([10, 20], start="2026-01-12", camera="b")]
    )  # fmt: skip
    lines = pd.DataFrame(
        {"camera": ["a", "b"], "gate": "dock-exit", "site": "n", "ticker": ["X", "Y"]}
    )
    index = panel_index(rollup(hours, "W", site_map=lines))
    index = index[index["ticker"] == "Y"]
    assert index["period_start"].astype(str).tolist() == ["2026-01-12", "2026-01-19"]
    assert index["index"].tolist() == pytest.approx([1, 2])


def test_a_period_that_was_left_out_breaks_the_chain():
    totals = rollup(weeks([10, 11, 12, 13, 14]), "W")
    assert panel_index(totals)["index"].iloc[-1] == pytest.approx(1.4)
    index = panel_index(totals.drop(index=2))["index"].tolist()
    assert index[:2] == pytest.approx([1.0, 1.1])
    assert math.isnan(index[2])


@pytest.mark.parametrize("by", ["ticker", "site"])
def test_a_camera_more_at_a_site_is_no_growth(by):
    """Two cameras with one polygon have one config_hash: it does not tell them apart.

    dc-north and dc-south of `sample_videos/cameras.toml` are such a pair.
    """
    hours = pd.concat(
        [weeks([10, 10, 10], camera="a"),
         weeks([10, 10], start="2026-01-12", camera="b")]
    )  # fmt: skip
    lines = pd.DataFrame(
        {"camera": ["a", "b"], "gate": "dock-exit", "site": "n", "ticker": "X"}
    )
    totals = rollup(hours, "W", by=by, site_map=lines)
    pairs = panel(totals)
    assert pairs["reason"].tolist() == ["gates", ""]
    assert pairs["gates_before"].tolist() == [
        "a/dock-exit/out", "a/dock-exit/out+b/dock-exit/out",
    ]  # fmt: skip
    assert math.isnan(panel_index(totals)["index"].iloc[1])
    # by gate the new camera is left out and the old one compared
    index = panel_index(rollup(hours, "W", site_map=lines))
    assert index["index"].tolist() == pytest.approx([1, 1, 1])


def test_a_model_that_changed_within_a_period_is_on_no_scale():
    """The other gate of the ticker has the old model throughout."""
    config = np.repeat(["old", "new", "new", "new"], 84)
    hours = pd.concat(
        [weeks([10, 11], camera="a").assign(config_hash=config),
         weeks([10, 10], camera="b").assign(config_hash="old")]
    )  # fmt: skip
    lines = pd.DataFrame(
        {"camera": ["a", "b"], "gate": "dock-exit", "site": "n", "ticker": "X"}
    )
    totals = rollup(hours, "W", by="ticker", site_map=lines)
    assert totals["config_hash"].nunique() == 1
    assert panel(totals)["reason"].tolist() == ["config"]


def test_gates_that_swap_their_models_are_not_compared():
    hours = pd.concat(
        [weeks([10, 11], camera=c).assign(config_hash=np.repeat(list(k), 168))
         for c, k in (("a", "xy"), ("b", "yx"))]
    )  # fmt: skip
    lines = pd.DataFrame(
        {"camera": ["a", "b"], "gate": "dock-exit", "site": "n", "ticker": "X"}
    )
    totals = rollup(hours, "W", by="ticker", site_map=lines)
    assert panel(totals)["reason"].tolist() == ["config"]


def test_a_lag_that_is_none_is_refused():
    """It compared each period with itself: no growth, ever."""
    with pytest.raises(FeatureError, match="lag must be 'previous' or 'year'"):
        panel(rollup(weeks([10, 11]), "W"), "yearly")


def test_totals_that_stand_twice_are_refused():
    totals = rollup(weeks([10, 11]), "W")
    with pytest.raises(FeatureError, match=r"dc-01/dock-exit/out has two .*2026-01-05"):
        panel(pd.concat([totals, totals[:1]]))
    with pytest.raises(FeatureError, match="two totals"):
        yoy(totals, prior=pd.concat([totals, totals]))


def test_a_weight_that_changes_is_no_growth():
    lines = pd.DataFrame(
        {"camera": "dc-01", "gate": "dock-exit", "site": "n", "ticker": "X",
         "weight": [0.5, 1.0], "valid_from": [None, "2026-01-12"],
         "valid_to": ["2026-01-12", None]}
    )  # fmt: skip
    totals = rollup(weeks([10, 10]), "W", by="site", site_map=lines)
    gates = totals["gates"].tolist()
    assert gates == ["0.5*dc-01/dock-exit/out", "dc-01/dock-exit/out"]
    assert panel(totals.assign(is_complete=True))["reason"].tolist() == ["gates"]


def test_a_bridge_carries_an_index_over_a_new_model():
    hours = weeks([10, 10, 11, 11]).assign(
        config_hash=np.repeat(["old", "new"], 2 * 168)
    )
    bridges = pd.DataFrame(
        {"camera": ["dc-01"], "gate": "dock-exit", "from_hash": "old",
         "to_hash": "new", "ratio": 1.1}
    )  # fmt: skip
    assert math.isnan(panel_index(rollup(hours, "W"))["index"].iloc[2])
    totals = rollup(hours, "W", bridges=bridges)
    assert panel_index(totals)["index"].tolist() == pytest.approx([1, 1, 1, 1])
    assert set(totals["config_hash"]) == {"new"}
    # rolled up apart, both stretches come to the same scale
    apart = [
        rollup(hours[hours["config_hash"] == name], "W", bridges=bridges)
        for name in ("old", "new")
    ]
    assert panel_index(pd.concat(apart))["index"].tolist() == pytest.approx([1] * 4)


def two_bridges(ratios, known=None):
    bridges = pd.DataFrame(
        {"camera": "dc-01", "gate": "dock-exit", "from_hash": "old", "to_hash": "new",
         "ratio": ratios}
    )  # fmt: skip
    return bridges if known is None else bridges.assign(
        known_at_utc=pd.to_datetime(known, utc=True)
    )  # fmt: skip


@pytest.mark.parametrize(
    "known",
    [None, [None, None], ["2026-03-01", "2026-03-01"]],
    ids=["no times", "times unsaid", "told at once"],
)
def test_two_bridges_for_one_pair_are_no_matter_of_order(known):
    hours = weeks([10, 11]).assign(config_hash=np.repeat(["old", "new"], 168))
    with pytest.raises(FeatureError, match=r"lines 0 and 1 .* 1\.1 and 1\.3"):
        rollup(hours, "W", bridges=two_bridges([1.1, 1.3], known))
    same = rollup(hours, "W", bridges=two_bridges([1.1, 1.1], known))
    assert panel_index(same)["index"].tolist() == pytest.approx([1, 1])


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
@pytest.mark.parametrize("first", [None, "2026-02-01"])
def test_a_bridge_told_later_replaces_the_first(order, first):
    hours = weeks([10, 11]).assign(config_hash=np.repeat(["old", "new"], 168))
    bridges = two_bridges([1.3, 1.1], [first, "2026-03-01"]).iloc[order]
    index = panel_index(rollup(hours, "W", bridges=bridges))["index"]
    assert index.tolist() == pytest.approx([1, 1])


def test_a_change_in_the_middle_of_a_period_breaks_it_twice():
    hours = weeks([10] * 4).assign(
        config_hash=["old"] * 250 + ["new"] * (4 * 168 - 250)
    )
    pairs = panel(rollup(hours, "W"))
    assert pairs["reason"].tolist() == ["config", "config", ""]


def two_years(now=1.1, **columns):
    n = np.full(YEAR + 56 * 24, 10.0)
    n[YEAR:] *= now
    return hours_frame("2025-01-06", n, **columns)


def test_days_are_compared_weekday_with_weekday():
    grown = yoy(rollup(two_years(), "D"), holidays=[date(2026, 1, 19)])
    matched = grown[grown["is_matched"]]
    assert len(matched) == 56
    assert (
        (matched["period_start"] - matched["period_start_before"]).dt.days.eq(364).all()
    )
    assert matched["growth"].to_numpy() == pytest.approx(0.1)
    odd = matched.loc[matched["holiday_mismatch"], "period_start"]
    assert list(odd.astype(str)) == ["2026-01-19"]
    assert set(matched["n_matched"]) == {1}
    assert matched["dropped_share"].eq(0).all()


@pytest.mark.parametrize("freq", ["W", "M"])
def test_a_period_with_a_holiday_more_is_told(freq):
    """Good Friday of 2026 is the third of April, that of 2025 the 18th."""
    hours = hours_frame("2025-03-03", np.full(24 * 460, 10.0))
    fridays = [date(2025, 4, 18), date(2026, 4, 3)]
    grown = yoy(rollup(hours, freq), holidays=[*fridays, date(2026, 5, 14)])
    matched = grown[grown["is_matched"]]
    odd = matched.loc[matched["holiday_mismatch"], "period_start"]
    expected = {
        "W": ["2026-03-30", "2026-04-13", "2026-05-11"], "M": ["2026-05-01"]
    }[freq]  # fmt: skip
    assert odd.astype(str).tolist() == expected


def test_a_region_gives_its_holidays():
    pytest.importorskip("holidays", reason="extra `calendar` is not installed")
    grown = yoy(rollup(two_years(), "D"), holidays="US")
    # 2026-01-19 is Martin Luther King Day, and so is 2025-01-20, 364 days before
    assert not grown["holiday_mismatch"].any()


def test_a_region_without_the_package_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "holidays", None)  # as where it is not installed
    with pytest.raises(FeatureError, match=r"pip install 'truckcount\[calendar\]'"):
        yoy(rollup(two_years(), "D"), holidays="US")


@pytest.mark.parametrize(
    ("region", "words"),
    [
        ("US-XX", ["no part of US 'XX'", "known are:", "CA, CO"]),
        ("US-ca", ["no part of US 'ca'; did you mean 'CA'?"]),
        ("DE-BY-X", ["no part of DE 'BY-X'", "BY"]),
        ("XX", ["no country 'XX'", "DE, "]),
        ("us", ["no country 'us'; did you mean 'US'?"]),
        ("", ["no country ''"]),
    ],
)
def test_an_unknown_region_says_which_are_known(region, words):
    pytest.importorskip("holidays", reason="extra `calendar` is not installed")
    with pytest.raises(FeatureError) as caught:
        yoy(rollup(two_years(), "D"), holidays=region)
    for word in words:
        assert word in str(caught.value)


def test_a_part_of_a_country_has_its_own_holidays():
    pytest.importorskip("holidays", reason="extra `calendar` is not installed")
    totals = rollup(two_years(), "D")
    grown = {r: yoy(totals, holidays=r) for r in ("DE", "DE-BY")}
    odd = {
        region: set(g.loc[g["holiday_mismatch"], "period_start"].astype(str))
        for region, g in grown.items()
    }
    # Epiphany is one in Bavaria: 2025-01-06 faces 2026-01-05, 2026-01-06 2025-01-07
    assert odd["DE-BY"] - odd["DE"] == {"2026-01-05", "2026-01-06"}


def test_one_calibration_over_both_years_cancels_and_two_do_not():
    # features.md 5.5: 91 days of 330; se of log growth .37 % and 5.5 %
    hour = np.zeros(24)
    hour[12] = 330
    hours = hours_frame("2025-01-06", np.tile(hour, 364 + 91))
    calendar = pd.DataFrame(
        {"ticker": [None, None], "fiscal_year": [2025, 2026], "fiscal_quarter": 1,
         "start_date": [date(2025, 1, 6), date(2026, 1, 5)],
         "end_date": [date(2025, 4, 6), date(2026, 4, 5)], "weeks": 13,
         "known_at_utc": pd.NaT}
    )  # fmt: skip
    table = pd.DataFrame(
        {
            "calibration_id": ["c", "d"],
            "factor": 1.1485,
            "factor_se": 0.0444,
            "tau2": 0.264,
        }
    )
    for names, percent in ((["c", "c"], 0.37), (["c", "d"], 5.5)):
        split = hours.assign(
            calibration_id=np.where(np.arange(len(hours)) < YEAR, *names)
        )
        totals = rollup(split, "FQ", calendar, calibrations=table)
        (row,) = yoy(totals).to_dict("records")
        assert row["log_growth"] == pytest.approx(0)
        assert 100 * row["se_log_growth"] == pytest.approx(percent, abs=0.05)


def test_quarters_after_a_year_of_53_weeks_are_compared_with_like_weeks():
    # volume doubles in the week of Thanksgiving: 2023-11-23 and 2024-11-28
    calendar = fiscal445(2023, 2024, month=1)
    hours = hours_frame("2023-01-29", np.full(735 * 24, 1.0))
    thanks = hours["hour_start_utc"].dt.date.isin(
        [date(2023, 11, 23), date(2024, 11, 28)]
    )
    hours["n_trucks"] = hours["n_trucks"].mask(thanks, 51)
    totals = rollup(hours, "FQ", calendar)
    by_name = yoy(totals).set_index(["fiscal_year", "fiscal_quarter"])["growth"]
    prior = rollup(hours, "FQ", year_before(calendar))
    restated = yoy(totals, prior=prior).set_index(["fiscal_year", "fiscal_quarter"])
    assert restated["growth"].loc[2024, 4] == pytest.approx(0.0)
    assert by_name.loc[2024, 4] == pytest.approx((91 + 50) / 91 / ((98 + 50) / 98) - 1)
    assert restated["period_start_before"].loc[2024, 1] == pd.Timestamp("2023-02-05")


def test_months_are_compared_by_the_day():
    hours = hours_frame("2024-02-01", np.full(24 * 394, 5.0))
    grown = yoy(rollup(hours, "M"))
    row = grown[grown["period_start"] == "2025-02-01"].iloc[0]
    assert (row["total"], row["total_before"]) == (5 * 24 * 28, 5 * 24 * 29)
    assert row["growth"] == pytest.approx(0)


def test_a_factor_is_what_an_audit_said():
    assert Factor() == Factor(ratio=1.0, se=0.0, tau2=0.0)


@pytest.mark.parametrize("by", ["gate", "site", "ticker"])
@pytest.mark.parametrize("freq", ["D", "W", "M", "FQ"])
def test_before_the_first_hour_there_is_growth_of_nothing(by, freq):
    """Who replays a store day by day begins before it does."""
    hours = weeks([10, 10, 20])
    lines = pd.DataFrame(
        {"camera": ["dc-01"], "gate": "dock-exit", "site": "n", "ticker": "X"}
    )
    calendar = fiscal445(2025, 2026, month=1) if freq == "FQ" else None
    full, none = (
        rollup(part, freq, calendar, by=by, site_map=None if by == "gate" else lines)
        for part in (hours, hours.iloc[:0])
    )
    assert not len(none)
    pd.testing.assert_series_equal(none.dtypes, full.dtypes)
    for measure in (panel, panel_index, yoy):
        assert not len(measure(none))
        assert list(measure(none).columns) == list(measure(full).columns)
