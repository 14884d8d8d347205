"""Mosaics of a set's pictures: nobody known, nothing of the file but its tiles."""

import cv2
import pytest

from tests.labelling.pieces import assert_mosaic, frame_rows, make_set, write_picture
from truckcount.errors import LabelError
from truckcount.labelling.label_set import LabelSet
from truckcount.labelling.mosaics import encode_mosaic, write_mosaics
from truckcount.labelling.set_check import check_set


def test_mosaics_stand_apart_and_the_set_stays_as_it_is(tmp_path):
    made, images = make_set(tmp_path / "set", 3)
    before = [(made.root / i).read_bytes() for i in images]
    folder = write_mosaics(made, images[:2])
    written = sorted(p for p in folder.rglob("*") if p.is_file())
    assert written == [folder / image for image in images[:2]]
    for image in images[:2]:
        assert_mosaic(made.root / image, (folder / image).read_bytes())
    assert [(made.root / i).read_bytes() for i in images] == before
    assert check_set(made) == []


def test_nothing_of_the_file_is_kept_but_its_tiles(tmp_path):
    path = write_picture(tmp_path / "a.jpg")
    place = b"GPS 52.52N 13.40E, and a small picture"
    exif = b"Exif\0\0" + place
    data = path.read_bytes()
    marker = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    path.write_bytes(data[:2] + marker + data[2:])
    assert cv2.imread(str(path)) is not None, "a picture with a place in it"
    assert place not in encode_mosaic(path)


@pytest.mark.parametrize("image", ["frames/gone.jpg", "../secret.jpg"])
def test_a_row_without_its_picture_is_an_error(tmp_path, image):
    write_picture(tmp_path / "secret.jpg")
    made = LabelSet.create(tmp_path / "set")
    made.add_frames(frame_rows([image]))
    with pytest.raises(LabelError, match="is no file of"):
        write_mosaics(made, [image])


def test_a_format_that_cannot_be_written_is_said(tmp_path):
    path = write_picture(tmp_path / "a.jpg")
    strange = path.rename(tmp_path / "a.cam")
    with pytest.raises(LabelError, match=r"use \.jpg or \.png"):
        encode_mosaic(strange)
