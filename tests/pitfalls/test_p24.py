"""P24 naive time: what is read carries its zone, and comparing without one fails."""

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


def test_p24_local_time_is_never_joined_on_nor_guessed():
    code = "".join(
        path.read_text() for path in (ROOT / "truckcount" / "features").rglob("*.py")
    )
    assert "infer" not in code.replace("ambiguous", "").split()
    assert 'on="local_start"' not in code
    assert '"local_start"]' not in code.replace('rows["local_start"]', "")
