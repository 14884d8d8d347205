"""Sets by name and by licence: who may train on what."""

import pytest

from tests.training.shared_data import write_shared_data
from truckcount.errors import LabelError
from truckcount.training.pools import (
    SHARES,
    count_licences,
    is_open,
    keep_open,
    read_pools,
)


@pytest.fixture(scope="module")
def pools(tmp_path_factory):
    return read_pools(write_shared_data(tmp_path_factory.mktemp("shared")))


LICENCES = {
    "CC BY 4.0 (Roboflow RF100 vehicles-q0x2v)": True,
    "CC-BY-SA 3.0": True,
    "CC0 1.0": True,
    "MIT License": True,
    "Apache-2.0 (rendered by this project)": True,
    "CC BY-NC 4.0": False,
    "CC BY-ND 4.0": False,
    "CC BY-NC-SA 4.0": False,
    "DAWN (research use; Kenk & Hassaballah 2020)": False,
    "unknown (Kaggle, MIT claimed)": False,
    "none stated": False,
    "": False,
}


@pytest.mark.parametrize("licence", LICENCES)
def test_open_licences_are_told_from_others(licence):
    assert is_open(licence) == LICENCES[licence]


def test_frames_of_score_clips_are_never_read(pools):
    assert pools["uk_m6"] == []
    assert {p.name.split("@")[0] for p in pools["tfl_625"]} == {"clip/a"}


def test_every_pool_has_a_share(pools):
    assert set(pools) <= set(SHARES)
    assert count_licences(pools) == {
        "rf100_toll_id": {"CC BY 4.0 (Roboflow)": 2},
        "ela_mixed": {"unknown (web mix)": 2},
        "tfl_625": {"none stated": 2},
    }


def test_only_open_sets_are_kept_where_asked(pools):
    assert set(keep_open(pools)) == {"rf100_toll_id"}
    with pytest.raises(LabelError, match=r"no picture has an open licence.*web mix"):
        keep_open({"ela_mixed": pools["ela_mixed"]})
