"""Features at a decision: nothing in them was known later."""

from datetime import date, datetime, timedelta

import fsspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.features.fill import HOUR, revision, write_store
from truckcount.errors import FeatureError, NaiveTimeError
from truckcount.features import PanelSpec, asof_panel, decisions, fiscal_from_ends
from truckcount.store.schema import schema_of

CALENDAR = fiscal_from_ends(
    ["2024-12-29", "2025-01-26", "2025-02-23"]
    + [str(date(2025, 2, 23) + timedelta(days=28 * k)) for k in range(1, 14)],
    first_year=2025,
    ticker="X",
)
SITE_MAP = pd.DataFrame(
    {"camera": ["dc-01"], "gate": "dock-exit", "site": "n", "ticker": "X"}
)
START = datetime.fromisoformat("2024-12-30T00:00+00:00")
LATER = START + timedelta(days=364)


def make_rows(n_by_day, start=START):
    return [
        revision(start + day * 24 * HOUR + k * HOUR, n)
        for day, n in enumerate(n_by_day)
        for k in range(24)
    ]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """28 days of a gate, and the same 364 days later, restated after that."""
    rows = make_rows([10] * 28) + make_rows([12] * 28, LATER)
    restated = [
        {**r, "n_trucks": 99, "revision": 2, "cause": "model",
         "known_at_utc": LATER + timedelta(days=60)}
        for r in rows[28 * 24 :]
    ]  # fmt: skip
    return write_store(tmp_path_factory.mktemp("s") / "store", rows + restated)


def decide(*times):
    return pd.DataFrame(
        {"ticker": "X", "decision_utc": pd.to_datetime(list(times), utc=True)}
    )


SPEC = PanelSpec(site_map=SITE_MAP, calendar=CALENDAR)


def test_each_decision_sees_the_revisions_of_its_day(store):
    panel = asof_panel(store, decide("2026-02-02", "2026-04-01"), SPEC)
    assert panel["fiscal_quarter"].tolist() == [2, 3]
    assert panel["period_start"].astype(str).tolist() == ["2025-12-29", "2026-01-26"]
    first = panel.iloc[0]
    assert first["log_growth"] == pytest.approx(np.log(1.2))
    assert first["n_matched"] == 1
    assert first["max_known_at_utc"] <= first["decision_utc"]
    assert first["vintage"] == "strict"
    # nothing was seen of the later quarter: null, not zero
    assert np.isnan(panel["trucks"].iloc[1])
    assert np.isnan(panel["log_growth"].iloc[1])
    assert panel["n_matched"].iloc[1] == 0


@pytest.mark.parametrize("odd", [{"quarter": "runing"}, {"vintage": "simulate"}])
def test_a_spec_that_is_misspelt_is_refused(store, odd):
    (name,) = odd
    spec = PanelSpec(site_map=SITE_MAP, calendar=CALENDAR, **odd)
    with pytest.raises(FeatureError, match=f"{name} of the PanelSpec must be"):
        asof_panel(store, decide("2026-02-02"), spec)


def test_a_decision_that_stands_twice_is_two_rows(store):
    panel = asof_panel(store, decide("2026-02-02", "2026-02-02", "2026-02-03"), SPEC)
    assert len(panel) == 3
    assert panel["trucks"].tolist() == [12 * 24 * 28] * 3


def test_names_that_the_map_or_the_store_lack_are_told(store, caplog):
    both = decide("2026-02-02").assign(ticker="Y")
    lines = pd.concat([SITE_MAP, SITE_MAP.assign(camera="dc-10")])
    spec = PanelSpec(site_map=lines, calendar=CALENDAR)
    panel = asof_panel(store, pd.concat([decide("2026-02-02"), both]), spec)
    assert panel["trucks"].isna().tolist() == [False, True]
    assert "the site map has no ticker Y: their features are null" in caplog.text
    assert caplog.text.count("have no hours: dc-10/dock-exit; there are") == 1
    spec = PanelSpec(site_map=SITE_MAP.assign(gate="exot"), calendar=CALENDAR)
    with pytest.raises(FeatureError, match=r"it has dc-01/exot, they have dc-01/dock"):
        asof_panel(store, decide("2026-02-02"), spec)


