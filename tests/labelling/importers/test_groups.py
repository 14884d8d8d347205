"""What an import groups, as a split meets it: neither too much nor too little."""

import shutil

import pytest

from tests.conftest import write_clip
from tests.labelling.importers.sources import voc_xml, write_yolo
from tests.labelling.pieces import write_picture
from truckcount.errors import LabelError
from truckcount.labelling.importers.import_source import ImportOptions, import_source
from truckcount.labelling.label_set import LabelSet
from truckcount.labelling.set_check import check_set
from truckcount.labelling.splits import SplitOptions, split_set

BY_GROUP = SplitOptions(by="group")


def take_in(root, format_, source, **options):
    made = LabelSet.open_or_new(root)
    return made, import_source(
        made, ImportOptions(format=format_, source=source, **options)
    )


def write_folders(root, first_seed):
    """Two cameras whose recorders number pictures from 1."""
    for k in range(6):
        label = "truck" if k % 2 else "no_truck"
        path = root / label / f"cam-{k % 3}" / f"000{k // 3}.png"
        write_picture(path, seed=first_seed + k)
    return root


def test_pictures_of_one_name_from_other_folders_are_split_apart(tmp_path):
    for part in ("monday/frames", "tuesday/frames"):
        first = 0 if part.startswith("m") else 100
        source = write_folders(tmp_path / part, first)
        made, report = take_in(tmp_path / "set", "folders", source)
        assert report.n_alone == 6
    assert made.frames["group"].nunique() == 12
    splits = split_set(made, BY_GROUP)
    assert splits["unit"].nunique() == 12
    assert not [fault for fault in check_set(made) if fault.is_broken]


def write_tracks(root, first_seed, n=8):
    """A recording's numbered frames and their tracks, named as everybody's are."""
    for k in range(n):
        write_picture(root / f"images/frame_{k:06d}.png", seed=first_seed + k)
    boxes = "\n".join(
        f'<box frame="{k}" outside="0" xtl="4" ytl="6" xbr="{20 + k}" ybr="40"/>'
        for k in range(n)
    )
    (root / "annotations.xml").write_text(
        "<annotations><version>1.1</version><meta><task><labels><label>"
        "<name>truck</name></label></labels></task></meta>"
        f'<track id="0" label="truck">{boxes}</track></annotations>'
    )
    return root / "annotations.xml"


def test_a_recordings_frames_are_one_group_and_another_of_its_name_is_not(tmp_path):
    for k in range(4):
        source = write_tracks(tmp_path / f"rec-{k}", 100 * k)
        made, report = take_in(tmp_path / "set", "cvat", source)
        assert (report.n_frames, report.n_alone) == (8, 0)
    groups = made.frames.groupby("group").size()
    assert groups.tolist() == [8, 8, 8, 8]
    splits = split_set(made, BY_GROUP)
    # one frame of a recording put into another part is a leak, and is told
    of_train = splits.index[splits["split"] == "train"][0]
    splits.loc[of_train, ["split", "unit"]] = ["test", "by hand"]
    made.write_splits(splits)
    (fault,) = [f for f in check_set(made) if f.is_broken]
    assert "the split leaks" in fault.what
    assert splits["image"][of_train] in fault.what


def test_videos_of_one_name_are_two_and_a_copied_one_is_one(tmp_path):
    source = write_tracks(tmp_path / "labels", 0, n=3)
    for folder, n in (("a", 4), ("b", 6)):
        (tmp_path / folder).mkdir()
        write_clip(tmp_path / folder / "clip.mp4", n)
    (tmp_path / "copy").mkdir()
    shutil.copy(tmp_path / "a/clip.mp4", tmp_path / "copy/clip.mp4")
    groups = [
        take_in(tmp_path / f"set-{k}", "cvat", source, video=tmp_path / k / "clip.mp4")
        for k in ("a", "b", "copy")
    ]
    a, b, copy = [made.frames["group"].unique().tolist() for made, _ in groups]
    assert len(a) == len(b) == 1
    assert a != b
    assert a == copy


@pytest.mark.parametrize("camera", [None, "north"], ids=["no camera", "camera"])
def test_a_pattern_meets_the_folders_of_voc_files(tmp_path, camera):
    for k in range(2):
        folder = tmp_path / f"source/rec{k}"
        write_picture(folder / "0001.jpg", seed=k)
        (folder / "0001.xml").write_text(voc_xml("0001", [("lorry", 4, 6, 30, 40)]))
    made, _ = take_in(
        tmp_path / "set",
        "voc",
        tmp_path / "source",
        group_pattern=r"rec\d",
        camera=camera,
    )
    prefix = "" if camera is None else "north/"
    assert sorted(made.frames["group"]) == [f"{prefix}rec0", f"{prefix}rec1"]


def test_a_yolo_set_split_by_its_folders_keeps_copies_together(tmp_path):
    source = write_yolo(tmp_path / "source")
    source.write_text("names: [car, lorry]\n")
    images = tmp_path / "source/images"
    for part, name in (("train", "x_jpg.rf.1"), ("valid", "x_jpg.rf.2")):
        write_picture(images / part / f"{name}.jpg", seed=50 + len(part))
    made, _ = take_in(tmp_path / "set", "yolo", source)
    of_x = made.frames["image"].str.contains("x_jpg")
    assert made.frames["group"][of_x].nunique() == 1
    assert made.frames["group"].nunique() == 4
    with pytest.raises(LabelError, match="no day"):
        split_set(made, SplitOptions(by="day"))
