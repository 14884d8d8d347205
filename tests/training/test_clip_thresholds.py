"""Thresholds are chosen where they count: on whole clips, by their count error."""

import onnx
import pytest

from tests.labelling.pieces import make_set
from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.counting import CountingOptions
from truckcount.presence.weights import find_weights
from truckcount.training.clip_thresholds import candidates, choose_on_clips

CAMERAS = """\
[cameras.east]
match = ["east.mp4"]
[[cameras.east.gates]]
name = "main"
polygon = [[0.25, 0.1], [0.75, 0.1], [0.75, 0.95], [0.25, 0.95]]
[cameras.shown]
match = ["shown.mp4"]
"""
CLIPS = """\
clip,file,camera,group,role,light,annotated_until_s
east,east.mp4,east,g,val,day,11
shown,shown.mp4,shown,h,test,day,4
"""
PASSAGES = """\
clip,direction,onset_s,offset_s,scored
east,in,2.2,3.9,yes
east,out,7.2,8.9,yes
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clips")
    write_traffic(folder / "east.mp4", {1.0: 1, 6.0: -1}, 11)
    (folder / "cameras.toml").write_text(CAMERAS)
    (folder / "clips.csv").write_text(CLIPS)
    (folder / "passages.csv").write_text(PASSAGES)
    return folder


def faint_model(folder, share):
    """The red network, that is less sure of what it sees."""
    path = write_red_model(folder)
    graph = onnx.load(path.replace(".safetensors", ".onnx"))
    for tensor in graph.graph.initializer:
        if tensor.name == "red":
            values = onnx.numpy_helper.to_array(tensor) * share
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, "red"))
    onnx.save(graph, path.replace(".safetensors", ".onnx"))
    return find_weights(path)


def test_a_network_that_says_little_gets_a_low_threshold(folder, tmp_path):
    chosen = choose_on_clips(faint_model(tmp_path, 0.38), folder, "val")
    assert chosen.thresholds.on_score <= 0.4
    assert (chosen.n_clips, chosen.n_truth, chosen.mean_count_error) == (1, 2, 0)
    assert chosen.told.startswith("count error on 1 clips of ")


def test_clips_that_labels_were_drawn_from_are_told(folder, tmp_path):
    model = faint_model(tmp_path, 1.0)
    for name, is_told in (("east", True), ("west", False)):
        source = [str(folder / f"{name}.mp4")] * 2
        made, _ = make_set(tmp_path / name, 2, source=source)
        told = choose_on_clips(model, folder, "val", made.root).told
        assert ("labels were drawn from 1 of them" in told) == is_told
        assert "(0.00 a clip there)" in told


def test_a_sure_network_keeps_the_middle_threshold(folder, tmp_path):
    """Every candidate counts right: of equals the one nearest to the default."""
    chosen = choose_on_clips(faint_model(tmp_path, 1.0), folder, "val")
    assert chosen.thresholds.on_score == 0.5


@pytest.mark.parametrize("has_peaks", [True, False])
def test_every_candidate_can_be_counted_with(has_peaks):
    tried = candidates(has_peaks=has_peaks)
    assert len(set(tried)) == len(tried)
    for one in tried:
        options = one.to_options(CountingOptions())
        assert options.off_score < options.on_score
        assert has_peaks == (one.track_score is not None)
