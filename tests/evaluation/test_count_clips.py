"""Annotated clips are counted by the product itself and scored."""

import pytest

from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.errors import LabelError
from truckcount.evaluation.count_clips import check_clips, evaluate_clips

CAMERAS = """\
[cameras.east]
match = ["east.mp4"]
[[cameras.east.gates]]
name = "main"
polygon = [[0.25, 0.1], [0.75, 0.1], [0.75, 0.95], [0.25, 0.95]]
in = [1.0, 0.0]
[cameras.west]
match = ["west.mp4"]
"""
CLIPS = """\
clip,file,camera,group,role,light,annotated_until_s
east,east.mp4,east,g,score,day,11
west,west.mp4,west,h,score,day,4
"""
# a box is 194 px on its way of 4 s, so its centre is in the gate from 25 % to 66 %
PASSAGES = """\
clip,direction,onset_s,offset_s,scored
east,in,2.2,3.9,yes
east,out,7.2,8.9,yes
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    write_traffic(folder / "east.mp4", {1.0: 1, 6.0: -1}, 11)
    write_traffic(folder / "west.mp4", {}, 4)
    (folder / "cameras.toml").write_text(CAMERAS)
    (folder / "clips.csv").write_text(CLIPS)
    (folder / "passages.csv").write_text(PASSAGES)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_red_model(tmp_path_factory.mktemp("model"))


def test_a_folder_of_clips_is_counted_and_scored(folder, model):
    figures = evaluate_clips(folder, model=model).figures()
    assert figures["n_truth"] == 2
    assert figures["clip_mean_f1"] == 1
    assert figures["direction_accuracy"] == 1
    assert figures["false_in_truck_free"] == 0
    assert figures["max_onset_error_s"] < 0.5


def test_evaluating_leaves_nothing_in_the_folder(folder, model, tmp_path):
    before = sorted(p.name for p in folder.iterdir())
    evaluate_clips(folder, model=model, store=tmp_path / "kept")
    assert sorted(p.name for p in folder.iterdir()) == before
    assert (tmp_path / "kept" / "hours").is_dir()


def test_a_clip_that_cannot_be_counted_is_no_clip_without_trucks(
    folder, model, tmp_path
):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "west.mp4").write_bytes(b"not a video at all")
    with pytest.raises(LabelError, match=r"west\.mp4 could not be counted"):
        evaluate_clips(tmp_path, model=model)


def test_two_clips_of_one_camera_are_refused_for_they_would_overlap(
    folder, model, tmp_path
):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = tmp_path / "cameras.toml"
    config.write_text(
        config.read_text().replace("east.mp4", "*st.mp4", 1).split("[cameras.w")[0]
    )
    with pytest.raises(LabelError, match="'east' and 'west' are both of camera 'east'"):
        evaluate_clips(tmp_path, model=model)


def test_clips_of_several_gates_are_refused_before_training(folder, tmp_path):
    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    check_clips(tmp_path)
    config = tmp_path / "cameras.toml"
    gate = config.read_text().split("[cameras.west]")[0].split("[[", 1)[1]
    second = "[[" + gate.replace('"main"', '"side"').replace("0.25, 0.1", "0.3, 0.1")
    config.write_text(
        config.read_text().replace("[cameras.west]", f"{second}[cameras.west]")
    )
    with pytest.raises(
        LabelError, match="'east' is of camera 'east', which has 2 gates"
    ):
        check_clips(tmp_path)
