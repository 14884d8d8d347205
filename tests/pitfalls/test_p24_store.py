"""Naive time."""

import pandas as pd
import pytest

from tests.pitfalls.scenes import publish, quiet, read


def test_times_are_aware_and_compare_with_nothing_naive(tmp_path):
    store = publish(tmp_path, [quiet(60)])
    for table in ("hours", "history"):
        frame = read(store, table)
        for name in ("hour_start_utc", "known_at_utc"):
            assert str(frame[name].dtype) == "datetime64[us, UTC]"
            with pytest.raises(TypeError):
                _ = frame[name] > pd.Timestamp("2026-01-01")
        assert str(frame["local_start"].dtype) == "datetime64[us]"
    passages = read(store, "segments")
    assert str(passages["start_utc"].dtype) == "datetime64[us, UTC]"
