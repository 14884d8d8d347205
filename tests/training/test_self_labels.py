"""A teacher labels what it is sure of; people's word stands above it."""

import numpy as np
import pytest

from tests.pipeline.red_box import write_red_model
from truckcount.errors import LabelError
from truckcount.labelling.label_set import LabelSet
from truckcount.presence.weights import find_weights
from truckcount.training.label_set import IGNORE, TRUCK
from truckcount.training.labelled_frames import read_frames
from truckcount.training.self_labels import (
    SelfLabeller,
    SelfLabelOptions,
    UnlabelledFrame,
    label_frames,
)

GATE = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
LEFT, RIGHT = (0.25, 0.5, 0.2, 0.3), (0.75, 0.5, 0.2, 0.3)


def frame(k, peaks, has_truck=None):
    """A frame whose first pixels say what the scripted teacher sees of it."""
    rng = np.random.default_rng(k)
    image = rng.integers(0, 255, (48, 64, 3), np.uint8)
    made = UnlabelledFrame(
        image=image, camera="a", group="g", source="a.mp4", t_s=k / 2,
        gate=GATE, has_truck=has_truck,
    )  # fmt: skip
    return made, np.array([(*place, p) for place, p in peaks], np.float32).reshape(
        -1, 5
    )


@pytest.fixture
def label_set(tmp_path):
    return LabelSet.create(tmp_path / "set")


def teach(label_set, *frames, **options):
    told = {id(f.image): peaks for f, peaks in frames}
    return label_frames(
        label_set,
        [f for f, _ in frames],
        lambda image: told[id(image)],
        "teacher@sha256:0",
        SelfLabelOptions(**options),
    )


def test_sure_peaks_are_trucks_and_unsure_ones_are_masked(label_set):
    done = teach(label_set, frame(1, [(LEFT, 0.9), (RIGHT, 0.4)]))
    assert (done.n_frames, done.n_boxes, done.n_unsure) == (1, 1, 1)
    (picture,) = read_frames(label_set, None, min_score=0.0)
    by_class = dict(zip(picture.classes.tolist(), picture.boxes, strict=True))
    assert set(by_class) == {TRUCK, IGNORE}
    assert by_class[TRUCK] == pytest.approx(np.array([9.6, 16.8, 22.4, 31.2]), abs=0.1)
    assert picture.trusted is None


def test_a_frame_of_which_nothing_is_sure_is_left_out(label_set):
    done = teach(label_set, frame(1, [(LEFT, 0.4)]))
    assert done.n_frames == 0


def test_some_of_the_empty_frames_are_negatives(label_set):
    done = teach(label_set, *(frame(k, []) for k in range(7)), empty_every=3)
    assert (done.n_frames, done.n_empty) == (3, 3)
    assert set(label_set.labels["label"]) == {"no_truck"}


REFUTED = {
    "a truck that is not seen": ([(RIGHT, 0.9)], True, 1),
    "a truck where there is none": ([(LEFT, 0.9)], False, 1),
    "a truck beside the gate": ([(RIGHT, 0.9)], False, 0),
    "a truck that is seen": ([(LEFT, 0.9)], True, 0),
    "nobody can say": ([(LEFT, 0.9)], None, 0),
}


@pytest.mark.parametrize("name", REFUTED)
def test_what_people_say_of_the_gate_refutes_the_teacher(label_set, name):
    peaks, has_truck, n_refuted = REFUTED[name]
    done = teach(label_set, frame(1, peaks, has_truck))
    assert (done.n_refuted, done.n_frames) == (n_refuted, 1 - n_refuted)


def test_a_second_pass_replaces_the_first(label_set):
    teach(label_set, frame(1, [(LEFT, 0.9)]))
    teach(label_set, frame(1, [(RIGHT, 0.8)]))
    assert len(label_set.frames) == len(label_set.boxes) == 1
    assert label_set.boxes["x1"][0] > 32


def test_the_teacher_sees_the_picture_and_its_mirror_image(tmp_path):
    teacher = SelfLabeller(find_weights(write_red_model(tmp_path)))
    image = np.full((96, 160, 3), 90, np.uint8)
    image[36:60, 20:54] = (235, 30, 30)
    (best, *_) = teacher.find(image)
    assert best[:2] == pytest.approx([37 / 160, 0.5], abs=0.06)
    assert best[4] > 0.9
    assert len(teacher.find(np.full((96, 160, 3), 90, np.uint8))) == 0


@pytest.mark.parametrize("change", [{"sure": 0.05}, {"empty_every": 0}], ids=str)
def test_options_that_cannot_be_are_refused(change):
    with pytest.raises(LabelError, match="sure"):
        SelfLabelOptions(**change)