def test_a_calendar_for_all_tickers_is_each_ones(store):
    """As `fiscal445` gives it where it is told no ticker."""
    spec = PanelSpec(site_map=SITE_MAP, calendar=CALENDAR.assign(ticker=None))
    own = asof_panel(store, decide("2026-02-02"), SPEC)
    pd.testing.assert_frame_equal(asof_panel(store, decide("2026-02-02"), spec), own)


def test_quarters_that_a_ticker_tells_later_move_no_decision_before(store):
    """Until it told its own, those for all tickers were what was known of it."""
    for_all = CALENDAR.assign(ticker=None)
    own = CALENDAR[CALENDAR["end_date"] >= date(2026, 1, 25)]
    told = own.assign(known_at_utc=pd.Timestamp("2026-03-01", tz="UTC"))
    before = PanelSpec(site_map=SITE_MAP, calendar=for_all)
    after = PanelSpec(site_map=SITE_MAP, calendar=pd.concat([for_all, told]))
    then = decide("2026-02-02")
    panel = asof_panel(store, then, before)
    assert panel["trucks"].notna().all()
    pd.testing.assert_frame_equal(asof_panel(store, then, after), panel)


def test_columns_are_the_same_where_nothing_could_be_matched(store):
    full = asof_panel(store, decide("2026-02-02"), SPEC)
    bare = asof_panel(store, decide("2026-04-01"), SPEC)
    assert list(bare.columns) == list(full.columns)
    nobody = asof_panel(store, decide("2024-01-01"), SPEC)
    assert list(nobody.columns) == list(full.columns)
    assert nobody["trucks"].isna().all()
    assert nobody["log_growth"].isna().all()


def test_a_ticker_without_a_quarter_is_told(store, caplog):
    spec = PanelSpec(site_map=SITE_MAP, calendar=CALENDAR.assign(ticker="x"))
    panel = asof_panel(store, decide("2026-02-02"), spec)
    assert panel["trucks"].isna().all()
    assert "the calendar has no quarter of X: their features are null" in caplog.text


def test_restated_counts_enter_only_when_they_are_known(store):
    calendar = CALENDAR[CALENDAR["end_date"] == date(2026, 1, 25)]
    spec = PanelSpec(site_map=SITE_MAP, calendar=calendar)
    panel = asof_panel(store, decide("2026-02-02", "2026-03-03"), spec)
    assert panel["log_growth"].tolist() == pytest.approx([np.log(1.2), np.log(9.9)])


def test_a_new_model_between_the_years_is_bridged_as_known(tmp_path):
    later = [{**r, "config_hash": "c1"} for r in make_rows([12] * 28, LATER)]
    store = write_store(tmp_path, make_rows([10] * 28) + later)
    bridge = {"camera": ["dc-01"], "gate": "dock-exit", "from_hash": "c0"}
    bridges = pd.DataFrame(bridge | {"to_hash": "c1", "ratio": 1.1}).assign(
        known_at_utc=pd.Timestamp("2026-02-03", tz="UTC")
    )
    spec = PanelSpec(site_map=SITE_MAP, calendar=CALENDAR, bridges=bridges)
    panel = asof_panel(store, decide("2026-02-02", "2026-02-04"), spec)
    assert panel["n_matched"].tolist() == [0, 1]
    assert panel["log_growth"].iloc[1] == pytest.approx(np.log(1.2 / 1.1))


def test_a_map_told_later_is_not_used_before(store):
    late = SITE_MAP.assign(known_at_utc=pd.Timestamp("2026-02-03", tz="UTC"))
    spec = PanelSpec(site_map=late, calendar=CALENDAR)
    panel = asof_panel(store, decide("2026-02-02", "2026-02-04"), spec)
    assert panel["n_matched"].tolist() == [0, 1]
    assert panel["max_known_at_utc"].iloc[1] == pd.Timestamp("2026-02-03", tz="UTC")


