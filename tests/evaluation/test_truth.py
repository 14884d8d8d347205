"""Truth is read whole, or refused with the place."""

import pytest

from truckcount.errors import LabelError
from truckcount.evaluation.matching import Stay
from truckcount.evaluation.truth import CLIP_COLUMNS, PASSAGE_COLUMNS, read_truth

CLIPS = """\
clip,file,camera,group,role,light,annotated_until_s
a,a.mp4,cam-a,g,score,day,30
b,sub/b.mp4,cam-b,h,train,night,12.5
"""
PASSAGES = """\
clip,direction,onset_s,offset_s,scored
a,in,1.5,3,yes
a,out,9,11.25,no
b,any,2,4,yes
"""


def write(folder, clips=CLIPS, passages=PASSAGES):
    if clips is not None:
        (folder / "clips.csv").write_text(clips)
    if passages is not None:
        (folder / "passages.csv").write_text(passages)
    return folder


def test_clips_come_with_their_passages(tmp_path):
    a, b = read_truth(write(tmp_path))
    assert (a.clip, a.camera, a.group, a.light) == ("a", "cam-a", "g", "day")
    assert a.scored == (Stay(onset_s=1.5, offset_s=3, direction="in"),)
    assert a.unscored == (Stay(onset_s=9, offset_s=11.25, direction="out"),)
    assert b.file == tmp_path / "sub" / "b.mp4"
    assert b.annotated_until_s == 12.5


def test_a_role_leaves_the_other_clips_out(tmp_path):
    assert [t.clip for t in read_truth(write(tmp_path), "train")] == ["b"]


def test_a_clip_without_passages_is_truck_free(tmp_path):
    header = PASSAGES.splitlines()[0] + "\n"
    assert [t.scored for t in read_truth(write(tmp_path, passages=header))] == [(), ()]


@pytest.mark.parametrize("column", CLIP_COLUMNS)
def test_a_missing_column_of_the_clips_is_named(tmp_path, column):
    write(tmp_path, clips=CLIPS.replace(column, "x" + column, 1))
    with pytest.raises(LabelError, match=rf"clips\.csv: columns \['{column}'\]"):
        read_truth(tmp_path)


@pytest.mark.parametrize("column", PASSAGE_COLUMNS)
def test_a_missing_column_of_the_passages_is_named(tmp_path, column):
    write(tmp_path, passages=PASSAGES.replace(column, "x" + column, 1))
    with pytest.raises(LabelError, match=rf"passages\.csv: columns \['{column}'\]"):
        read_truth(tmp_path)


@pytest.mark.parametrize(
    ("clips", "passages", "reason"),
    [
        (None, PASSAGES, r"clips\.csv does not exist"),
        (CLIPS, None, r"passages\.csv does not exist"),
        (CLIPS, PASSAGES.replace("1.5", "soon"), "clip 'a': onset_s is 'soon'"),
        (CLIPS, PASSAGES.replace("11.25", ""), "clip 'a': offset_s is ''"),
        (CLIPS.replace("12.5", "?"), PASSAGES, "clip 'b': annotated_until_s is '?'"),
        (CLIPS.splitlines()[0] + "\n", PASSAGES, "has no clip"),
        ("", PASSAGES, "are missing"),
    ],
    ids=["no clips", "no passages", "word", "nothing", "mark", "no rows", "empty"],
)
def test_what_cannot_be_read_is_named(tmp_path, clips, passages, reason):
    write(tmp_path, clips, passages)
    with pytest.raises(LabelError, match=reason):
        read_truth(tmp_path)


def test_a_role_that_no_clip_has_is_named(tmp_path):
    with pytest.raises(LabelError, match="no clip of role 'socre'"):
        read_truth(write(tmp_path), "socre")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("3,yes", "3,Yes", "scored is 'Yes'"),
        ("3,yes", "3,", "scored is ''"),
        ("b,any", "B,any", "clip 'B' is not in clips.csv"),
        ("1.5,3", "nan,3", "onset_s is 'nan'"),
    ],
    ids=["case", "empty", "name", "nan"],
)
def test_a_passage_that_would_be_lost_is_refused(tmp_path, old, new, told):
    with pytest.raises(LabelError, match=told):
        read_truth(write(tmp_path, passages=PASSAGES.replace(old, new)))


def test_a_clip_that_stands_twice_is_refused(tmp_path):
    clips = CLIPS + CLIPS.splitlines()[1] + "\n"
    with pytest.raises(LabelError, match="'a' stands twice"):
        read_truth(write(tmp_path, clips=clips))


def test_a_spreadsheets_byte_order_mark_does_not_matter(tmp_path):
    assert len(read_truth(write(tmp_path, clips="\ufeff" + CLIPS))) == 2
