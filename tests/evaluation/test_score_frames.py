"""A label set seen by a real runtime: the network that sees red."""

import json
from dataclasses import replace

import numpy as np
import pytest

from tests.evaluation.label_folder import write_label_set
from tests.pipeline.red_box import write_red_model
from truckcount.domain.camera import Gate
from truckcount.errors import LabelError
from truckcount.evaluation import score_frames
from truckcount.evaluation.frame_set import read_labelled_frames
from truckcount.evaluation.score_frames import evaluate_frames, predict_frames
from truckcount.presence.devices import open_runtime
from truckcount.presence.runtime import Maps
from truckcount.presence.weights import find_weights


@pytest.fixture(scope="module")
def red(tmp_path_factory):
    return write_red_model(tmp_path_factory.mktemp("red"))


@pytest.fixture
def folder(tmp_path):
    return write_label_set(tmp_path / "set")


def test_every_frame_is_told_apart(folder, red):
    scores = evaluate_frames(folder, model=red, split=None)
    assert scores.figures()["accuracy"] == 1
    assert scores.unit_column == "group"
    assert len(scores.outcomes.p) == 12
    assert set(scores.slices("camera")) == {"north", "south"}


def test_only_the_test_split_is_scored_unless_asked(folder, red):
    assert len(evaluate_frames(folder, model=red).outcomes.p) == 4


def test_probabilities_are_those_that_are_stored(folder, red):
    p = evaluate_frames(folder, model=red).outcomes.p
    assert 255 * p == pytest.approx(np.rint(255 * p))


def test_only_the_gate_of_a_known_camera_is_looked_at(folder, red, tmp_path):
    """A gate above the road sees no truck; the other camera is seen whole."""
    cameras = tmp_path / "cameras.toml"
    cameras.write_text(
        '[cameras.north]\n[[cameras.north.gates]]\nname = "sky"\n'
        "polygon = [[0.0, 0.0], [1.0, 0.0], [1.0, 0.2], [0.0, 0.2]]\n"
    )
    scores = evaluate_frames(folder, model=red, split=None, cameras=cameras)
    slices = {k: s.figures() for k, s in scores.slices("camera").items()}
    assert slices["north"]["recall"] == 0
    assert slices["south"]["recall"] == 1


def test_no_gate_is_cut_from_what_is_a_gates_view_already(folder, red, tmp_path):
    """Frames of `label sample --views` lost most of their trucks, in silence."""
    cameras = tmp_path / "cameras.toml"
    cameras.write_text('[cameras.north]\nmatch = ["*"]\n')
    for views, n in ((False, 12), (True, 0), (True, 12)):
        entry = {"what": "label sample", "args": {"views": views}, "n": n}
        header = {"version": 1, "provenance": [entry]}
        (folder / "label_set.json").write_text(json.dumps(header))
        if views and n:
            with pytest.raises(LabelError, match="holds views of gates"):
                evaluate_frames(folder, model=red, cameras=cameras)
        else:
            evaluate_frames(folder, model=red, cameras=cameras)
    assert evaluate_frames(folder, model=red).figures()["accuracy"] == 1


def test_a_run_taught_by_gates_and_shown_whole_pictures_is_told(
    folder, tmp_path, caplog
):
    run = tmp_path / "run"
    run.mkdir()
    model = write_red_model(run)
    cameras = tmp_path / "cameras.toml"
    cameras.write_text('[cameras.north]\nmatch = ["*"]\n[cameras.south]\n')
    told = "was taught the gates of gates.toml"
    for config in ({"cameras": "gates.toml"}, {"options": {"cameras": "gates.toml"}}):
        caplog.clear()
        (run / "config.json").write_text(json.dumps(config))
        evaluate_frames(folder, model=model, cameras=cameras)
        assert told not in caplog.text
        evaluate_frames(folder, model=model)
        assert told in caplog.text
    caplog.clear()
    for text in ('{"cameras": null, "options": {"seed": 0}}', '["other"]', "{"):
        (run / "config.json").write_text(text)
        evaluate_frames(folder, model=model)
    assert not caplog.text


def test_test_frames_that_a_run_was_trained_on_are_told(folder, tmp_path, caplog):
    """Split anew by another seed, a run's own frames were its test."""
    run = tmp_path / "run"
    run.mkdir()
    model = write_red_model(run)
    table = read_labelled_frames(folder)
    images = [str((folder / image).resolve()) for image in table["image"]]
    kept = table.assign(image=images)[["image", "split"]]
    kept.to_parquet(run / "predictions.parquet")
    evaluate_frames(folder, model=model)
    assert not caplog.text
    is_test = np.flatnonzero(kept["split"] == "test")
    kept.loc[is_test[:3], "split"] = "train"
    kept.to_parquet(run / "predictions.parquet")
    evaluate_frames(folder, model=model, split="train")
    assert not caplog.text
    evaluate_frames(folder, model=model)
    assert "3 of 4 test frames are frames that" in caplog.text


def test_a_truck_in_any_view_of_a_wide_gate_is_seen(folder, red):
    """A gate so wide that it is cut into tiles has the score of its best one."""
    frames = read_labelled_frames(folder)
    wide = Gate(name="road", polygon=((0, 0.35), (1, 0.35), (1, 0.8), (0, 0.8)))
    weights = find_weights(red)
    p = predict_frames(
        frames,
        open_runtime(weights, "cpu"),
        weights.header,
        {"north": (wide,), "south": (wide,)},
    )
    assert ((p >= 0.5) == (frames["label"] == 1)).all()


def test_a_classifier_says_one_thing_of_a_view(folder, red):
    class Classifier:
        device = "cpu"

        def score_views(self, views):
            assert views.shape[1:] == (96, 96, 3)  # the square that it learned from
            n = len(views)
            return Maps(np.full((n, 1, 1), 0.6, np.float32), np.zeros((n, 4, 1, 1)))

    # its one cell's middle lies outside this gate
    corner = Gate(name="c", polygon=((0, 0), (0.3, 0), (0.3, 0.3), (0, 0.3)))
    frames = read_labelled_frames(folder)
    header = replace(find_weights(red).header, network="seed", input_px=96)
    p = predict_frames(frames, Classifier(), header, {"north": (corner,)})
    assert (p == 153 / 255).all()


def test_progress_is_told(folder, red, monkeypatch):
    monkeypatch.setattr(score_frames, "BLOCK_FRAMES", 5)
    told = []
    evaluate_frames(
        folder, model=red, split=None, progress=lambda *now: told.append(now)
    )
    assert told == [(5, 12), (10, 12), (12, 12)]


def test_a_damaged_picture_is_named(folder, red):
    (folder / "frames" / "011.png").write_bytes(b"no picture")
    with pytest.raises(LabelError, match=r"011\.png cannot be read"):
        evaluate_frames(folder, model=red)
