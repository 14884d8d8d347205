"""P11 backfill leak: an archive read today was not known last year."""

from datetime import timedelta

import pandas as pd

from tests.features.fill import HOUR, T0, revision, write_store
from truckcount.features import load_hours


def test_p11_an_archive_is_absent_then_unless_it_is_pretended(tmp_path):
    today = T0 + timedelta(days=365)
    rows = [
        revision(T0 + k * HOUR, known_at_utc=today, is_backfill=True) for k in range(48)
    ]
    store = write_store(tmp_path / "store", rows)
    then = "2026-01-06T12:00Z"
    assert len(load_hours(store, then)) == 0
    pretended = load_hours(store, then, vintage="simulated")
    assert len(pretended) == 12  # known a day after each hour ended
    assert set(pretended["vintage"]) == {"simulated"}
    assert pretended.attrs["vintage"] == "simulated"
    assert len(load_hours(store, today)) == 48


def test_p11_live_hours_are_never_pretended(tmp_path):
    rows = [
        revision(),
        revision(n=9, revision=2, known_at_utc=T0 + timedelta(days=30),
                 is_backfill=True, cause="late_segment"),
    ]  # fmt: skip
    store = write_store(tmp_path / "store", rows)
    hours = load_hours(store, "2026-01-20T00:00Z", vintage="simulated")
    assert hours["n_trucks"].tolist() == [3]
    assert hours["vintage"].tolist() == ["strict"]
    assert isinstance(hours["n_trucks"].dtype, pd.Int32Dtype)
