"""Label sets are read whole, or refused with what is missing."""

import re
import threading
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.training.classifier.red_frames import SIDE_PX, write_red_set
from truckcount.domain.camera import Gate
from truckcount.errors import LabelError
from truckcount.presence.views import plan_views
from truckcount.training.classifier.augment import scale_view
from truckcount.training.classifier.frames import (
    fingerprint,
    leave_out_several_views,
    place_boxes,
    read_frames,
)
from truckcount.training.classifier.packed import pack_frames


@pytest.fixture
def folder(tmp_path):
    return write_red_set(tmp_path / "set")


def change(path, **columns):
    pd.read_parquet(path).assign(**columns).to_parquet(path)


def test_a_set_is_read_with_its_splits_labels_and_truck_boxes(folder):
    frames = read_frames(folder)
    assert len(frames) == 24
    assert [len(frames.rows_of(s)) for s in ("train", "val", "test")] == [16, 4, 4]
    assert frames.p_truck.tolist() == [1.0, 0.0] * 12
    assert set(frames.boxes) == {f"frames/{k:03d}.png" for k in range(0, 24, 2)}
    assert frames.has_boxes
    assert frames.read(0).shape == (SIDE_PX, 96, 3)
    x1, y1, x2, y2 = frames.boxes["frames/000.png"][0].astype(int)
    red = frames.read(0)[y1:y2, x1:x2].reshape(-1, 3).mean(0)
    assert red.tolist() == [220, 40, 40]  # RGB


def test_validation_is_another_word_for_val(folder):
    splits = pd.read_parquet(folder / "splits.parquet")
    splits["split"] = splits["split"].replace({"val": "validation"})
    splits.to_parquet(folder / "splits.parquet")
    assert len(read_frames(folder).rows_of("val")) == 4


def test_soft_labels_are_kept_and_skipped_frames_left_out(folder):
    labels = pd.read_parquet(folder / "labels.parquet")
    labels.loc[0, "p_truck"] = 0.7
    labels.loc[1, "label"] = "skip"
    labels.to_parquet(folder / "labels.parquet")
    frames = read_frames(folder)
    assert len(frames) == 23
    assert frames.p_truck[0] == pytest.approx(0.7)


def test_a_set_without_splits_is_refused(folder):
    (folder / "splits.parquet").unlink()
    with pytest.raises(LabelError, match="24 labelled frames have no split"):
        read_frames(folder)


def test_a_strange_split_is_refused(folder):
    change(folder / "splits.parquet", split="holdout")
    with pytest.raises(LabelError, match="holdout"):
        read_frames(folder)


@pytest.mark.parametrize("label", ["truck", "no_truck"])
def test_one_label_alone_teaches_nothing(folder, label):
    change(folder / "labels.parquet", label=label, p_truck=float(label == "truck"))
    with pytest.raises(LabelError, match="it needs both"):
        read_frames(folder)


def test_the_fingerprint_is_of_all_that_is_learned_from(folder, tmp_path):
    first = fingerprint(read_frames(folder))
    assert first == fingerprint(read_frames(write_red_set(tmp_path / "again")))
    other = write_red_set(tmp_path / "other", seed=1)
    assert first != fingerprint(read_frames(other))
    for table, column, value in (
        ("splits", "split", "test"),
        ("labels", "weight", 0.5),
        ("boxes", "x1", 0.0),
    ):
        path = folder / f"{table}.parquet"
        before = path.read_bytes()
        rows = pd.read_parquet(path)
        rows.loc[0, column] = value
        rows.to_parquet(path)
        assert first != fingerprint(read_frames(folder)), table
        path.write_bytes(before)
    assert first == fingerprint(read_frames(folder))


def test_a_frame_that_is_gone_is_named(folder):
    frames = read_frames(folder)
    (folder / frames.images[3]).unlink()
    with pytest.raises(LabelError, match=re.escape(frames.images[3])):
        fingerprint(frames)


def test_packed_frames_are_the_frames_scaled(folder, tmp_path):
    frames = read_frames(folder)
    packed = pack_frames(frames, 48, tmp_path / "pack")
    assert packed.read(3).shape == (48, 48, 3)
    scaled = packed.scale_boxes(0, np.array([[48, 36, 96, 72]], np.float32))
    assert scaled.tolist() == [[24, 24, 48, 48]]
    x1, y1, x2, y2 = packed.scale_boxes(0, frames.boxes["frames/000.png"])[0]
    inside = packed.read(0)[int(y1) + 2 : int(y2) - 2, int(x1) + 2 : int(x2) - 2]
    assert inside[..., 0].mean() > 200
    assert inside[..., 1].mean() < 60


