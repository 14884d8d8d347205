"""`truckcount cameras`: what `new` writes `check` accepts, and gates can be seen."""

import cv2
import numpy as np
import pytest

from tests.conftest import write_clip


@pytest.fixture
def clip(tmp_path):
    return write_clip(tmp_path / "dc-north_20260302T080000Z.mp4", 10)


@pytest.mark.parametrize(
    "name",
    [
        "dc-north_20260302T080000Z.mp4",
        "Yard 7.mp4",
        "a[1].mp4",
        "plain.MP4",
        "Tör & Hof.mp4",
        'the "gate".mp4',
        "back\\slash.mp4",
        "new\nline.mp4",
    ],
)
def test_a_starting_file_is_one_that_check_accepts(truckcount, tmp_path, name):
    write_clip(tmp_path / name, 10)
    said = truckcount("cameras", "new", name, "-o", "cameras.toml")
    assert said.code == 0, said.err
    assert said.out == ""
    checked = truckcount("cameras", "check", "cameras.toml", "--json")
    assert checked.code == 0, checked.err
    (camera,) = checked.json
    assert [gate["name"] for gate in camera["gates"]] == ["main"]
    shown = ["--clip", name, "--preview", "gates.png"]
    assert truckcount("cameras", "check", "cameras.toml", *shown).code == 0, "its own"


def test_the_starting_file_is_for_every_clip_of_the_camera(truckcount, clip):
    said = truckcount("cameras", "new", clip.name, "--timezone", "Europe/Berlin")
    assert 'match = ["dc-north*.mp4"]' in said.out
    assert 'timezone = "Europe/Berlin"' in said.out
    assert "(160 x 96)" in said.out
    clip.parent.joinpath("c.toml").write_text(said.out)
    checked = truckcount("cameras", "check", "c.toml")
    assert checked.out.split()[:2] == ["dc-north", "Europe/Berlin"]
    assert "all well" in checked.err


def test_a_zone_that_is_none_is_refused_before_it_is_written(truckcount, clip):
    arguments = ["cameras", "new", clip.name, "--timezone", "Mars/Olympus"]
    said = truckcount(*arguments, "-o", "c.toml")
    assert said.code == 2
    assert "--timezone: 'Mars/Olympus' is no IANA zone" in said.err
    assert not clip.parent.joinpath("c.toml").exists()


def test_an_existing_file_is_not_replaced_unasked(truckcount, clip):
    mine = clip.parent / "cameras.toml"
    mine.write_text("mine")
    said = truckcount("cameras", "new", clip.name, "-o", "cameras.toml")
    assert said.code == 2
    assert "--force" in said.err
    assert mine.read_text() == "mine"
    forced = truckcount("cameras", "new", clip.name, "-o", "cameras.toml", "--force")
    assert forced.code == 0
    assert "[cameras.dc-north]" in mine.read_text()


def test_a_clip_that_is_none_gives_no_file(truckcount, tmp_path):
    assert truckcount("cameras", "new", "gone.mp4", "-o", "c.toml").code == 4
    assert not (tmp_path / "c.toml").exists()


def test_a_preview_is_the_frame_with_its_gates(truckcount, clip):
    truckcount("cameras", "new", clip.name, "-o", "cameras.toml")
    arguments = ["cameras", "check", "cameras.toml", "--clip", clip.name]
    said = truckcount(*arguments, "--preview", "out/gates.png")
    assert said.code == 0
    assert "out/gates.png written" in said.err
    drawn = cv2.imread(str(clip.parent / "out" / "gates.png"))
    assert drawn.shape == (96, 160, 3)
    ok, bare = cv2.VideoCapture(str(clip)).read()
    assert ok
    changed = np.abs(drawn.astype(int) - bare).max(axis=2) > 60
    edge = round(0.9 * 96)  # lower edge of the starting polygon
    assert changed[edge - 1 : edge + 2, 30:130].any(axis=0).mean() > 0.8


def test_a_preview_of_another_camera_is_refused(truckcount, clip, tmp_path):
    write_clip(tmp_path / "other_20260302T080000Z.mp4", 10)
    truckcount("cameras", "new", clip.name, "-o", "cameras.toml")
    arguments = ["cameras", "check", "cameras.toml", "--preview", "gates.png"]
    said = truckcount(*arguments, "--clip", "other_20260302T080000Z.mp4")
    assert said.code == 2
    assert "matches no camera" in said.err
    assert "dc-north" in said.err
    assert not (tmp_path / "gates.png").exists()


def test_a_preview_needs_a_clip(truckcount, clip):
    truckcount("cameras", "new", clip.name, "-o", "cameras.toml")
    said = truckcount("cameras", "check", "cameras.toml", "--preview", "gates.png")
    assert said.code == 2
    assert "--preview needs --clip" in said.err


