"""A camera whose zone was wrong: `run` says what mends its hours, and that does."""

import re
import shlex

import pandas as pd
import pytest

from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.restating.store_recount import RecountOptions, recount_store
from truckcount.pipeline.run import run_paths
from truckcount.store.check import check_store

pytestmark = pytest.mark.video
RIGHT = "America/Chicago"
TABLES = ["hours", "bins_15"]


@pytest.fixture
def desk(tmp_path):
    """Counted in a wrong zone: two clips with an outage of hours between."""
    (tmp_path / "rec").mkdir()
    for time in ("0805", "1210"):
        write_traffic(tmp_path / "rec" / f"dock_20260302T{time}00Z.mp4", {1.0: 1})
    (tmp_path / "cameras.toml").write_text('[cameras.dock]\ntimezone = "UTC"\n')
    options = RunOptions(
        store=tmp_path / "store",
        model=write_red_model(tmp_path),
        cameras=tmp_path / "cameras.toml",
        bins=15,
    )
    run_paths([str(tmp_path / "rec")], options)
    (tmp_path / "cameras.toml").write_text(f'[cameras.dock]\ntimezone = "{RIGHT}"\n')
    return tmp_path, options


def test_run_names_the_command_and_it_leaves_one_zone(desk):
    root, options = desk
    write_traffic(root / "rec" / "dock_20260302T131000Z.mp4", {1.0: 1})
    new = str(root / "rec" / "dock_20260302T131000Z.mp4")
    result = run_paths([new], options)
    (warning,) = result.camera_warnings
    assert "camera 'dock' has hours with local times of UTC" in warning
    command = re.search("`(truckcount recount .*?)`", warning)[1]
    wanted = f"truckcount recount {options.store} --camera dock --cameras cameras.toml"
    assert shlex.split(command) == shlex.split(wanted)
    before = {name: pd.read_parquet(options.store / name) for name in TABLES}
    assert set(before["hours"]["tz"]) == {"UTC", RIGHT}

    (done,) = recount_store(options.store, options, RecountOptions())
    assert done.n_revisions == (before["hours"]["tz"] == "UTC").sum()
    for name in TABLES:
        after = pd.read_parquet(options.store / name)
        assert set(after["tz"]) == {RIGHT}
        start = "hour_start_utc" if name == "hours" else "bin_start_utc"
        local = after[start].dt.tz_convert(RIGHT).dt.tz_localize(None)
        assert (after["local_start"] == local).all()
        assert after["n_trucks"].equals(before[name]["n_trucks"]), "UTC stands"
    assert check_store(options.store) == []
    assert run_paths([str(root / "rec")], options).camera_warnings == ()
    (again,) = recount_store(options.store, options, RecountOptions())
    assert again.n_revisions == 0
