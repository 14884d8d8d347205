"""What a pack gives back trains as what was put into it."""

import dataclasses
import zipfile

import numpy as np
import pandas as pd
import pytest

from tests.training.pictures import picture
from tests.training.shared_data import write_shared_data
from truckcount.errors import LabelError
from truckcount.training.label_set import TRUCK
from truckcount.training.pack import PackOptions, read_pack, write_pack
from truckcount.training.pools import read_pools


@pytest.fixture(scope="module")
def pools(tmp_path_factory):
    return read_pools(write_shared_data(tmp_path_factory.mktemp("shared")))


@pytest.fixture(scope="module")
def pack(pools, tmp_path_factory):
    path = tmp_path_factory.mktemp("pack") / "data.zip"
    write_pack(path, pools)
    return path


def test_the_same_pools_come_back(pools, pack):
    found = read_pack(pack)
    assert {n: len(p) for n, p in found.items()} == {
        n: len(p) for n, p in pools.items()
    }
    assert sum(len(p) for p in found.values()) == 6
    for name, pool in pools.items():
        for before, after in zip(pool, found[name], strict=True):
            for field in ("name", "group", "weight", "licence", "source"):
                assert getattr(after, field) == getattr(before, field)
            assert np.array_equal(after.boxes, before.boxes)
            assert np.array_equal(after.classes, before.classes)
            if before.trusted is None:
                assert after.trusted is None
            else:
                assert np.array_equal(after.trusted, before.trusted)
            apart = np.abs(after.image.astype(int) - before.image.astype(int))
            assert apart.mean() < 6


def test_large_pictures_are_scaled_with_their_boxes_and_gates(tmp_path):
    gate = np.array([(0, 0), (400, 0), (400, 240)], np.float32)
    large = picture(0, size=(800, 480), boxes=[(200, 100, 400, 300)], classes=[TRUCK],
                    trusted=gate)  # fmt: skip
    small = dataclasses.replace(picture(1), name="small")
    path = tmp_path / "data.zip"
    write_pack(path, {"one": [large, small]}, PackOptions(max_side_px=400))
    found, kept = read_pack(path)["one"]
    assert found.image.shape == (240, 400, 3)
    assert found.boxes.tolist() == [[100, 50, 200, 150]]
    assert found.trusted.tolist() == [[0, 0], [200, 0], [200, 120]]
    red = found.image[60:140, 110:190].reshape(-1, 3).mean(0)
    assert red[0] > 150 > 100 > red[1]  # RGB, and where its box says
    assert kept.image.shape == (240, 400, 3)


def test_a_pack_says_what_came_from_where(pack):
    with zipfile.ZipFile(pack) as archive:
        page = archive.read("LICENCES.md").decode()
        pictures = pd.read_parquet(archive.open("pictures.parquet"))
    assert "| rf100_toll_id | 2 | CC BY 4.0 (Roboflow) | someone/cars@abc123 |" in page
    assert "| tfl_625 | 2 | none stated | someone/clips@def456 |" in page
    assert set(pictures["pool"]) == {"rf100_toll_id", "ela_mixed", "tfl_625"}


def test_the_same_pools_give_the_same_bytes(pools, pack, tmp_path):
    write_pack(tmp_path / "again.zip", pools)
    assert (tmp_path / "again.zip").read_bytes() == pack.read_bytes()


def test_what_is_no_pack_says_what_to_do(tmp_path):
    path = tmp_path / "data.zip"
    path.write_bytes(b"nothing")
    with pytest.raises(LabelError, match=r"no pack of training data.*pack_data.py"):
        read_pack(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("pack.json", '{"version": 99}')
    with pytest.raises(LabelError, match="install a newer one"):
        read_pack(path)


@pytest.mark.parametrize("change", [{"max_side_px": 8}, {"quality": 0}], ids=str)
def test_options_that_cannot_be_are_refused(change):
    with pytest.raises(LabelError, match="max_side_px"):
        PackOptions(**change)
