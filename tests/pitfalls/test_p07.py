"""Rerun is a no-op."""

from tests.pitfalls.scenes import NOW_US, S_US, film, piece, publish, quiet, through


def test_the_same_cron_three_times_touches_no_file(tmp_path):
    files = [piece("a", film([through(30)], 60)), quiet(60, "b", at_s=4 * 3600)]
    publish(tmp_path, files)
    before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.parquet")}
    for k in range(3):
        store = publish(tmp_path, files, now_us=NOW_US + k * 3600 * S_US)
        assert store.finalise_hours("dc-north", NOW_US + k * 3600 * S_US) == 0
    assert before == {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.parquet")}
