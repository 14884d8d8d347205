"""What was told of a closed hour stands, until somebody asks for a backfill."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.features import load_hours
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths
from truckcount.pipeline.unattended.run_new import run_new
from truckcount.store.check import check_store
from truckcount.store.layout import to_us

pytestmark = pytest.mark.video

CAMERAS = """
[cameras.dock]
timezone = "UTC"
match = ["dock_*.mp4"]
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_red_model(tmp_path_factory.mktemp("model"))


class Desk:
    """A recorder of some days ago, whose first file was counted as it came."""

    def __init__(self, folder, model, days):
        self.folder, self.store = folder / "rec", folder / "store"
        self.folder.mkdir()
        (folder / "cameras.toml").write_text(CAMERAS)
        self.cameras, self.model = folder / "cameras.toml", model
        self.hour = (datetime.now(UTC) - timedelta(days=days)).replace(
            minute=0, second=0, microsecond=0
        )

    def record(self, minute):
        at = self.hour + timedelta(minutes=minute)
        path = self.folder / f"dock_{at:%Y%m%dT%H%M%SZ}.mp4"
        return write_traffic(path, {1.0: 1}, 4)

    def run(self, path, run=run_paths, **options):
        chosen = RunOptions(
            store=self.store, cameras=self.cameras, model=self.model, **options
        )
        return run([str(path)], chosen)

    def run_then(self, path, monkeypatch):
        """Run as a cron job did right after the hour."""
        then_us = to_us(self.hour + timedelta(hours=1, minutes=10))
        with monkeypatch.context() as patch:
            patch.setattr("truckcount.store.store._now_us", lambda: then_us)
            return self.run(path)

    def rows(self):
        return pd.read_parquet(self.store / "history").sort_values("revision")


def test_a_late_file_is_held_back_until_a_backfill(tmp_path, model, monkeypatch):
    desk = Desk(tmp_path, model, days=100)
    desk.run_then(desk.record(5), monkeypatch)
    card = desk.record(30)

    held = desk.run(card)
    assert held.exit_code == 0
    (outcome,) = held.file_outcomes
    assert outcome.status == "late"
    assert "truckcount backfill" in outcome.warnings[0]
    rows = desk.rows()
    assert rows["n_trucks"].tolist() == [1, 1]
    assert rows["cause"].tolist() == ["first", "finalise"]
    assert desk.run(desk.folder, run_new).file_outcomes == (), "known: not looked into"
    assert [o.status for o in desk.run(card).file_outcomes] == ["late"]

    (counted,) = desk.run(card, is_backfill=True).file_outcomes
    assert counted.status == "done"
    rows = desk.rows()
    assert rows["n_trucks"].tolist() == [1, 1, 2]
    assert rows["cause"].tolist() == ["first", "finalise", "late_segment"]
    assert rows["is_backfill"].tolist() == [False, True, True]
    then = load_hours(desk.store, desk.hour + timedelta(days=50), direction="any")
    assert then["n_trucks"].tolist() == [1], "as it was told then"
    assert check_store(desk.store) == []
    assert [o.status for o in desk.run(card).file_outcomes] == ["reused"]


def test_a_backfill_keeps_the_bins_that_the_hour_has(tmp_path, model, monkeypatch):
    desk = Desk(tmp_path, model, days=100)
    then_us = to_us(desk.hour + timedelta(hours=1, minutes=10))
    with monkeypatch.context() as patch:
        patch.setattr("truckcount.store.store._now_us", lambda: then_us)
        desk.run(desk.record(5), bins=15)
    (counted,) = desk.run(desk.record(30), is_backfill=True).file_outcomes
    assert counted.status == "done"
    bins = pd.read_parquet(desk.store / "bins_15").sort_values("bin_start_utc")
    assert bins["n_trucks"].fillna(-1).tolist() == [1, -1, 1, -1]
    assert check_store(desk.store) == []


def test_a_file_within_35_days_revises_its_hour(tmp_path, model, monkeypatch):
    desk = Desk(tmp_path, model, days=30)
    desk.run_then(desk.record(5), monkeypatch)
    assert [o.status for o in desk.run(desk.record(30)).file_outcomes] == ["done"]
    assert desk.rows()["n_trucks"].tolist() == [1, 2]


def test_an_archive_is_read_file_by_file(tmp_path, model):
    """Nobody was told of its hours: the first file closes none for the second."""
    desk = Desk(tmp_path, model, days=100)
    for minute in (5, 30):
        (outcome,) = desk.run(desk.record(minute)).file_outcomes
        assert outcome.status == "done"
    rows = desk.rows()
    assert rows["n_trucks"].tolist() == [1, 2]
    assert rows["is_backfill"].tolist() == [True, True]


@pytest.mark.parametrize("is_leaving", [False, True], ids=["into", "out of"])
def test_a_corrected_start_changes_a_closed_hour_by_a_backfill_alone(
    tmp_path, model, monkeypatch, is_leaving
):
    """What was told of it stands, and says `is_backfill` when it moves."""
    desk = Desk(tmp_path, model, days=100)
    clip, new = desk.record(5), desk.record(24 * 60 * 90)  # ten days ago
    desk.run_then(clip, monkeypatch)
    assert [o.status for o in desk.run(new).file_outcomes] == ["done"]
    before = desk.rows()
    if is_leaving:
        corrected, start = clip, desk.hour + timedelta(days=92)
    else:
        corrected, start = new, desk.hour + timedelta(minutes=30)

    held = desk.run(corrected, start=start.isoformat())
    assert held.exit_code == 0
    (outcome,) = held.file_outcomes
    assert outcome.status == "late"
    assert outcome.warnings[0].startswith("not moved: it should start at ")
    assert "truckcount backfill" in outcome.warnings[0]
    closed = desk.rows().query("hour_start_utc == @desk.hour")
    assert closed["n_trucks"].tolist() == [1, 1], "as it was told, and final"
    assert len(desk.rows()) == len(before)
    assert check_store(desk.store) == []

    moved = desk.run(corrected, start=start.isoformat(), is_backfill=True)
    assert [o.status for o in moved.file_outcomes] == ["done"]
    last = desk.rows().query("hour_start_utc == @desk.hour").iloc[-1]
    assert last["is_backfill"]
    assert pd.isna(last["n_trucks"]) if is_leaving else last["n_trucks"] == 2
    at_50 = load_hours(desk.store, desk.hour + timedelta(days=50), direction="any")
    assert at_50["n_trucks"].tolist() == [1], "as it was told then"
    assert check_store(desk.store) == []


def test_a_corrected_start_of_the_last_weeks_moves_at_once(
    tmp_path, model, monkeypatch
):
    desk = Desk(tmp_path, model, days=20)
    clip = desk.record(5)
    desk.run_then(clip, monkeypatch)
    start = desk.hour + timedelta(hours=5)
    (outcome,) = desk.run(clip, start=start.isoformat()).file_outcomes
    assert outcome.status == "done"
    hours = pd.read_parquet(desk.store / "hours").set_index("hour_start_utc")
    assert hours.loc[start, "n_trucks"] == 1
    assert hours.loc[start, "is_backfill"]
    assert pd.isna(hours.loc[desk.hour, "n_trucks"])


def test_another_model_scores_counted_files_of_closed_hours_again(
    tmp_path, model, monkeypatch
):
    """They are no late data."""
    desk = Desk(tmp_path, model, days=100)
    first = desk.record(5)
    desk.run_then(first, monkeypatch)
    (outcome,) = desk.run(first, sample_fps=4.0).file_outcomes
    assert outcome.status == "done"
