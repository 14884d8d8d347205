import pytest

from tests.labelling.pieces import label_rows, make_set
from truckcount.errors import LabelError
from truckcount.labelling.votes.tasks import TaskFinder, read_gold


@pytest.mark.parametrize(
    ("text", "image"),
    [
        ("frames/n/1.jpg", "frames/n/1.jpg"),
        ("https://b.example/x/frames/n/1.jpg", "frames/n/1.jpg"),
        ("https://b.example/n/1.jpg?X-Amz-Signature=a%2Fb#t", "frames/n/1.jpg"),
        ("https://b.example/only%20one.jpg", "frames/s/only one.jpg"),
        ("1.jpg", None),
        ("https://b.example/", None),
        ("", None),
    ],
)
def test_a_picture_is_found_by_id_url_or_its_one_name(text, image):
    find = TaskFinder(["frames/n/1.jpg", "frames/s/1.jpg", "frames/s/only one.jpg"])
    assert find(text) == image


def test_gold_is_read_from_a_file_or_from_what_people_said(tmp_path):
    made, images = make_set(tmp_path / "set", 4)
    made.add_labels(label_rows(images[:3], ["truck", "no_truck", "skip"]))
    made.add_labels(label_rows(images[3:], ["truck"], "model", "m"))
    path = tmp_path / "gold.csv"
    path.write_text(f"image_url,label\nhttps://x.example/{images[3]},Truck\n")
    assert read_gold(made, None) is None
    assert read_gold(made, str(path)) == {images[3]: "truck"}
    assert read_gold(made, "person") == {images[0]: "truck", images[1]: "no_truck"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("image_id,what\n", "columns image_id and label"),
        ("image_id,label\nnone.jpg,truck\n", "gold.csv:2: 'none.jpg' is no picture"),
        ("image_id,label\n000.jpg,boat\n", "gold.csv:2: answer 'boat'"),
    ],
)
def test_bad_gold_is_refused_with_its_line(tmp_path, text, reason):
    made, _ = make_set(tmp_path / "set", 1)
    (tmp_path / "gold.csv").write_text(text)
    with pytest.raises(LabelError, match=reason):
        read_gold(made, str(tmp_path / "gold.csv"))


@pytest.mark.parametrize("text", ["image_id,label\n", "image_id;label\nX;skip\n"])
def test_no_gold_where_gold_is_asked_for_is_refused(tmp_path, text):
    made, (image,) = make_set(tmp_path / "set", 1)
    (tmp_path / "gold.csv").write_text(text.replace("X", image))
    with pytest.raises(LabelError, match=r"gold\.csv says of no picture"):
        read_gold(made, str(tmp_path / "gold.csv"))
    with pytest.raises(LabelError, match="no person labelled"):
        read_gold(made, "person")