GATE = """\
[cameras.a]
[[cameras.a.gates]]
name = "g"
"""
WRONG = {
    "no TOML": ("[cameras", "is not valid TOML"),
    "nothing": ("", "no camera"),
    "unknown key": ("[cameras.a]\ntimezon = 'UTC'", "did you mean 'timezone'"),
    "zone": ("[cameras.a]\ntimezone = 'Chicago'", "cameras.a.timezone: 'Chicago'"),
    "gate": (
        f"{GATE}polygon=[[0.1,0.1],[0.9,0.9],[0.9,0.1],[0.1,0.95]]",
        "cameras.a.gates[0]: gate 'g': the polygon crosses itself",
    ),
    "corner": (
        f"{GATE}polygon=[[0.1,0.1],[0.9],[1,1]]",
        "cameras.a.gates[0].polygon[1]: want [x, y]",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_is_refused_with_the_place(truckcount, tmp_path, name):
    text, says = WRONG[name]
    (tmp_path / "cameras.toml").write_text(text)
    said = truckcount("cameras", "check", "cameras.toml")
    assert said.code == 2
    assert says in said.err
    assert "cameras.toml" in said.err
    assert len(said.err.splitlines()) == 1


def test_a_blurred_preview_tells_no_detail(truckcount, clip):
    truckcount("cameras", "new", clip.name, "-o", "cameras.toml")
    arguments = ["cameras", "check", "cameras.toml", "--clip", clip.name]
    for name, more in (("plain.png", []), ("blurred.png", ["--blur-people"])):
        assert truckcount(*arguments, "--preview", name, *more).code == 0
    plain, blurred = (clip.parent / f"{n}.png" for n in ("plain", "blurred"))
    assert blurred.stat().st_size < plain.stat().st_size


FLAT = """\
[cameras.a]
match = ["a_*.mp4"]
[[cameras.a.gates]]
name = "flat"
polygon = [[0.1, 0.45], [0.9, 0.45], [0.9, 0.75], [0.1, 0.75]]
[[cameras.a.gates]]
name = "high"
polygon = [[0.2, 0.3], [0.8, 0.3], [0.8, 0.9], [0.2, 0.9]]
"""


def test_a_gate_that_is_seen_in_tiles_is_told_with_what_to_do(truckcount, tmp_path):
    (tmp_path / "cameras.toml").write_text(FLAT)
    said = truckcount("cameras", "check", "cameras.toml")
    assert said.code == 0
    (told,) = [line for line in said.err.splitlines() if "tiles" in line]
    assert "a/flat is, with the margin around it, 4.7 times as wide as high" in told
    assert "seen in 3 tiles: a truck longer than one, 0.37 of" in told
    assert "draw the gate higher (at most 2.3 times as wide as high)" in told
    assert "16:9" in told
    assert said.err.splitlines()[-1].endswith("1 camera, 1 flat gate, see above")
    gates = truckcount("cameras", "check", "cameras.toml", "--json").json[0]["gates"]
    assert [gate["n_tiles"] for gate in gates] == [3, 1]


def test_what_is_flat_depends_on_the_picture(truckcount, tmp_path):
    (tmp_path / "cameras.toml").write_text(FLAT)
    for name, size, n in (("a_1.mp4", (160, 320), 0), ("a_2.mp4", (480, 96), 2)):
        write_clip(tmp_path / name, 10, size=size)
        said = truckcount("cameras", "check", "cameras.toml", "--clip", name)
        assert said.code == 0
        assert said.err.count(" tiles: ") == n
        assert "16:9" not in said.err


@pytest.mark.parametrize("size", [(320, 176), (160, 320), (480, 96), (640, 96)])
def test_the_starting_gate_is_seen_whole(truckcount, tmp_path, size):
    write_clip(tmp_path / "cam_1.mp4", 10, size=size)
    new = ["cameras", "new", "cam_1.mp4", "-o", "cameras.toml", "--timezone", "UTC"]
    assert truckcount(*new).code == 0
    text = (tmp_path / "cameras.toml").read_text()
    assert "# 2.3 times as wide as high" in text
    arguments = ["cameras", "check", "cameras.toml"]
    said = truckcount(*arguments, "--clip", "cam_1.mp4")
    assert "all well" in said.err


def test_a_camera_without_a_zone_is_told_of(truckcount, clip):
    truckcount("cameras", "new", clip.name, "-o", "c.toml")
    checked = truckcount("cameras", "check", "c.toml")
    assert checked.code == 0
    assert "no `timezone` for dc-north" in checked.err
    text = clip.parent.joinpath("c.toml").read_text()
    clip.parent.joinpath("c.toml").write_text(
        text.replace('# timezone = "America/Chicago"', 'timezone = "UTC"')
    )
    checked = truckcount("cameras", "check", "c.toml")
    assert "timezone" not in checked.err, "UTC is what somebody wrote"


@pytest.mark.parametrize(
    ("zone", "told"),
    [
        ("EST", "EST is -0500 in summer and winter"),
        ("Etc/GMT+6", "Etc/GMT+6 is -0600 in summer and winter"),
        ("America/New_York", None),
        ("Asia/Tokyo", None),
        ("UTC", None),
    ],
)
def test_a_zone_without_summer_time_is_told(truckcount, tmp_path, zone, told):
    (tmp_path / "c.toml").write_text(f'[cameras.a]\ntimezone = "{zone}"\n')
    said = truckcount("cameras", "check", "c.toml")
    assert said.code == 0
    assert (told or "c.toml: 1 camera, all well") in said.err
    assert ("summer" in said.err) == (told is not None)
