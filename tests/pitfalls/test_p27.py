"""P27 direction double count: a gate that changes its kind at noon."""

import pandas as pd

from tests.features.fill import HOUR, T0, revision, write_store
from truckcount.features import departures, load_hours


def test_p27_departures_are_bounded_and_no_truck_counts_twice(tmp_path):
    rows = []
    for k in range(24):
        start = T0 + k * HOUR
        if k < 12:
            rows += [
                revision(start, n, direction=d)
                for d, n in (("in", 4), ("out", 3), ("unknown", 1))
            ]
        else:
            rows.append(revision(start, 8, direction="any", config_hash="c1"))
    store = write_store(tmp_path / "store", rows)
    hours = load_hours(store, direction=None)
    kinds = hours.groupby("hour_start_utc")["direction"].agg(frozenset)
    assert set(kinds) == {frozenset({"in", "out", "unknown"}), frozenset({"any"})}
    assert hours["n_trucks"].sum() == 24 * 8
    left = departures(hours)
    assert len(left) == 24
    assert left["n_out"].iloc[:12].tolist() == [3] * 12
    assert left["n_out_max"].iloc[:12].tolist() == [4] * 12
    # after noon nobody can tell who left: null, not zero and not all
    assert left["n_out"].iloc[12:].isna().all()
    assert left["n_out_max"].iloc[12:].isna().all()
    assert left["n_out"].sum(min_count=1) == 36
    assert pd.isna(left["n_out"].iloc[12:].sum(min_count=1))
