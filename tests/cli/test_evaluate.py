"""`truckcount evaluate clips`: counts against truth, as a table or as JSON."""

import shutil

import pytest

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
    assert value["intervals_95"]["clip_mean_f1"] == [1, 1]
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
