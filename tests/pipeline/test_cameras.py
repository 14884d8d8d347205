"""`cameras.toml`: what is wrong is said with its place and the nearest right thing."""

import os
import re

import pytest

from truckcount.errors import ConfigError
from truckcount.pipeline.cameras import load_cameras, open_book, parse_gate
from truckcount.pipeline.config import RunOptions, config_hash, scoring_hash
from truckcount.presence.weights import find_weights

GATE = """
[[cameras.dc-north.gates]]
name = "exit"
polygon = [[0.1, 0.4], [0.6, 0.4], [0.6, 0.9], [0.1, 0.9]]
"""


def load(tmp_path, text):
    path = tmp_path / "cameras.toml"
    path.write_text(text)
    return load_cameras(path)


def gate_with(line):
    return f'[[cameras.c.gates]]\nname = "exit"\n{line}\n'


SQUARE = "polygon = [[0.1, 0.1], [0.6, 0.1], [0.6, 0.6], [0.1, 0.6]]\n"
BAD = {
    "a shift without end": (
        "[cameras.c]\nclock_shift_s = inf\n",
        "cameras.c.clock_shift_s: want a finite number, got inf",
    ),
    "a dwell without end": (
        gate_with("polygon = [[0, 0], [1, 0], [1, 1]]\ndwell_mean_s = inf"),
        r"gates\[0\].dwell_mean_s: want a finite number, got inf",
    ),
    "unknown key at the top": ("[camera.c]\n", "unknown key 'camera'.*'cameras'"),
    "unknown key of a camera": (
        '[cameras.c]\ntimezon = "UTC"\n',
        "cameras.c: unknown key 'timezon'.*did you mean 'timezone'",
    ),
    "unknown key of a gate": (
        gate_with("polygn = [[0, 0]]"),
        r"cameras.c.gates\[0\]: unknown key 'polygn'.*did you mean 'polygon'",
    ),
    "unknown threshold": (
        gate_with(SQUARE + "thresholds = { onn = 0.5 }"),
        r"gates\[0\].thresholds: .*onn",
    ),
    "thresholds upside down": (
        gate_with(SQUARE + "thresholds = { on = 0.3, off = 0.6 }"),
        r"gates\[0\].thresholds: .*off_score",
    ),
    "threshold that is no number": (
        gate_with(SQUARE + 'thresholds = { on = "high" }'),
        r"gates\[0\].thresholds.*'high'",
    ),
    "unknown zone": (
        '[cameras.c]\ntimezone = "America/Chicagoo"\n',
        "cameras.c.timezone: 'America/Chicagoo' is no IANA zone",
    ),
    "zone that is a path": (
        '[cameras.c]\ntimezone = "../../etc/passwd"\n',
        "cameras.c.timezone: .* is no IANA zone",
    ),
    "self-crossing polygon": (
        gate_with("polygon = [[0.1, 0.1], [0.6, 0.6], [0.6, 0.1], [0.1, 0.6]]"),
        r"cameras.c.gates\[0\]: gate 'exit': the polygon crosses itself",
    ),
    "tiny polygon": (
        gate_with("polygon = [[0.1, 0.1], [0.11, 0.1], [0.11, 0.11]]"),
        r"cameras.c.gates\[0\]: gate 'exit'",
    ),
    "two corners": (
        gate_with("polygon = [[0.1, 0.1], [0.6, 0.6]]"),
        r"gates\[0\]: .*3 corners",
    ),
    "corner outside": (
        gate_with("polygon = [[0.1, 0.1], [1.6, 0.1], [0.6, 0.6]]"),
        r"gates\[0\]: .*outside the picture",
    ),
    "corner that is no pair": (
        gate_with("polygon = [[0.1, 0.1], [0.6], [0.6, 0.6]]"),
        r"gates\[0\].polygon\[1\]: want \[x, y\]",
    ),
    "zero vector": (gate_with(SQUARE + "in = [0, 0]"), r"gates\[0\]: .*zero vector"),
    "gate without polygon": (gate_with(""), r"gates\[0\]: `polygon` is missing"),
    "two gates of one name": (
        gate_with(SQUARE) + gate_with(SQUARE),
        "cameras.c: .*share a name",
    ),
    "gate name that would hide": (
        gate_with(SQUARE).replace("exit", "_exit"),
        r"gates\[0\]: .*'_exit' is not allowed",
    ),
    "camera name that would hide": ("[cameras._cam]\n", "'_cam' is not allowed"),
    "camera name with a slash": ('[cameras."a/b"]\n', "'a/b' is not allowed"),
    "camera name for hive": ('[cameras."a=b"]\n', "'a=b' is not allowed"),
    "match that is no list": (
        '[cameras.c]\nmatch = "c_*"\n',
        "cameras.c.match: want list",
    ),
    "unknown clock": (
        '[cameras.c]\nclock = "file"\n',
        "cameras.c.clock: 'file' is not one of auto",
    ),
    "no camera": ("", "no camera"),
    "not TOML": ("[cameras.c\n", "not valid TOML"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_said_with_its_place(tmp_path, name):
    text, message = BAD[name]
    with pytest.raises(ConfigError, match=message) as caught:
        load(tmp_path, text)
    assert str(tmp_path / "cameras.toml") in str(caught.value)
    assert str(caught.value).count("cameras.toml") == 1


def test_a_missing_file_says_how_to_write_one(tmp_path):
    with pytest.raises(ConfigError, match="cameras new"):
        load_cameras(tmp_path / "gone.toml")


def test_all_that_is_written_is_read(tmp_path):
    book = load(
        tmp_path,
        """
        [cameras.dc-north]
        timezone = "America/Chicago"
        match = ["dc-north_*.mp4", "CAM07/**"]
        clock = "filename"
        clock_shift_s = -12
        """
        + GATE
        + "in = [0.2, 0.98]\nlanes = 2\nthresholds = { on = 0.6, off = 0.35 }\n",
    )
    (camera,) = book.cameras
    (gate,) = camera.gates
    assert (camera.timezone, camera.clock, camera.clock_shift_s) == (
        "America/Chicago", "filename", -12.0,
    )  # fmt: skip
    assert gate.in_vector == (0.2, 0.98)
    assert gate.directions == ("in", "out", "unknown")
    assert gate.thresholds == (("off", 0.35), ("on", 0.6))


@pytest.mark.parametrize(
    ("path", "camera"),
    [
        ("in/dc-north_20260302.mp4", "dc-north"),
        ("x/CAM07/2026/03/a.mp4", "dc-north"),
        ("x/CAM071/a.mp4", "a"),
        ("yard_20260302T080000Z.mp4", "yard"),
        ("/v/2026-03-02/gate-7/08.mp4", "c"),
    ],
)
def test_files_find_their_camera(tmp_path, path, camera):
    text = (
        '[cameras.dc-north]\nmatch = ["dc-north_*.mp4", "CAM07/**"]\n'
        '[cameras.c]\nmatch = ["gate-7/*.mp4"]\n'
    )
    assert load(tmp_path, text).camera_for(path).name == camera


def test_two_cameras_for_one_file_are_an_error(tmp_path):
    book = load(tmp_path, '[cameras.a]\nmatch = ["*"]\n[cameras.b]\nmatch = ["x*"]\n')
    assert book.camera_for("y.mp4").name == "a"
    with pytest.raises(ConfigError, match=r"x\.mp4 matches cameras a and b"):
        book.camera_for("x.mp4")


def test_a_forced_camera_must_be_in_the_file(tmp_path):
    path = tmp_path / "cameras.toml"
    path.write_text("[cameras.dc-north]\n" + GATE)
    book = open_book(RunOptions(cameras=path, camera="dc-north"))
    assert book.camera_for("anything.mp4").gates[0].name == "exit"
    with pytest.raises(ConfigError, match="did you mean 'dc-north'"):
        open_book(RunOptions(cameras=path, camera="dc-nort"))


@pytest.mark.parametrize(
    ("text", "corners"),
    [
        ("0.1,0.4 0.6,0.4 0.6,0.9", ((0.1, 0.4), (0.6, 0.4), (0.6, 0.9))),
        ("0,0 1,0 1,1", ((0, 0), (1, 0), (1, 1))),
        ("64,36 640,36 640,360", ((0.1, 0.1), (1, 0.1), (1, 1))),
    ],
    ids=["fractions", "the whole picture", "pixels"],
)
def test_a_gate_is_read_in_fractions_or_pixels(text, corners):
    assert parse_gate(text, lambda: (640, 360)).polygon == corners


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0.1,0.4 0.6", "want corners like"),
        ("a,b c,d e,f", "want corners like"),
        ("", "3 corners"),
        ("0.1,0.1 0.6,0.6 0.6,0.1 0.1,0.6", "crosses itself"),
        ("-0.1,0.1 0.6,0.6 0.6,0.1", "outside the picture"),
        ("10,10 700,10 700,300", "outside the 640x360 picture"),
        ("10,10 12,10 12,12", "--gate"),
        ("nan,0.1 0.6,0.6 0.6,0.1", "outside"),
        ("inf,0.1 0.6,0.6 0.6,0.1", "outside"),
    ],
)
def test_a_bad_gate_is_refused(text, message):
    with pytest.raises(ConfigError, match=re.escape(message)) as caught:
        parse_gate(text, lambda: (640, 360))
    assert "--gate" in str(caught.value)


