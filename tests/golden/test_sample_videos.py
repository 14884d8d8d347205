"""Every sample video counts to the truth of its renderer, however it is stored."""

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from tests.golden.sample_clips import (
    CAMERAS,
    IDS,
    SAMPLES,
    TRUTHS,
    count,
    counted,
    cut_at_key_frames,
    directions,
    transcode,
    true_directions,
)
from truckcount.evaluation.clips import score_clip
from truckcount.evaluation.matching import Stay
from truckcount.evaluation.truth import ClipTruth
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.result import RunResult
from truckcount.pipeline.run import run_paths

pytestmark = pytest.mark.golden
MAX_ONSET_ERROR_S = 0.5

VARIANTS = {
    "re-encoded hard": {"options": {"crf": "32", "preset": "fast"}},
    "10 fps": {"fps": 10},
    "15 fps": {"fps": 15},
    "30 fps": {"fps": 30},
    "half size": {"scale": 0.5},
    "narrow pixels": {"widen": 2},
    "h265": {
        "codec": "libx265",
        "options": {"crf": "27", "x265-params": "log-level=1"},
    },
}


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """All sample videos in one run, as the README does it."""
    return count([SAMPLES], tmp_path_factory.mktemp("store"))


def stays(result: RunResult, truth: ClipTruth) -> list[Stay]:
    start = datetime.fromisoformat(start_of(truth))
    found = []
    for row in result.passage_rows:
        if row["camera"] != truth.camera or not row["is_counted"]:
            continue
        onset = datetime.fromisoformat(row["onset_utc"])
        offset = datetime.fromisoformat(row["offset_utc"])
        found.append(
            Stay(
                onset_s=(onset - start).total_seconds(),
                offset_s=(offset - start).total_seconds(),
                direction=row["direction"],
            )
        )
    return found


def start_of(truth: ClipTruth) -> str:
    stamp = truth.clip.rpartition("_")[2]
    return datetime.strptime(stamp, "%Y%m%dT%H%M%S%z").isoformat()


def test_there_are_enough_sample_passages():
    assert len(TRUTHS) >= 6
    assert sum(len(t.scored) for t in TRUTHS) >= 20
    for truth in TRUTHS:
        assert truth.file.stat().st_size <= 3_000_000


@pytest.mark.parametrize("truth", TRUTHS, ids=IDS)
def test_every_passage_is_right_in_count_direction_and_onset(result, truth):
    score = score_clip(truth, stays(result, truth))
    assert (score.false, score.missed) == ((), ())
    assert score.n_direction_right == score.n_directed == len(truth.scored)
    assert max(score.onset_errors_s, default=0.0) <= MAX_ONSET_ERROR_S


def test_the_clip_over_the_full_hour_gives_rows_of_both_hours(result):
    rows = [r for r in result.hour_rows if r["camera"] == "highway-9"]
    hours = {r["hour_start_utc"]: r["coverage_s"] for r in rows}
    assert len(hours) == 2
    assert sum(hours.values()) == pytest.approx(24.0, abs=0.3)
    truth = next(t for t in TRUTHS if t.camera == "highway-9")
    assert sum(r["n_trucks"] for r in rows) == len(truth.scored)
    assert all(r["n_trucks"] is not None for r in rows)


@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("truth", TRUTHS, ids=IDS)
def test_the_count_does_not_depend_on_how_the_video_is_stored(truth, name, tmp_path):
    clip = transcode(truth.file, tmp_path / truth.file.name, **VARIANTS[name])
    result = count([clip], tmp_path / "store")
    assert directions(result) == true_directions(truth)


@pytest.mark.parametrize("truth", TRUTHS, ids=IDS)
def test_pieces_of_a_clip_count_to_exactly_what_the_clip_does(truth, result, tmp_path):
    start_s = datetime.fromisoformat(start_of(truth)).timestamp()
    pieces = cut_at_key_frames(truth.file, tmp_path / "pieces", start_s)
    assert len(pieces) > 2
    store = tmp_path / "store"
    found = count(pieces[::2], store, camera=truth.camera)
    found = count(pieces, store, camera=truth.camera)
    assert found.exit_code == 0
    whole = [
        (r["onset_utc"], r["direction"])
        for r in result.passage_rows
        if r["camera"] == truth.camera and r["is_counted"]
    ]
    assert counted(found) == sorted(whole)


def test_the_command_of_the_issue_needs_nothing_else(tmp_path: Path):
    command = [sys.executable, "-m", "truckcount", "run", str(SAMPLES)]
    options = ["--cameras", str(CAMERAS), "--json", "--store", str(tmp_path / "store")]
    done = subprocess.run([*command, *options], capture_output=True, check=True)
    answer = json.loads(done.stdout)
    assert answer["totals"]["n_trucks"] == sum(len(t.scored) for t in TRUTHS)
    assert {f["status"] for f in answer["files"]} == {"done"}
    assert {f["start_source"] for f in answer["files"]} == {"filename"}


@pytest.mark.parametrize(
    ("name", "low", "high", "most"),
    [
        ("dc-south", 0.4, 0.7, 5),
        ("port-road", 0.45, 0.75, 5),
        ("dc-north", 0.4, 0.7, 7),
    ],
)
def test_a_flat_gate_does_not_count_long_trucks_by_their_pieces(
    name, low, high, most, tmp_path
):
    """Not exact, but 4, 4 and 5 are no longer 7, 6 and 12."""
    truth = next(t for t in TRUTHS if t.camera == name)
    corners = [[0.1, low], [0.9, low], [0.9, high], [0.1, high]]
    cameras = tmp_path / "cameras.toml"
    cameras.write_text(
        f'[cameras.{name}]\ntimezone = "UTC"\n'
        f'[[cameras.{name}.gates]]\nname = "flat"\npolygon = {corners}\n'
    )
    options = RunOptions(store=tmp_path / "store", cameras=cameras)
    result = run_paths([str(truth.file)], options)
    n = sum(row["is_counted"] for row in result.passage_rows)
    assert len(truth.scored) <= n <= most