def test_a_pack_is_made_once_and_anew_when_a_frame_changes(folder, tmp_path):
    frames = read_frames(folder)
    seen = []
    for _ in range(2):
        pack_frames(frames, 32, tmp_path / "pack", lambda done, _n: seen.append(done))
    assert seen == list(range(1, 25))
    path = folder / "frames/000.png"
    path.write_bytes((folder / "frames/001.png").read_bytes() + b"\0")
    again = pack_frames(frames, 32, tmp_path / "pack")
    assert np.array_equal(again.read(0), again.read(1))
    assert not list((tmp_path / "pack").glob("*.tmp"))


def test_of_two_runs_at_once_one_packs(folder, tmp_path):
    frames, seen, packs = read_frames(folder), [], []

    def pack_too():
        made = pack_frames(frames, 32, tmp_path, lambda done, _n: seen.append(done))
        packs.append(made)

    second = threading.Thread(target=pack_too)

    def begin_second(done, _n):
        if done == 12:
            second.start()
            second.join(0.2)

    packs.append(pack_frames(frames, 32, tmp_path, begin_second))
    second.join()
    assert seen == []
    assert all(packs[0].read(row).any() for row in range(len(frames)))
    assert np.array_equal(packs[0].read(3), packs[1].read(3))


GATE = Gate(name="g", polygon=((0.5, 0.5), (0.9, 0.5), (0.9, 0.9), (0.5, 0.9)))


def test_labels_of_a_gate_are_taught_on_what_a_run_sees_of_it(folder, tmp_path):
    """The crop is the view that counting scores, in packed frames and in others."""
    whole = read_frames(folder)
    frames = replace(whole, gates={"north": (GATE,)}, view_px=64)
    (rect,) = plan_views([GATE], (96, 72), (64, 64))
    image, (x0, y0) = frames.read_placed(3)
    width = round(rect.x1 * 96) - round(rect.x0 * 96)
    height = round(rect.y1 * 72) - round(rect.y0 * 72)
    assert image.shape == (height, width, 3)
    assert width < 96
    seen = whole.read(3)[y0 : y0 + height, x0 : x0 + width]
    assert np.array_equal(image, seen)
    packed = pack_frames(frames, 48, tmp_path / "pack")
    assert np.array_equal(packed.read(3), scale_view(seen, 48))
    inner = np.array([[x0 + 4, y0 + 3, x0 + 20, y0 + 13]], np.float32)
    assert place_boxes(inner, (x0, y0), (width, height)).tolist() == [[4, 3, 20, 13]]
    scaled = packed.scale_boxes(3, inner)[0]
    assert scaled == pytest.approx(
        np.array([4, 3, 20, 13]) * 48 / np.array([width, height] * 2), abs=1e-4
    )
    assert fingerprint(frames) != fingerprint(whole)


def test_trucks_beside_the_gate_are_no_boxes_of_its_view():
    boxes = np.array([[0, 0, 20, 20], [30, 30, 60, 50]], np.float32)
    assert place_boxes(boxes, (25, 25), (30, 30)).tolist() == [[5, 5, 30, 25]]
    assert place_boxes(boxes, (70, 70), (9, 9)).shape == (0, 4)


LEFT = Gate(name="left", polygon=((0, 0.2), (0.4, 0.2), (0.4, 0.8), (0, 0.8)))
WIDE = Gate(name="wide", polygon=((0, 0.4), (1, 0.4), (1, 0.6), (0, 0.6)))


@pytest.mark.parametrize(
    ("gates", "told"),
    [
        ((LEFT, GATE), "its gates g, left are seen in 2 views"),
        ((WIDE,), r"its gate 'wide' is so wide that it is seen in \d views"),
    ],
    ids=["two gates", "tiles"],
)
def test_a_label_of_several_views_teaches_no_classifier(folder, gates, told):
    """It was taught on their common box, which a run never looks at."""
    frames = replace(read_frames(folder), gates={"north": gates}, view_px=64)
    with pytest.raises(LabelError, match=f"camera north: {told}.*--from truckmap"):
        leave_out_several_views(frames)
    elsewhere = replace(frames, gates={"south": gates})
    assert leave_out_several_views(elsewhere) is elsewhere


def test_frames_of_several_views_are_left_out_where_others_are_left(folder, caplog):
    frames = read_frames(folder)
    is_wide = np.zeros(len(frames), np.bool_)
    is_wide[frames.rows_of("train")[:4]] = True
    mixed = replace(
        frames,
        camera=np.where(is_wide, "wide", frames.camera),
        gates={"wide": (WIDE,), "north": (GATE,)},
        view_px=64,
    )
    left = leave_out_several_views(mixed)
    assert set(left.camera) == {"north"}
    assert len(left) == len(left.images) == len(left.p_truck) == len(frames) - 4
    kept = [image for image, w in zip(frames.images, is_wide, strict=True) if not w]
    assert list(left.images) == kept
    assert "camera wide: its gate 'wide'" in caplog.text
    assert "its 4 frames are left out" in caplog.text
