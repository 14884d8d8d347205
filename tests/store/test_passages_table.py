"""Passages of a gate and window are replaced whole; the rest stays."""

from dataclasses import replace

import pandas as pd
import pytest

from tests.store.fill import HOUR_US, T0_US, passage
from truckcount.store.passages_table import count_by_hour, read_passages, write_passages

DAY_US = 24 * HOUR_US
KNOWN_US = T0_US + DAY_US


def write(
    root, passages, window=(T0_US, T0_US + HOUR_US), *, gate="exit", known=KNOWN_US
):
    write_passages(
        root, "cam", gate, passages, window,
        model_id="m", config_hash="c", known_at_us=known,
    )  # fmt: skip


def onsets(root):
    frame = pd.read_parquet(root / "passages")
    return ((frame["onset_utc"].astype("int64") - T0_US) // 1_000_000).tolist()


def test_a_window_is_replaced_and_its_neighbours_stay(tmp_path):
    write(tmp_path, [passage(10), passage(50)])
    write(tmp_path, [passage(4000)], (T0_US + HOUR_US, T0_US + 2 * HOUR_US))
    write(tmp_path, [passage(10), passage(99)])
    assert onsets(tmp_path) == [10, 99, 4000]


def test_gates_do_not_disturb_one_another(tmp_path):
    write(tmp_path, [passage(10)])
    write(tmp_path, [replace(passage(20), gate="entry")], gate="entry")
    write(tmp_path, [])
    assert pd.read_parquet(tmp_path / "passages")["gate"].tolist() == ["entry"]


def test_trucks_abreast_in_a_far_gate_have_ids_of_their_own(tmp_path):
    """`store check` found the key of a passage twice in a whole store."""
    abreast = [
        replace(passage(10), path=((T0_US + 10_000_000, x, y),))
        for x, y in ((0.501, 0.302), (0.503, 0.304))
    ]
    write(tmp_path, abreast)
    ids = pd.read_parquet(tmp_path / "passages")["passage_id"].tolist()
    assert len(set(ids)) == 2
    path = tmp_path / "passages" / "cam" / "2026-01.parquet"
    before = path.read_bytes()
    write(tmp_path, abreast, known=KNOWN_US + DAY_US)
    assert path.read_bytes() == before


def test_passages_outside_the_window_are_not_written(tmp_path):
    write(tmp_path, [passage(-5), passage(0), passage(3599.9), passage(3600)])
    assert onsets(tmp_path) == [0, 3599]


def test_months_between_the_ends_of_a_window_are_replaced_too(tmp_path):
    february, march = 40 * DAY_US, 70 * DAY_US
    window = (T0_US, T0_US + 80 * DAY_US)
    write(tmp_path, [passage(t / 1e6) for t in (0, february, march)], window)
    assert len(list((tmp_path / "passages" / "cam").iterdir())) == 3
    write(tmp_path, [passage(t / 1e6) for t in (0, march)], window)
    assert onsets(tmp_path) == [0, march // 1_000_000]


def test_what_was_known_stays_known_since_then(tmp_path):
    write(tmp_path, [passage(10)])
    path = tmp_path / "passages" / "cam" / "2026-01.parquet"
    before = path.read_bytes()
    write(tmp_path, [passage(10)], known=KNOWN_US + HOUR_US)
    assert path.read_bytes() == before
    write(tmp_path, [passage(10), passage(20)], known=KNOWN_US + HOUR_US)
    known = pd.read_parquet(tmp_path / "passages")["known_at_utc"]
    assert (known - pd.Timestamp(KNOWN_US, unit="us", tz="UTC")).tolist() == [
        pd.Timedelta(0), pd.Timedelta(hours=1),
    ]  # fmt: skip


def test_trucks_abreast_have_ids_of_their_own(tmp_path):
    pair = [passage(10, path=((T0_US, 0.2, y),)) for y in (0.3, 0.6)]
    write(tmp_path, pair)
    frame = pd.read_parquet(tmp_path / "passages")
    assert frame["passage_id"].is_unique
    assert frame["passage_id"].str.fullmatch("[0-9a-f]{16}").all()


def test_a_passage_that_lasts_has_no_offset(tmp_path):
    write(tmp_path, [passage(10, offset_us=None, offset_censored=True)])
    (row,) = pd.read_parquet(tmp_path / "passages").to_dict("records")
    assert row["offset_utc"] is pd.NaT
    assert pd.isna(row["dwell_s"])
    assert row["hour_start_utc"] == pd.Timestamp(T0_US, unit="us", tz="UTC")


@pytest.mark.parametrize("n_dropped", [0, 2])
def test_only_counted_passages_make_the_hour(tmp_path, n_dropped):
    dropped = [
        passage(k, is_counted=False, drop_reason="short") for k in range(n_dropped)
    ]
    write(tmp_path, [*dropped, passage(100), passage(3599)])
    counts = count_by_hour(read_passages(tmp_path, "cam"))
    assert list(counts.values()) == [2]


def test_no_passages_make_no_file(tmp_path):
    write(tmp_path, [])
    assert not (tmp_path / "passages").exists()
    assert len(read_passages(tmp_path, "cam")) == 0