def test_pixels_without_a_picture_are_refused(tmp_path):
    for paths in ([], [str(tmp_path / "gone.mp4")]):
        with pytest.raises(ConfigError, match="no video could be opened"):
            open_book(RunOptions(gate="10,10 100,10 100,100"), paths)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bins": 7}, "--bins 7 is not one of 5, 15, 30, 60"),
        ({"sample_fps": 0}, "--sample-fps"),
        ({"sample_fps": float("nan")}, "--sample-fps"),
        ({"jobs": 0}, "--jobs 0"),
        ({"speed": "warp"}, "--speed"),
        ({"backend": "vlc"}, "--backend"),
        ({"gate": "0,0 1,0 1,1", "cameras": "c.toml"}, "exclude one another"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        RunOptions(**options)


def test_only_what_counts_depend_on_enters_the_hash(tmp_path):
    plain = load(tmp_path, "[cameras.dc-north]\n" + GATE).cameras[0]
    noted = load(
        tmp_path,
        '# the north gate\n[cameras.dc-north]\ndisplay = "Reno"\n'
        + GATE
        + "lanes = 2\n",
    ).cameras[0]
    turned = load(tmp_path, "[cameras.dc-north]\n" + GATE + "in = [1, 0]\n").cameras[0]
    options = RunOptions()
    weights = find_weights("truckmap")

    def hashes(camera, options=options):
        from truckcount.pipeline.config import counting_options

        gate = camera.gates[0]
        counting = counting_options(gate, ())
        return (
            scoring_hash(camera, weights.model_id, options),
            config_hash(gate, weights.model_id, counting, options),
        )

    assert hashes(noted) == hashes(plain)
    assert hashes(turned)[0] == hashes(plain)[0], "scores need no new decoding"
    assert hashes(turned)[1] != hashes(plain)[1]
    assert hashes(plain, RunOptions(jobs=4, bins=15)) == hashes(plain)
    other = hashes(plain, RunOptions(sample_fps=2))
    assert not set(other) & set(hashes(plain))
    text = "[cameras.dc-north]\n" + GATE + "view_span = {}\n"
    wide = load(tmp_path, text.format(0.5)).cameras[0]
    assert not set(hashes(wide)) & set(hashes(plain)), "it is seen in another view"
    assert hashes(load(tmp_path, text.format(0)).cameras[0]) == hashes(plain)
    with pytest.raises(ConfigError, match="view_span is a share of the picture"):
        load(tmp_path, text.format(1.5))


def test_a_byte_order_mark_of_an_editor_is_no_part_of_the_file(tmp_path):
    path = tmp_path / "cameras.toml"
    path.write_text("[cameras.dock]\n", encoding="utf-8-sig")
    assert [c.name for c in load_cameras(path).cameras] == ["dock"]


def test_a_folder_for_a_file_is_a_wrong_configuration(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        load_cameras(tmp_path)


@pytest.mark.parametrize("folder", [".", "13", "13/gate"])
def test_a_file_is_the_same_cameras_from_whatever_folder_it_is_named(
    tmp_path, monkeypatch, folder
):
    clip = tmp_path / "recordings" / "2024-01-02" / "13" / "gate" / "05.09.mp4"
    clip.parent.mkdir(parents=True)
    day = clip.parents[2]
    monkeypatch.chdir(day / folder)
    named = os.path.relpath(clip)
    assert open_book(RunOptions()).camera_for(named).name == "gate"
    config = tmp_path / "cameras.toml"
    config.write_text('[cameras.c]\nmatch = ["2024-01-02/*/gate/*.mp4"]\n')
    assert load_cameras(config).camera_for(named).name == "c"


@pytest.mark.parametrize(
    ("url", "pattern", "name"),
    [
        ("rtsp://u:p@10.0.0.7/live", "10.0.0.7/live", "c"),
        ("rtsp://10.0.0.7/live", "10.0.0.7/live", "c"),
        ("rtsp://u:p@10.0.0.7:554/live", "10.0.0.7:554/live", "c"),
        ("rtsp://u:p@10.0.0.7/a/b?channel=2", "10.0.0.7/**channel=2", "c"),
        ("rtsp://u:p@10.0.0.7/live", "*@10.0.0.7/live", "c"),
        ("rtsp://u:p@10.0.0.17/live", "10.0.0.7/live", "10-0-0-17-live"),
    ],
)
def test_a_url_is_matched_whatever_its_password_is(tmp_path, url, pattern, name):
    book = load(tmp_path, f'[cameras.c]\nmatch = ["{pattern}"]\n')
    assert book.camera_for(url).name == name
