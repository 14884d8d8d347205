import pandas as pd

from tests.labelling.importers.sources import write_yolo
from tests.labelling.pieces import label_rows, make_set
from truckcount.labelling.label_set import LabelSet


def test_frames_are_drawn_split_and_checked(truckcount, scene):
    said = truckcount(
        "label", "sample", *scene.clips, *scene.options(), "--to", "set", "-n", 9,
        "--min-gap", 0.5, "--json",
    )  # fmt: skip
    assert said.code == 0
    assert said.json["frames"] == 9
    assert sum(said.json["by_kind"].values()) == 9
    made = LabelSet.open("set")
    # as if they were minutes apart: each frame for itself
    later = [600.0 * k for k in range(9)]
    frames = made.frames.assign(group=made.frames["image"], source_t_s=later)
    frames["t_utc"] += pd.to_timedelta(later, unit="s")
    made.add_frames(frames, if_exists="replace")
    images = made.frames["image"].tolist()
    made.add_labels(label_rows(images, ["truck"] * 4 + ["no_truck"] * 5))
    said = truckcount("label", "split", "set", "--by", "group", "--near-bits", 0)
    assert said.code == 0
    assert [line.split()[0] for line in said.out.splitlines()] == [
        "part",
        "train",
        "val",
        "test",
    ]
    said = truckcount("label", "check", "set", "--thorough", "--json")
    assert said.code == 0
    assert said.json == []


def test_a_set_of_too_few_units_cannot_be_split(truckcount, scene):
    truckcount("label", "sample", scene.clips[0], *scene.options(), "--to", "set")
    said = truckcount("label", "split", "set")
    assert said.code == 2
    assert "too few for 3 parts" in said.err


def test_labels_are_imported_and_what_is_wrong_is_listed(truckcount, tmp_path):
    source = write_yolo(tmp_path / "source")
    said = truckcount("label", "import", "yolo", source, "--to", "set")
    assert said.code == 0
    assert "3 new frames, 3 labels, 3 boxes" in said.out
    assert "lorry -> truck: 1 boxes" in said.out
    assert "3 pictures have no time in their names" in said.err
    (tmp_path / "source/labels/train/b.txt").write_text("9 0.5 0.5 0.1 0.1\n")
    said = truckcount("label", "import", "yolo", source, "--to", "set")
    assert said.code == 3
    assert "b.txt:1: class 9" in said.err
    said = truckcount("label", "import", "yolo", source, "--to", "set", "--json")
    assert said.json["known"] == 2
    assert len(said.json["problems"]) == 1


def test_a_broken_set_exits_with_1_and_no_set_with_2(truckcount, tmp_path):
    truckcount(
        "label", "import", "yolo", write_yolo(tmp_path / "source"), "--to", "set"
    )
    next((tmp_path / "set" / "frames").iterdir()).unlink()
    said = truckcount("label", "check", "set")
    assert said.code == 1
    assert "no such file" in said.out
    said = truckcount("label", "check", "nowhere")
    assert said.code == 2
    assert "no label set" in said.err


def test_help_lists_the_commands_without_loading_them(truckcount):
    said = truckcount("label", "--help")
    assert said.code == 0
    for name in ("sample", "import", "review", "auto", "split", "check"):
        assert f"  {name}" in said.out


def test_a_sample_of_videos_that_cannot_be_read_makes_no_set(
    truckcount, scene, tmp_path
):
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    said = truckcount("label", "sample", "bad.mp4", *scene.options(), "--to", "set")
    assert said.code == 4
    assert "nothing to label" in said.err
    assert [p.name for p in tmp_path.iterdir()] == ["bad.mp4"]
    truckcount("label", "sample", scene.clips[0], *scene.options(), "--to", "set")
    before = (tmp_path / "set/label_set.json").read_bytes()
    said = truckcount("label", "sample", "bad.mp4", *scene.options(), "--to", "set")
    assert said.code == 4
    assert (tmp_path / "set/label_set.json").read_bytes() == before


def test_a_source_of_which_nothing_can_be_used_exits_with_4(truckcount, tmp_path):
    (tmp_path / "labels.csv").write_text("image,label\na.jpg,truck\nb.jpg,boat\n")
    said = truckcount("label", "import", "csv", "labels.csv", "--to", "set", "--json")
    assert said.code == said.json["exit_code"] == 4
    assert "gave no picture" in said.json["error"]


def test_a_part_that_lacks_a_label_is_told(truckcount, tmp_path):
    """Three recordings, of which one alone shows trucks."""
    made, images = make_set(tmp_path / "set", 9, group=[f"g{k // 3}" for k in range(9)])
    made.add_labels(label_rows(images, ["truck"] * 3 + ["no_truck"] * 6))
    said = truckcount("label", "split", "set", "--by", "group", "--json")
    assert said.code == 0
    for part, row in said.json["parts"].items():
        for kind, told in (("truck", "with"), ("no_truck", "without")):
            line = f"{part} has no frame {told} a truck"
            assert (line in said.err) == (row[kind] == 0), line
    assert said.err.count("has no frame") >= 2


def test_a_split_drawn_anew_says_that_weights_know_the_test_set(truckcount, tmp_path):
    made, images = make_set(tmp_path / "set", 30)
    made.add_labels(label_rows(images, ["truck", "no_truck"] * 15))
    told = "frames of the part train are now in val or test"
    for _ in range(2):
        said = truckcount("label", "split", "set", "--by", "group")
        assert said.code == 0
        assert told not in said.err
    said = truckcount("label", "split", "set", "--by", "group", "--seed", 1)
    assert told in said.err
