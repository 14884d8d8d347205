"""Censored truck."""

from tests.counting.simulate import Truck
from tests.pitfalls.scenes import S_US, film, piece, publish, quiet, read

STANDING = Truck(keys=((0, 0.5, 0.5), (60, 0.5, 0.5)))


def test_a_truck_that_stands_there_after_a_gap_is_not_counted(tmp_path):
    resumed = piece("b", film([STANDING], 60), shift_us=660 * S_US)
    (hour,) = read(publish(tmp_path, [quiet(60, "a"), resumed])).to_dict("records")
    assert hour["n_trucks"] == 0
    assert hour["n_censored"] == 1


def test_a_stay_that_was_not_watched_to_its_end_says_so(tmp_path):
    """As `docs/data_dictionary.md` has it: the offset is where watching ended."""
    came = Truck(keys=((50, -0.1, 0.5), (52, 0.5, 0.5), (500, 0.5, 0.5)))
    store = publish(tmp_path, [piece("a", film([came], 60)), quiet(60, "b", 4200)])
    (row,) = read(store, "passages").to_dict("records")
    assert row["offset_censored"]
    assert not row["onset_censored"]
    assert (row["offset_utc"] - row["onset_utc"]).total_seconds() == row["dwell_s"]
    assert 8 < row["dwell_s"] < 9
    resumed = piece("c", film([STANDING], 60), shift_us=600 * S_US)
    (hour, _) = read(publish(tmp_path, [resumed])).to_dict("records")
    # `onsets` are the rows of passages, the one that was there already among them
    assert (hour["n_trucks"], hour["n_censored"], hour["onsets"]) == (1, 1, 2)
    assert (
        read(store, "passages")["hour_start_utc"] == hour["hour_start_utc"]
    ).sum() == 2
