"""`truckcount inspect`: one frame through the five hops."""

import cv2
import numpy as np
import pytest

HOPS = ["1 video", "2 presence", "3 counting", "4 counting", "5 store"]


def test_five_hops_are_printed_and_the_view_is_drawn(truckcount, scene, tmp_path):
    arguments = ["inspect", scene.clips[0], "--at", "3.0", *scene.options()]
    said = truckcount(*arguments, "-o", "out/view.png")
    assert said.code == 0
    heads = [line for line in said.out.splitlines() if not line.startswith(" ")]
    assert len(heads) == 5
    for head, hop in zip(heads, HOPS, strict=True):
        assert head.startswith(hop)
    assert "out/view.png written" in said.err
    assert cv2.imread(str(tmp_path / "out" / "view.png")) is not None


def test_values_are_those_of_the_frame_asked_for(truckcount, scene):
    arguments = ["inspect", scene.clips[0], "--at", "3.1", *scene.options(), "--json"]
    sample, score, passages, hour, store = truckcount(*arguments).json.values()
    assert sample["pts_s"] == pytest.approx(3.0, abs=0.11)
    assert sample["t_utc"].startswith("2026-03-02T08:00:03")
    assert score["score"] > 0.5
    assert score["peaks"][0]["box"][0] == pytest.approx(0.5, abs=0.1)
    assert [p["direction"] for p in passages.values()] == ["in"]
    assert {d: row["n_trucks"] for d, row in hour.items()} == {
        "in": 1,
        "out": 1,
        "unknown": 0,
    }
    assert store["key"][:2] == ["dock", "main"]


def test_an_empty_road_scores_low_and_has_no_passage(truckcount, scene):
    arguments = ["inspect", scene.clips[0], "--at", "0.4", *scene.options(), "--json"]
    _, score, passages, *_ = truckcount(*arguments).json.values()
    assert score["score"] < 0.3
    assert passages == {}


def test_inspecting_writes_no_store(truckcount, scene, tmp_path):
    truckcount("inspect", scene.clips[0], "--at", "3", *scene.options())
    assert list(tmp_path.iterdir()) == []


def test_a_blurred_view_is_another_picture(truckcount, scene, tmp_path):
    inspect = ["inspect", scene.clips[0], "--at", "3", *scene.options()]
    truckcount(*inspect, "-o", "plain.png")
    assert truckcount(*inspect, "-o", "blurred.png", "--blur-people").code == 0
    plain, blurred = (tmp_path / f"{n}.png" for n in ("plain", "blurred"))
    # noise of a sensor does not pack, a mosaic of it does
    assert blurred.stat().st_size < 0.5 * plain.stat().st_size


@pytest.mark.parametrize("at_s", ["-1", "300"])
def test_a_second_outside_the_clip_is_refused(truckcount, scene, at_s):
    said = truckcount("inspect", scene.clips[0], "--at", at_s, *scene.options())
    assert said.code == 2
    assert f"--at {at_s}: {scene.clips[0]} holds seconds 0 to" in said.err


def test_the_hour_of_stills_is_null_as_a_run_counts_it(truckcount, scene, tmp_path):
    folder = tmp_path / "yard"
    folder.mkdir()
    for k in range(4):
        image = np.full((96, 160, 3), 90 + k, np.uint8)
        cv2.imwrite(str(folder / f"yard_20260302T08{k}000Z.png"), image)
    said = truckcount(
        "inspect", folder, "--at", "700", "--model", scene.model, "--json"
    )
    assert said.code == 0, said.err
    assert said.json["1 video: sample"]["t_utc"] == "2026-03-02T08:10:00Z"
    hour = said.json["4 counting: hour"]["any"]
    assert (hour["n_trucks"], hour["coverage_s"], hour["n_samples"]) == (None, 0, 4)
