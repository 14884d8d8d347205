"""Sizes read off headers against what OpenCV decodes."""

import cv2
import numpy as np
import pytest

from truckcount.video.still_size import read_still_size


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "webp"])
@pytest.mark.parametrize("size", [(64, 48), (33, 7), (1920, 1080)])
def test_a_header_tells_what_the_decoder_finds(tmp_path, suffix, size):
    path = tmp_path / f"a.{suffix}"
    image = np.random.default_rng(1).integers(0, 255, (size[1], size[0], 3), np.uint8)
    assert cv2.imwrite(str(path), image)
    assert read_still_size(path) == size


def test_lossless_webp_is_read_as_well(tmp_path):
    path = tmp_path / "a.webp"
    cv2.imwrite(
        str(path), np.zeros((5, 9, 3), np.uint8), [cv2.IMWRITE_WEBP_QUALITY, 101]
    )
    assert path.read_bytes()[12:16] == b"VP8L"
    assert read_still_size(path) == (9, 5)


@pytest.mark.parametrize("body", [b"", b"\x89PNG", b"\xff\xd8\xff", b"BM12", b"text"])
def test_what_is_broken_off_tells_nothing(tmp_path, body):
    path = tmp_path / "a.png"
    path.write_bytes(body)
    assert read_still_size(path) is None


def test_a_jpeg_with_a_long_preview_before_its_size(tmp_path):
    path = tmp_path / "a.jpg"
    cv2.imwrite(str(path), np.zeros((48, 64, 3), np.uint8))
    body = path.read_bytes()
    preview = b"\xff\xe1" + (30_002).to_bytes(2, "big") + bytes(30_000)
    path.write_bytes(body[:2] + preview + body[2:])
    assert read_still_size(path) == (64, 48)
