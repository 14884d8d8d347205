"""Pictures of others are looked at before they are opened."""

import cv2
import numpy as np
import pytest

from tests.video.test_access import png_bomb
from truckcount.errors import LabelError
from truckcount.labelling import frame_files
from truckcount.labelling.frame_files import store_picture


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    def decode(*_):
        pytest.fail("it was decoded")

    monkeypatch.setattr(frame_files, "decode_picture", decode)
    path = tmp_path / "gift.png"
    path.write_bytes(png_bomb())
    with pytest.raises(LabelError, match="30000x30000 is not opened"):
        store_picture(tmp_path / "set", path)


def test_a_picture_keeps_its_bytes_under_a_name_that_tells_them(tmp_path):
    path = tmp_path / "a picture.png"
    cv2.imwrite(str(path), np.full((20, 30, 3), 90, np.uint8))
    stored = store_picture(tmp_path / "set", path)
    assert (stored.width, stored.height) == (30, 20)
    assert (tmp_path / "set" / stored.image).read_bytes() == path.read_bytes()
    assert store_picture(tmp_path / "set", path) == stored
