"""A host's clock that ran ahead for one run costs no hour, and no other camera."""

import os
import time
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from tests.pipeline.red_box import write_red_model, write_traffic
from tests.pipeline.shifted_clock import truckcount
from truckcount.features import load_hours

pytestmark = pytest.mark.video


class Desk:
    """Recorders of this day, a store, and a cron job."""

    def __init__(self, root):
        self.rec, self.store = root / "rec", root / "store"
        self.rec.mkdir()
        self.model = write_red_model(root)
        self.hour = datetime.now(UTC).replace(
            minute=0, second=0, microsecond=0
        ) - timedelta(hours=2)

    def record(self, camera, minute):
        at = self.hour + timedelta(minutes=minute)
        path = self.rec / f"{camera}_{at:%Y%m%dT%H%M%SZ}.mp4"
        write_traffic(path, {1.0: 1}, 6)
        os.utime(path, (time.time() - 1000,) * 2)

    def run(self, days=0.0, code=0, more=("--new",)):
        return truckcount(
            "run", self.rec, *more, "--store", self.store, "--model", self.model,
            days=days, code=code,
        )  # fmt: skip

    def check(self, *more, code=0):
        return truckcount("store", "check", self.store, *more, code=code)

    def trucks(self, camera):
        hours = pd.read_parquet(self.store / "hours" / camera)
        return hours["n_trucks"].sum()

    def status(self, code):
        return truckcount("status", self.store, "--json", code=code)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_stamps_of_a_clock_that_ran_ahead_are_put_right(desk):
    desk.record("alpha", 0)
    desk.run()
    desk.record("alpha", 10)
    desk.run(days=20)
    desk.record("alpha", 20)
    desk.record("beta", 20)

    said = desk.run(code=5)
    assert f"`truckcount store check {desk.store} --repair`" in said
    assert desk.trucks("beta") == 1, "another camera of the batch is counted"
    found = desk.status(code=2)
    assert "stamped in the future" in found["reasons"][0]
    assert desk.trucks("alpha") == 2, "nothing was written yet"
    before = pd.read_parquet(desk.store / "history" / "alpha")

    assert "of a clock that ran ahead stamped anew" in desk.check("--repair")
    assert "all well" in desk.check("--repair"), "once is enough"
    assert desk.status(code=0)["level"] == "ok"
    desk.run()
    assert desk.trucks("alpha") == 3
    desk.check()
    after = pd.read_parquet(desk.store / "history" / "alpha")
    merged = before.merge(after, how="left", indicator=True, on=list(before.columns))
    assert set(merged["_merge"]) == {"both"}, "history is appended to, never edited"
    assert "restamp" in set(after["cause"])

    soon = datetime.now(UTC) + timedelta(minutes=3)
    for as_of in (soon, soon + timedelta(days=30)):
        seen = load_hours(desk.store, direction=None, as_of=as_of, cameras=["alpha"])
        assert seen["n_trucks"].sum() == 3
        assert (seen["known_at_utc"] <= soon).all()
        assert not seen["is_final"].any(), "it was final only by the wrong clock"


@pytest.mark.parametrize("more", [("--new",), ()])
def test_a_file_that_was_late_by_a_wrong_clock_is_counted(desk, more):
    desk.record("alpha", 0)
    desk.run()
    desk.record("alpha", 10)
    assert "not counted: its hours closed" in desk.run(days=40)
    assert desk.trucks("alpha") == 1
    assert "stamped in the future" in desk.status(code=2)["reasons"][0]
    desk.run(code=5, more=more)
    desk.check("--repair")
    desk.run(more=more)
    assert desk.trucks("alpha") == 2
    segments = pd.read_parquet(desk.store / "segments" / "alpha")
    assert segments["status"].tolist() == ["done", "done"]
    desk.check()
