"""`truckcount annotate`: a video one can play, with what was counted drawn in."""

import json
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import write_clip


def probe(path):
    command = ["ffprobe", "-v", "error", "-select_streams", "v", "-count_frames"]
    command += ["-show_entries", "stream=codec_name,width,height,nb_read_frames"]
    command += ["-show_entries", "format=duration", "-of", "json", str(path)]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found["streams"][0] | {"duration": float(found["format"]["duration"])}


def frame_at(path, t_s):
    capture = cv2.VideoCapture(str(path))
    capture.set(cv2.CAP_PROP_POS_FRAMES, round(t_s * 10))
    ok, image = capture.read()
    assert ok
    return image.astype(int)


def test_the_clip_comes_back_as_long_and_as_large(truckcount, scene, tmp_path):
    said = truckcount("annotate", scene.clips[0], "-o", "a/seen.mp4", *scene.options())
    assert said.code == 0
    assert said.out == ""
    assert "2 trucks drawn" in said.err
    before, after = probe(scene.clips[0]), probe(tmp_path / "a" / "seen.mp4")
    assert after["codec_name"] == "h264"
    assert (after["width"], after["height"]) == (before["width"], before["height"])
    assert after["nb_read_frames"] == before["nb_read_frames"]
    assert abs(after["duration"] - before["duration"]) < 0.15


def test_gate_and_boxes_are_drawn(truckcount, scene, tmp_path):
    truckcount("annotate", scene.clips[0], "-o", "seen.mp4", *scene.options())
    seen = tmp_path / "seen.mp4"
    # the gate's left edge stands at a quarter of the width, in a warm colour
    edge = frame_at(seen, 0.2)[20:70, 39:43]
    assert (edge[..., 2] - edge[..., 0]).max(axis=1).mean() > 40
    moved = np.abs(frame_at(seen, 3.0) - frame_at(scene.clips[0], 3.0)).max(axis=2)
    assert (moved > 60).sum() > (
        np.abs(frame_at(seen, 0.2) - frame_at(scene.clips[0], 0.2)).max(axis=2) > 60
    ).sum()


def test_json_tells_the_passages_that_were_drawn(truckcount, scene):
    said = truckcount(
        "annotate", scene.clips[0], "-o", "seen.mp4", *scene.options(), "--json"
    )
    counted = [p for p in said.json if p["is_counted"]]
    assert [p["direction"] for p in counted] == ["in", "out"]


def test_a_clip_that_is_none_leaves_no_video(truckcount, scene, tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    said = truckcount("annotate", "bad.mp4", "-o", "seen.mp4", "--model", scene.model)
    assert said.code == 4
    assert not (tmp_path / "seen.mp4").exists()


def test_a_blurred_clip_keeps_the_banner_and_no_detail(truckcount, scene, tmp_path):
    rows, columns = np.mgrid[:96, :160]
    checks = np.where((rows // 2 + columns // 2) % 2, 40, 210).astype(np.uint8)
    write_clip(tmp_path / "checks.mp4", 8, image=lambda _: np.dstack([checks] * 3))
    spread = {}
    for name, more in (("plain", []), ("blurred", ["--blur-people"])):
        annotate = ["annotate", "checks.mp4", "-o", f"{name}.mp4", *more]
        assert truckcount(*annotate, "--model", scene.model).code == 0
        image = frame_at(tmp_path / f"{name}.mp4", 0.0)
        # the banner stands below, the gate is the whole picture
        spread[name] = image[20:62, 8:150].std(), image[70:].std()
    assert spread["blurred"][0] < 0.2 * spread["plain"][0]
    assert spread["blurred"][1] > 10, "text is read on it"


@pytest.mark.parametrize("command", ["annotate", "inspect", "cameras check"])
@pytest.mark.parametrize("is_link", [False, True], ids=["itself", "a link to it"])
def test_the_recording_is_never_written_over(
    truckcount, scene, tmp_path, command, is_link
):
    clip = tmp_path / "dock_20260302T080000Z.mp4"
    clip.write_bytes(Path(scene.clips[0]).read_bytes())
    before = clip.read_bytes()
    output = tmp_path / "out.png" if is_link else clip
    if is_link:
        output.hardlink_to(clip)
    look = {
        "annotate": ["annotate", clip, "-o", output, *scene.options()],
        "inspect": ["inspect", clip, "--at", "1", "-o", output, *scene.options()],
        "cameras check": [
            *("cameras", "check", scene.cameras, "--clip", clip, "--preview", output)
        ],
    }
    said = truckcount(*look[command])
    assert said.code == 2
    assert "is the clip itself" in said.err
    assert clip.read_bytes() == before


@pytest.mark.parametrize(
    ("output", "command"),
    [("seen.xyz", ["annotate"]), ("seen.xyz", ["inspect", "--at", "1"])],
    ids=["annotate", "inspect"],
)
def test_an_ending_that_cannot_be_written_is_a_usage_error(
    truckcount, scene, tmp_path, output, command
):
    said = truckcount(*command, scene.clips[0], "-o", output, *scene.options())
    assert said.code == 2
    assert "seen.xyz: want a file that ends in" in said.err
    assert not (tmp_path / output).exists()


def test_a_folder_of_several_clips_is_refused_not_cut_to_its_first(truckcount, scene):
    said = truckcount("annotate", scene.folder, "-o", "seen.mp4", *scene.options())
    assert said.code == 2
    assert "holds 2 clips; give one" in said.err


@pytest.fixture
def yard(tmp_path):
    """Stills of every ten minutes: a red box in the second and the third."""
    folder = tmp_path / "yard"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for k in range(4):
        image = np.full((96, 160, 3), 90, np.uint8)
        image += rng.integers(0, 12, image.shape, dtype=np.uint8)
        if k in (1, 2):
            image[36:60, 60:94] = (30, 30, 235)
        cv2.imwrite(str(folder / f"yard_20260302T08{k}000Z.png"), image)
    return folder


def test_stills_become_a_film_of_who_is_there(truckcount, scene, yard, tmp_path):
    arguments = ["-o", "seen.mp4", "--model", scene.model, "--json"]
    said = truckcount("annotate", yard, *arguments)
    assert said.code == 0, said.err
    assert said.json == []
    assert "4 stills drawn" in said.err
    after = probe(tmp_path / "seen.mp4")
    assert (after["nb_read_frames"], after["width"]) == ("4", 160)
    assert after["duration"] < 3
    capture = cv2.VideoCapture(str(tmp_path / "seen.mp4"))
    red = []
    for _ in range(4):
        ok, image = capture.read()
        assert ok
        box = image[38:58, 62:92].astype(int)
        red.append(float((box[..., 2] - box[..., 0] > 80).mean()))
    assert min(red[1:3]) > 0.8, "in the order of their times"
    assert max(red[0], red[3]) < 0.2


def test_gates_are_drawn_on_a_still(truckcount, scene, yard, tmp_path):
    cameras = tmp_path / "yard.toml"
    cameras.write_text(
        '[cameras.yard]\ntimezone = "UTC"\n[[cameras.yard.gates]]\nname = "main"\n'
        "polygon = [[0.2, 0.2], [0.8, 0.2], [0.8, 0.9], [0.2, 0.9]]\n"
    )
    check = ["cameras", "check", cameras, "--clip", yard, "--preview", "gates.png"]
    said = truckcount(*check, "--at", "700")
    assert said.code == 0, said.err
    shown = cv2.imread(str(tmp_path / "gates.png")).astype(int)
    assert (shown[45:55, 65:90, 2] - shown[45:55, 65:90, 0]).min() > 80, "at 700 s"
