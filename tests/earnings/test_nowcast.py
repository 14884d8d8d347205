"""The nowcast on made-up firms: it finds what is there and is not fooled."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("matplotlib", reason="extra `nowcast` is not installed")

from pipelines.earnings import checks
from pipelines.earnings.forecasts import demean, forecast, rmse
from pipelines.earnings.inference import Placebo
from pipelines.earnings.page import CANNOT, write_page
from pipelines.earnings.spoiling import spoil_world
from pipelines.earnings.world import (
    WorldOptions,
    draw_sales,
    make_world,
    measured_growth,
)
from truckcount.features import decisions, quarters

STRONG = WorldOptions(calibration_cv=0.0, truck_sd=0.005, kappa_sd=0.05)


def draw(options=STRONG, seed=4):
    rng = np.random.default_rng(seed)
    sales = draw_sales(rng, options)
    trucks = measured_growth(rng, sales, options)
    trucks[:, :4] = np.nan
    return rng, sales, trucks


def test_trucks_that_follow_sales_beat_consensus():
    _, sales, trucks = draw()
    made = forecast(sales.growth, sales.consensus, trucks)
    errors = {name: rmse(m, made.truth) for name, m in made.by_name.items()}
    assert made.truth.shape == (40, 12)
    assert errors["both"] < 0.8 * errors["consensus, refitted"]
    assert errors["consensus"] < errors["seasonal naive"]


def test_a_forecast_uses_nothing_of_its_own_quarter_or_later():
    rng, sales, trucks = draw()
    before = forecast(sales.growth, sales.consensus, trucks)
    later = sales.growth.copy()
    later[:, 15:] = rng.standard_normal(later[:, 15:].shape)
    trucks_later = trucks.copy()
    trucks_later[:, 16:] = rng.standard_normal(trucks[:, 16:].shape)
    after = forecast(later, sales.consensus, trucks_later)
    for name, made in before.by_name.items():
        # the decision of quarter 15 knows its trucks, not its sales
        assert np.array_equal(made[:, :4], after.by_name[name][:, :4]), name
        assert not np.array_equal(made[:, 5:], after.by_name[name][:, 5:]) or (
            name in ("consensus", "consensus, refitted")
        )


def test_a_firms_mean_is_that_of_its_past():
    growth = demean(np.array([[np.nan, 1.0, 3.0, 8.0]]))
    assert growth[0, 1:].tolist() == [0.0, 1.0, 4.0]
    assert np.isnan(growth[0, 0])


def test_placebos_find_nothing():
    rng, sales, trucks = draw()
    given = sales.growth, sales.consensus
    others = checks.permute_firms(trucks, rng)
    late = checks.encompass(*given, checks.shift_quarters(trucks), rng, first=12)
    mixed = checks.other_firms(*given, trucks, rng, first=12, n=60)
    for found in (late, mixed):
        low, high = found.interval
        assert low < 0 < high
    # the market's part of other firms' trucks is real: it must be taken off first
    assert checks.encompass(*given, others, rng, first=12).interval[0] > 0
    real = checks.encompass(*given, trucks, rng, first=12)
    assert real.interval[0] > 0
    # one permutation finds something by chance: their distribution does not
    assert abs(mixed.value) < 4 * mixed.coefficients.std() / 60**0.5
    assert mixed.rejected < 0.20
    assert mixed.p_of(real.value) == pytest.approx(1 / 61)
    assert mixed.p_of(0.0) == 1.0


def test_worlds_without_a_link_are_rarely_rejected():
    null = WorldOptions(kappa=0)
    share, p = checks.rejection_share(np.random.default_rng(6), null, 12, 200)
    assert 0.01 <= share <= 0.10  # 2.6 binomial standard errors around one in twenty
    assert 0.4 < p.mean() < 0.6


def test_facts_known_later_do_not_move_a_bit(tmp_path):
    rng = np.random.default_rng(8)
    assert checks.is_leak_free(tmp_path, rng, n_firms=1, n_quarters=14)


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory):
    """What a decision makes of a world; the world with later facts spoiled; when."""
    folder, rng = tmp_path_factory.mktemp("leaks"), np.random.default_rng(8)
    world = make_world(folder / "a", rng, WorldOptions(n_firms=1, n_quarters=14))
    last = checks.first_tested(world)
    honest = checks.known_results(world, last)
    return honest, spoil_world(world, folder / "b", last, rng), last


def read_ahead(table):
    """Take a table's lines as if they had been known long before."""
    if "known_at_utc" not in table:
        return table
    return table.assign(known_at_utc=table["known_at_utc"] - pd.Timedelta(days=5000))


@pytest.mark.parametrize("name", ["site_map", "bridges", "calibrations"])
def test_a_table_read_ahead_of_its_time_is_found(spoiled, monkeypatch, name):
    expected, world, last = spoiled
    if name == "calibrations":
        load = decisions.load_calibrations
        monkeypatch.setattr(
            decisions, "load_calibrations", lambda store: read_ahead(load(store))
        )
    else:
        honest = checks.asof_panel
        monkeypatch.setattr(
            checks,
            "asof_panel",
            lambda store, asked, spec: honest(
                store, asked, replace(spec, **{name: read_ahead(getattr(spec, name))})
            ),
        )
    assert not checks.is_same(expected, checks.known_results(world, last))


def test_a_calendar_read_ahead_makes_the_whole_check_false(tmp_path, monkeypatch):
    known = quarters.known_calendar
    monkeypatch.setattr(quarters, "known_calendar", lambda table, _now: known(table))
    rng = np.random.default_rng(8)
    assert not checks.is_leak_free(tmp_path, rng, n_firms=1, n_quarters=14)


def test_the_page_says_what_it_cannot_show():
    _, sales, trucks = draw()
    made = forecast(sales.growth, sales.consensus, trucks)
    rng = np.random.default_rng(9)
    arm = checks.encompass(sales.growth, sales.consensus, trucks, rng, first=12)
    result = {
        "rmse": {n: (rmse(m, made.truth), 1.0) for n, m in made.by_name.items()},
        "arms": {
            "as known": arm,
            "placebo: other firms": Placebo(rng.normal(size=20), rng.random(20)),
            "cheat: final vintage": arm,
        },
        "null_p": rng.random(50),
        "checks": [("one", "2 < 3", "it")],
        "told": "firms & cameras",
    }
    page = write_page(result, made)
    assert page.count("<svg") == 4
    assert "2 &lt; 3" in page
    assert "firms &amp; cameras" in page
    for line in CANNOT:
        assert line in page
    assert "http://" not in page.replace("http://www.w3.org", "").replace(
        "http://purl.org", ""
    ).replace("http://creativecommons.org", "")
