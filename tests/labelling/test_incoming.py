"""A label set that a command could not finish: as it was, or not there."""

import contextlib
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from tests.labelling.importers.sources import SCENE, write_pictures, write_yolo
from tests.labelling.pieces import make_set
from truckcount.errors import LabelError
from truckcount.labelling.importers.import_source import ImportOptions, import_source
from truckcount.labelling.incoming import incoming
from truckcount.labelling.label_set import LabelSet

MANY = 800


def tree(folder):
    """Every file with its bytes; the lock is no content."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def take_in(root, source, **options):
    asked = ImportOptions(format="yolo", source=source, **options)
    return import_source(LabelSet.open_or_new(root), asked)


def write_without_pictures(tmp_path):
    """A source of which no picture can be read."""
    source = write_yolo(tmp_path / "source")
    for path in (tmp_path / "source/images/train").iterdir():
        path.write_bytes(b"no picture")
    return source


def test_a_failed_import_makes_no_set(tmp_path):
    source = write_without_pictures(tmp_path)
    with pytest.raises(LabelError, match="gave no picture"):
        take_in(tmp_path / "deep/er/set", source)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["source"]


def test_a_failed_import_leaves_a_folder_of_the_users_own_as_it_was(tmp_path):
    source = write_without_pictures(tmp_path)
    (tmp_path / "set").mkdir()
    (tmp_path / "set/notes.txt").write_text("mine")
    with pytest.raises(LabelError):
        take_in(tmp_path / "set", source)
    assert [p.name for p in (tmp_path / "set").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("is_labelled", [True, False], ids=["labelled", "frames alone"])
def test_an_import_that_fails_at_the_last_table_leaves_a_set_as_it_was(
    tmp_path, is_labelled
):
    source = write_yolo(tmp_path / "source")
    made, _ = make_set(tmp_path / "set", 3)
    if is_labelled:
        take_in(tmp_path / "set", write_yolo(tmp_path / "first"), labeller="first")
    # what is written last cannot be read: frames and labels were written before
    (made.root / "boxes.parquet").write_bytes(b"damaged")
    before = tree(made.root)
    with pytest.raises(LabelError, match=r"boxes\.parquet is damaged"):
        take_in(tmp_path / "set", source)
    assert tree(made.root) == before


def test_a_picture_that_is_replaced_comes_back(tmp_path):
    made, images = make_set(tmp_path / "set", 2)
    before = tree(made.root)
    with incoming(made) as new:
        (new.folder / "frames").mkdir()
        (new.folder / images[0]).write_bytes(b"another picture of this name")
        (new.folder / "frames/new.jpg").write_bytes(b"new")
        with contextlib.suppress(KeyboardInterrupt), new.taking_in():
            assert tree(made.root) != before
            raise KeyboardInterrupt
    assert tree(made.root) == before


def test_frames_may_be_a_link_to_another_place(tmp_path):
    (tmp_path / "disk").mkdir()
    (tmp_path / "set").mkdir()
    (tmp_path / "set/frames").symlink_to(tmp_path / "disk")
    report = take_in(tmp_path / "set", write_yolo(tmp_path / "source"))
    assert report.n_frames == len(SCENE) == len(list((tmp_path / "disk").iterdir()))


def test_a_file_is_no_set(tmp_path):
    (tmp_path / "set").write_text("a file")
    with pytest.raises(LabelError, match="is no folder"):
        take_in(tmp_path / "set", write_yolo(tmp_path / "source"))


def test_a_killed_import_leaves_nothing_that_the_next_does_not_remove(tmp_path):
    pictures = tmp_path / "source/truck"
    pictures.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for k in range(MANY):
        noise = rng.integers(0, 255, (60, 80, 3), dtype=np.uint8)
        cv2.imwrite(str(pictures / f"{k}.png"), noise)
    write_pictures(tmp_path / "few/truck")
    import_ = [sys.executable, "-m", "truckcount", "label", "import", "folders"]
    command = [*import_, str(tmp_path / "source"), "--to", str(tmp_path / "set")]
    process = subprocess.Popen(command)
    deadline_s = time.monotonic() + 60
    while not list(tmp_path.glob(".set.incoming-*/frames/*.png")):
        assert process.poll() is None, "it was done before it could be killed"
        assert time.monotonic() < deadline_s
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "set").exists()
    assert list(tmp_path.glob(".set.incoming-*"))
    few = [*import_, str(tmp_path / "few"), "--to", str(tmp_path / "set")]
    subprocess.run(few, check=True)
    assert len(LabelSet.open(tmp_path / "set").frames) == len(SCENE)
    assert not list(tmp_path.glob(".set.incoming-*"))
    assert not list((tmp_path / "set").glob(".*incoming*"))


def test_what_another_command_is_filling_is_left_alone(tmp_path):
    made, _ = make_set(tmp_path / "set", 1)
    with incoming(made) as one:
        with incoming(made) as other:
            assert one.folder.exists()
            assert other.folder != one.folder
        assert one.folder.exists()
    assert not list(made.root.glob(".*incoming*"))
