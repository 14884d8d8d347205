"""P14 absent is loud: an hour without a row stops the reader."""

import pytest

from tests.features.fill import HOUR, T0, revision, write_store
from truckcount.errors import MissingHoursError
from truckcount.features import load_hours


@pytest.mark.parametrize("as_of", [None, "2026-03-01T00:00Z"])
def test_p14_a_deleted_hour_is_named(tmp_path, as_of):
    rows = [revision(T0 + k * HOUR) for k in range(72)]
    del rows[30]
    store = write_store(tmp_path / "store", rows)
    with pytest.raises(MissingHoursError) as error:
        load_hours(store, as_of)
    for part in ("dc-01", "dock-exit", "2026-01-06T06:00Z", "truckcount recount"):
        assert part in str(error.value)