def test_a_running_quarter_is_cut_to_its_whole_days(store):
    spec = PanelSpec(site_map=SITE_MAP, calendar=CALENDAR, quarter="running")
    (row,) = asof_panel(store, decide("2026-01-12T05:00"), spec).to_dict("records")
    assert row["period_end"] == pd.Timestamp("2026-01-12")
    assert row["log_growth"] == pytest.approx(np.log(1.2))


def test_a_decision_without_a_zone_is_refused(store):
    naive = pd.DataFrame({"ticker": "X", "decision_utc": [pd.Timestamp("2026-02-02")]})
    with pytest.raises(NaiveTimeError, match="decision_utc"):
        asof_panel(store, naive, SPEC)


def test_a_fact_from_the_future_stops_the_run(store, monkeypatch):
    """The guard bites: a replay that looks ahead is caught on exit."""
    honest = decisions.Replay.at

    def cheating(self, as_of_us, **options):
        return honest(self, as_of_us + 90 * 86_400_000_000, **options)

    monkeypatch.setattr(decisions.Replay, "at", cheating)
    with pytest.raises(FeatureError, match="this is a bug"):
        asof_panel(store, decide("2026-02-02", "2026-06-01"), SPEC)


def test_an_archive_has_a_past_only_when_it_is_pretended(tmp_path):
    rows = [
        {**r, "known_at_utc": datetime.fromisoformat("2026-11-01T00:00+00:00"),
         "is_backfill": True}
        for r in make_rows([10] * 28) + make_rows([12] * 28, LATER)
    ]  # fmt: skip
    store = write_store(tmp_path, rows)
    strict = asof_panel(store, decide("2026-02-02"), SPEC)
    assert strict["n_matched"].tolist() == [0]
    spec = PanelSpec(site_map=SITE_MAP, calendar=CALENDAR, vintage="simulated")
    simulated = asof_panel(store, decide("2026-02-02"), spec)
    assert simulated["log_growth"].tolist() == pytest.approx([np.log(1.2)])
    assert simulated["vintage"].tolist() == ["simulated"]


TOLD = datetime.fromisoformat("2026-02-02T10:00+00:00")


def write_calibrations(store, *told):
    """Write lines (known_at_utc, factor) of one calibration."""
    line = {
        "calibration_id": "c", "camera": "dc-01", "gate": "dock-exit",
        "direction": "out", "regime": "all", "method": "ratio", "factor_se": 0.05,
        "factor_cv": 0.04, "tau2": 0.3, "phi": 1.0, "dwell_mean_s": None,
        "dwell_cv": None, "n_windows": 210, "audit_ids": ["a"], "model_id": "m",
        "config_hash": "c0", "valid_from_utc": START, "valid_to_utc": None,
        "status": "active",
    }  # fmt: skip
    rows = [line | {"known_at_utc": known, "factor": factor} for known, factor in told]
    path = store / "calibrations" / "dc-01" / "all.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pylist(rows, schema=schema_of("calibrations"))
    pq.write_table(table, path)


@pytest.mark.parametrize("later", [1.5, 0.3])
def test_a_mirrors_calibration_is_known_when_it_was_pushed(tmp_path, later):
    """What was told nine minutes ago is not yet to be read there: whatever it says."""
    rows = make_rows([10] * 28) + make_rows([12] * 28, LATER)
    store = write_store(tmp_path, [{**r, "calibration_id": "c"} for r in rows])
    write_calibrations(store, (START, 1.2), (TOLD, later))
    memory = fsspec.filesystem("memory")
    memory.put(str(store), f"/mirror-of-{later}", recursive=True)
    after = [TOLD + timedelta(minutes=m) for m in (9, 10)]
    here = asof_panel(store, decide(*after), SPEC)
    there = asof_panel(f"memory://mirror-of-{later}", decide(*after), SPEC)
    seen = 12 * 28 * 24
    assert here["trucks"].tolist() == pytest.approx([later * seen] * 2)
    assert there["trucks"].tolist() == pytest.approx([1.2 * seen, later * seen])
    known = there["max_known_at_utc"]
    assert known.iloc[0] < TOLD, "and is not what the row rests on"
    assert known.iloc[1] == TOLD + timedelta(minutes=10)
