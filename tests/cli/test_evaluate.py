"""`truckcount evaluate clips`: counts against truth, as a table or as JSON."""

import shutil

import pandas as pd
import pytest

from tests.evaluation.label_folder import write_label_set

CLIPS = """\
clip,file,camera,group,role,light,annotated_until_s
first,dock_20260302T080000Z.mp4,dock,g,score,day,11
"""
PASSAGES = """\
clip,direction,onset_s,offset_s,scored
first,in,2.2,3.9,yes
first,in,7.2,8.9,yes
"""


@pytest.fixture
def folder(scene, tmp_path):
    folder = tmp_path / "clips"
    folder.mkdir()
    for path in (scene.clips[0], scene.cameras):
        shutil.copy(path, folder)
    (folder / "clips.csv").write_text(CLIPS)
    (folder / "passages.csv").write_text(PASSAGES)
    return folder


def test_json_holds_figures_intervals_and_clips(truckcount, scene, folder):
    value = truckcount(
        "evaluate", "clips", folder, "--model", scene.model, "--json"
    ).json
    assert value["figures"]["clip_mean_f1"] == 1
    assert value["figures"]["direction_accuracy"] == 0.5
    assert value["intervals_95"]["clip_mean_f1"] is None  # of one camera
    assert [c["clip"] for c in value["clips"]] == ["first"]


def test_a_table_of_clips_and_one_line_a_figure(truckcount, scene, folder, tmp_path):
    said = truckcount("evaluate", "clips", folder, "--model", scene.model)
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].split() == ["clip", "truth", "right", "false", "missed"]
    assert lines[1].split() == ["first", "2", "2", "0", "0"]
    figures = {row[0]: row[1] for line in lines[3:] if (row := line.split())}
    assert figures["clip_mean_f1"] == "1"
    assert figures["false_in_truck_free"] == "0"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clips"]


def test_a_folder_without_truth_is_a_usage_error(truckcount, tmp_path):
    said = truckcount("evaluate", "clips", tmp_path)
    assert said.code == 2
    assert "passages.csv does not exist" in said.err


def test_clips_come_in_slices_too(truckcount, scene, folder):
    value = truckcount(
        "evaluate", "clips", folder, "--model", scene.model, "--json"
    ).json
    assert value["by_light"]["day"]["clip_mean_f1"] == 1
    assert value["by_group"]["g"]["n_truth"] == 2
    assert set(value["by_scene"]) == {"unknown"}


def test_slices_of_clips_are_a_table_where_there_are_several(truckcount, scene, folder):
    shutil.copy(scene.clips[1], folder / "yard_20260302T080000Z.mp4")
    with (folder / "clips.csv").open("a") as file:
        file.write("second,yard_20260302T080000Z.mp4,yard,h,score,night,5\n")
    cameras = folder / "cameras.toml"
    cameras.write_text(
        cameras.read_text() + cameras.read_text().replace("dock", "yard")
    )
    said = truckcount("evaluate", "clips", folder, "--model", scene.model)
    lines = [line.split() for line in said.out.splitlines()]
    assert [*next(line for line in lines if line[:1] == ["light"])[:5]] == [
        "light",
        "clips",
        "truth",
        "F1",
        "WAPE",
    ]
    assert ["night", "1", "0", "-", "-", "1"] in lines
    assert ["g", "1", "2", "1", "0", "0"] in lines


@pytest.fixture
def label_set(tmp_path):
    return write_label_set(tmp_path / "set")


def test_frames_of_a_label_set_are_scored(truckcount, scene, label_set):
    said = truckcount("evaluate", "frames", label_set, "--model", scene.model)
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert lines[0].startswith("4 frames, 2 with a truck")
    assert "over 4 values of group" in lines[0]
    figures = {row[0]: row[1:] for line in lines[2:] if (row := line.split())}
    assert figures["accuracy"] == ["1", "[1.000,", "1.000]"]
    assert figures["north"][0] == "3"


def test_frames_as_json(truckcount, scene, label_set):
    value = truckcount(
        "evaluate", "frames", label_set, "--model", scene.model, "--split", "all",
        "--json",
    ).json  # fmt: skip
    assert value["n_frames"] == 12
    assert value["by_light"]["day"]["figures"]["roc_auc"] == 1


def test_predictions_are_scored_without_a_model(truckcount, tmp_path):
    path = tmp_path / "predictions.parquet"
    pd.DataFrame(
        {
            "image": ["a", "b", "c"],
            "split": ["test", "test", "val"],
            "camera": "x",
            "light": "day",
            "label": [1, 0, 1],
            "p": [0.7, 0.6, 0.1],
        }
    ).to_parquet(path)
    value = truckcount("evaluate", "frames", "--predictions", path, "--json").json
    assert value["n_frames"] == 2
    assert value["figures"]["precision"] == 0.5
    higher = truckcount(
        "evaluate", "frames", "--predictions", path, "--threshold", "0.65", "--json"
    ).json
    assert higher["figures"]["precision"] == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "give either SET or --predictions"),
        (["set", "--predictions", "p.parquet"], "give either SET or --predictions"),
        (["nowhere"], "frames.parquet does not exist"),
        (["--predictions", "p.parquet", "--model", "m"], "--model has no say"),
        (["--predictions", "p.parquet", "--cameras", "c.toml"], "--cameras has no say"),
        (["--predictions", "nowhere.parquet"], "nowhere.parquet does not exist"),
    ],
)
def test_frames_from_nowhere_are_a_usage_error(truckcount, arguments, told):
    said = truckcount("evaluate", "frames", *arguments)
    assert said.code == 2
    assert told in said.err
