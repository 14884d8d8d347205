import numpy as np
import pytest

from truckcount.labelling.auto.letterbox import GREY, fit_picture


@pytest.mark.parametrize(
    ("picture", "size"),
    [((48, 64), (64, 48)), ((100, 300), (64, 64)), ((300, 100), (64, 64)),
     ((7, 5), (64, 32))],
    ids=["same", "wide", "tall", "tiny"],
)  # fmt: skip
def test_boxes_come_back_to_where_they_were_in_the_picture(picture, size):
    image = np.full((*picture, 3), 200, np.uint8)
    canvas, box = fit_picture(image, size)
    assert canvas.shape == (size[1], size[0], 3)
    is_grey = (canvas == GREY).all(axis=2)
    rows, cols = np.nonzero(~is_grey)
    seen = np.array([[cols.min(), rows.min(), cols.max() + 1, rows.max() + 1]])
    back = box.to_picture(seen.astype(np.float32))[0]
    whole = [0, 0, picture[1], picture[0]]
    assert back == pytest.approx(whole, abs=0.51 / box.scale)
