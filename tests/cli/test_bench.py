"""`truckcount bench`: a report, a table and a verdict.

No figure is asserted: the machine is shared. The arithmetic is tested in
tests/benching.
"""

import json
import shutil

import pytest

SPREAD = {"median": 0.75, "min": 0.7, "max": 0.9}
ROW = {
    "ratio": SPREAD,
    "cpu_s_per_video_s": SPREAD,
    "wall_s_per_video_s": SPREAD,
    "start_cpu_s": None,
    "peak_rss_mb": 99,
}
REPORT = {
    "clips": [
        {
            "clip": "road",
            "contestants": {
                "floor": {**ROW, "ratio": None},
                "truckcount": ROW,
                "yolo": {"error": "it fell over"},
            },
        }
    ],
    "not_run": {"scenedetect": "no --peer-python"},
    "stages": [
        {
            "clip": "road",
            "speed": "exact",
            "cpu_ms_per_video_s": {"decode": 12.345, "gate": None},
        }
    ],
}


def test_a_report_of_a_real_run_is_kept_and_printed(truckcount, scene, tmp_path):
    said = truckcount(
        *("bench", scene.clips[1], "--repeats", "1", "--seconds", "3"),
        *("--speed", "exact", "--peers", "none", "--model", scene.model),
        *("--json", "-o", tmp_path / "report.json"),
    )
    assert said.code == 0, said.err
    report = said.json
    assert report == json.loads((tmp_path / "report.json").read_text())
    (found,) = report["clips"]
    assert set(found["contestants"]) == {"floor", "truckcount"}
    assert found["contestants"]["truckcount"]["n_repeats"] == 1
    assert report["stages"][0]["cpu_ms_per_video_s"]["decode"] > 0
    if shutil.which("ffmpeg"):
        assert found["contestants"]["floor"]["title"].startswith("ffmpeg")


@pytest.fixture
def measured(monkeypatch):
    """A bench that has been measured already."""
    monkeypatch.setattr("truckcount.benching.report.bench", lambda *_: REPORT)


@pytest.mark.usefixtures("measured")
def test_the_table_shows_ratios_and_stages_and_what_was_not_run(truckcount):
    said = truckcount("bench", "road.mp4")
    assert said.code == 0
    lines = [line.split() for line in said.out.splitlines()]
    assert lines[1][:3] == ["road", "floor", "1.00"]
    assert lines[2] == [
        "road",
        "truckcount",
        "0.75",
        "0.70",
        "0.90",
        "750.0",
        "?",
        "99",
    ]
    assert lines[-1] == ["road", "exact", "12.35"]
    assert "yolo failed: it fell over" in said.err
    assert "scenedetect was not run: no --peer-python" in said.err


@pytest.mark.usefixtures("measured")
@pytest.mark.parametrize(
    ("stored", "code", "says"),
    [
        (0.7, 0, "0.75 where 0.70 is stored and 0.88 allowed: fine"),
        (0.5, 1, "0.75 where 0.50 is stored and 0.62 allowed: WORSE"),
    ],
    ids=["within the margin", "above it"],
)
def test_a_ratio_above_the_stored_one_fails(truckcount, tmp_path, stored, code, says):
    row = {"ratio": {"median": stored, "min": stored, "max": stored}}
    clip = {"clip": "road", "contestants": {"truckcount": row}}
    (tmp_path / "old.json").write_text(json.dumps({"clips": [clip]}))
    said = truckcount("bench", "road.mp4", "--check", "old.json")
    assert said.code == code
    assert says in said.err


@pytest.mark.usefixtures("measured")
def test_a_report_of_other_clips_checks_nothing_and_says_so(truckcount, tmp_path):
    (tmp_path / "old.json").write_text('{"clips": []}')
    said = truckcount("bench", "road.mp4", "--check", "old.json")
    assert said.code == 2
    assert "holds no ratio of these clips" in said.err


@pytest.mark.parametrize(("seconds", "is_told"), [("60", True), ("600", False)])
def test_fastest_of_too_little_video_is_told_to_be_exact(truckcount, seconds, is_told):
    words = ("--speed", "fastest", "--seconds", seconds, "--peers", "none")
    said = truckcount("bench", "nowhere.mp4", *words)
    assert ("its figures are those of exact" in said.err) is is_told


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["nowhere.mp4", "--peers", "none"], "nowhere.mp4 is not there"),
        (["a.mp4", "--peers", "yollo"], "'yollo' is no peer"),
        (["a.mp4", "--peer-python", "yolo"], "is not NAME=PYTHON"),
        (["a.mp4", "--check", "gone.json"], "gone.json cannot be read"),
    ],
    ids=["clip", "peer", "python", "check"],
)
def test_what_cannot_be_measured_is_said_at_once(truckcount, words, says):
    said = truckcount("bench", *words)
    assert said.code in {1, 2}
    assert says in said.err
