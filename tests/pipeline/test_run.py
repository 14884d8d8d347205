"""The main job on clips whose trucks are known, with a network that sees red."""

import json
import shutil
import sqlite3
from contextlib import closing

import pandas as pd
import pytest

from tests.conftest import write_clip
from tests.pipeline.red_box import write_red_model, write_traffic
from truckcount.errors import ConfigError, StoreError, WeightsError
from truckcount.pipeline import camera_run, fingerprints
from truckcount.pipeline.api import run
from truckcount.pipeline.config import RunOptions
from truckcount.pipeline.run import run_paths
from truckcount.store.check import check_store
from truckcount.store.schema import schema_of
from truckcount.video import Source, fingerprint

pytestmark = pytest.mark.video

BOOKKEEPING = ["known_at_utc", "revision", "is_backfill", "run_id"]
CAMERAS = """
[cameras.gate]
timezone = "America/Chicago"
match = ["gate_*.mp4"]
[[cameras.gate.gates]]
name = "exit"
polygon = [[0.25, 0.2], [0.75, 0.2], [0.75, 0.95], [0.25, 0.95]]
in = [1.0, 0.0]
"""


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Three clips of one camera, the first two touching over an hour's end."""
    folder = tmp_path_factory.mktemp("films")
    write_traffic(folder / "gate_20260302T085952Z.mp4", {1.0: 1, 5.5: 1}, 8)
    write_traffic(folder / "gate_20260302T090000Z.mp4", {-2.5: 1, 4.0: -1}, 9)
    write_traffic(folder / "gate_20260302T113000Z.mp4", {}, 4)
    (folder / "cameras.toml").write_text(CAMERAS)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return write_red_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def count(films, model, tmp_path):
    """Run over the films; keyword arguments are options."""

    def call(*paths, **options):
        chosen = {"store": tmp_path / "store", "cameras": films / "cameras.toml"}
        chosen |= {"model": model} | options
        return run_paths([str(p) for p in paths or (films,)], RunOptions(**chosen))

    return call


def table(store, name):
    frame = pd.read_parquet(store / name)
    return frame.drop(columns=[c for c in BOOKKEEPING if c in frame])


def snapshot(folder):
    """What a store says; not what this machine remembers of the files it read."""
    return {
        p: (p.stat().st_mtime_ns, p.read_bytes())
        for p in folder.rglob("*")
        if p.is_file() and p.suffix != ".lock" and p.name != "fingerprints.sqlite"
    }


def statuses(result):
    return {o.path.rsplit("/", 1)[-1]: o.status for o in result.file_outcomes}


def test_trucks_are_counted_with_direction_and_hour(count, tmp_path):
    result = count()
    assert result.exit_code == 0
    assert result.totals["by_direction"] == {"in": 2, "out": 1}
    assert set(schema_of("hours").names) <= set(result.hour_rows[0])
    hours = pd.read_parquet(tmp_path / "store" / "hours")
    seen = hours.set_index(["hour_start_utc", "direction"])["n_trucks"]
    nine = pd.Timestamp("2026-03-02T09:00Z")
    assert seen[nine - pd.Timedelta(hours=1), "in"] == 2
    assert seen[nine, "out"] == 1
    assert seen[nine, "in"] == seen[nine, "unknown"] == 0
    assert seen[nine + pd.Timedelta(hours=1)].isna().all(), "never watched"
    assert (seen[nine + pd.Timedelta(hours=2)] == 0).all(), "watched, none came"
    assert check_store(tmp_path / "store") == []


def test_a_truck_over_the_cut_between_files_is_one(count, films):
    """The second truck enters in the first file and leaves in the second."""
    result = count()
    (over,) = [r for r in result.passage_rows if r["onset_utc"] > "2026-03-02T08:59:57"
               and r["offset_utc"] < "2026-03-02T09:00:03"]  # fmt: skip
    assert over["onset_utc"] < "2026-03-02T09:00:00" < over["offset_utc"]
    assert not over["onset_censored"]
    assert not over["offset_censored"]
    assert over["file"].endswith("085952Z.mp4")


def test_coverage_of_an_hour_is_what_was_watched_of_it(count, tmp_path):
    count()
    hours = pd.read_parquet(tmp_path / "store" / "hours")
    watched = hours.groupby("hour_start_utc")["coverage_s"].unique()
    assert [w.tolist() for w in watched] == [
        [pytest.approx(8, abs=0.2)],
        [pytest.approx(9, abs=0.2)],
        [0],
        [pytest.approx(4, abs=0.2)],
    ]


def test_the_json_object_has_what_is_promised(count):
    promised = json.loads(json.dumps(count().to_json()))
    assert set(promised) == {
        "version", "model_id", "config_hash", "store", "files", "passages", "hours",
        "totals", "speed",
    }  # fmt: skip
    assert promised["totals"]["files"] == 3
    assert {"path", "camera", "status", "error", "start_utc", "start_source"} <= set(
        promised["files"][0]
    )
    assert promised["model_id"].startswith("red@sha256:")


def test_a_second_run_decodes_nothing_and_touches_no_file(count, tmp_path):
    first = count()
    before = snapshot(tmp_path / "store")
    second = count()
    assert set(statuses(second).values()) == {"reused"}
    assert all(o.seconds_decode is None for o in second.file_outcomes)
    assert snapshot(tmp_path / "store") == before
    assert second.passage_rows == first.passage_rows
    assert second.hour_rows == first.hour_rows
    assert second.speed["x_realtime"] is None


def test_other_sampling_decodes_again(count, tmp_path):
    count()
    assert set(statuses(count(sample_fps=2)).values()) == {"done"}
    assert check_store(tmp_path / "store") == []


def test_the_same_bytes_under_another_name_count_once(count, films, tmp_path):
    copy = tmp_path / "gate_20260302T090000Z.mp4"
    shutil.copy(films / "gate_20260302T090000Z.mp4", copy)
    result = count(films, copy)
    assert sorted(o.status for o in result.file_outcomes) == ["done"] * 3 + [
        "duplicate"
    ]
    assert result.totals["n_trucks"] == 3
    before = snapshot(tmp_path / "store")
    again = count(copy)
    assert statuses(again) == {copy.name: "duplicate"}
    assert again.exit_code == 0
    assert snapshot(tmp_path / "store") == before


def test_one_file_at_a_time_gives_what_all_at_once_give(count, films, tmp_path):
    count(store=tmp_path / "once")
    clips = sorted(films.glob("*.mp4"))
    for clip in (clips[2], clips[0], clips[1]):
        count(clip, store=tmp_path / "each")
    for name in ("passages", "hours"):
        pd.testing.assert_frame_equal(
            table(tmp_path / "each", name), table(tmp_path / "once", name)
        )
    assert check_store(tmp_path / "each") == []


def test_two_processes_give_the_same_tables_as_one(count, tmp_path):
    one = count(store=tmp_path / "one")
    two = count(store=tmp_path / "two", jobs=2)
    for name in ("passages", "hours", "scores"):
        pd.testing.assert_frame_equal(
            table(tmp_path / "two", name), table(tmp_path / "one", name)
        )
    assert two.passage_rows == one.passage_rows
    stamps = [*BOOKKEEPING[:3], "is_final"]
    pd.testing.assert_frame_equal(
        two.hours.drop(columns=stamps), one.hours.drop(columns=stamps)
    )
    assert check_store(tmp_path / "two") == []


def test_segments_say_which_times_they_count_for(count, films, tmp_path):
    late = write_traffic(tmp_path / "gate_20260302T090006Z.mp4", {}, 6)
    count(films / "gate_20260302T090000Z.mp4")
    count(late)
    segments = pd.read_parquet(tmp_path / "store" / "segments").sort_values("start_utc")
    first, second = segments["winner_intervals"]
    nine = pd.Timestamp("2026-03-02T09:00Z")
    assert [(i["start"], i["end"]) for i in first] == [
        (nine, nine + pd.Timedelta(seconds=9))
    ]
    assert [(i["start"], i["end"]) for i in second] == [
        (nine + pd.Timedelta(seconds=9), nine + pd.Timedelta(seconds=12))
    ]
    assert check_store(tmp_path / "store") == []


def write_sound(path):
    import av
    import numpy as np

    with av.open(str(path), "w") as file:
        stream = file.add_stream("aac", rate=8000)
        stream.layout = "mono"
        noise = np.zeros((1, 8000), np.float32)
        frame = av.AudioFrame.from_ndarray(noise, format="fltp", layout="mono")
        frame.sample_rate = 8000
        file.mux(stream.encode(frame))
        file.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def bad_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bad")
    (folder / "gate_20260302T100000Z.mp4").write_bytes(b"")
    (folder / "gate_20260302T100100Z.mp4").write_bytes(b"minutes of a meeting\n" * 99)
    write_sound(folder / "gate_20260302T100200Z.mp4")
    whole = write_clip(folder / "gate_20260302T100300Z.mp4", 50)
    whole.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    return sorted(folder.iterdir())


def test_bad_files_get_a_line_each_and_the_rest_is_counted(
    count, films, bad_files, tmp_path
):
    missing = tmp_path / "gate_20260302T100400Z.mp4"
    result = count(*bad_files, films, missing)
    assert result.exit_code == 3
    failed = [o for o in result.file_outcomes if o.is_failed]
    assert result.totals["n_trucks"] == 3
    assert check_store(tmp_path / "store") == []
    want = ["empty", "corrupt", "corrupt", "corrupt", "missing"]
    by_name = sorted(failed, key=lambda o: o.path.rsplit("/", 1)[-1])
    assert [o.status for o in by_name] == want
    words = ["0 bytes", "not a video", "audio", "not a video", "no such file"]
    for outcome, word in zip(by_name, words, strict=True):
        assert word in outcome.error
        assert outcome.path.rsplit("/", 1)[-1] in outcome.error
        assert "\n" not in outcome.error


def test_what_a_file_is_called_does_not_say_why_it_failed(count, tmp_path):
    named = {"ambiguous_lane.mp4": "no_time", "0 bytes.mp4": "corrupt"}
    write_clip(tmp_path / "ambiguous_lane.mp4", 10)
    (tmp_path / "0 bytes.mp4").write_bytes(b"minutes of a meeting\n" * 99)
    result = count(*(tmp_path / name for name in named), is_strict_time=True)
    found = {o.path.rsplit("/", 1)[-1]: o.status for o in result.file_outcomes}
    assert found == named


def test_bad_files_fail_again_without_a_trace(count, bad_files, films, tmp_path):
    count(*bad_files, films)
    before = snapshot(tmp_path / "store")
    assert count(*bad_files, films).exit_code == 3
    assert snapshot(tmp_path / "store") == before


def test_nothing_usable_is_exit_4(count, bad_files, tmp_path):
    result = count(*bad_files)
    assert result.exit_code == 4
    assert result.totals["n_trucks"] is None, "nothing seen is not zero"
    assert not list((tmp_path / "store").glob("hours/*/*"))
    assert check_store(tmp_path / "store") == []


def test_a_truncated_file_is_used_up_to_its_end(count, model, tmp_path):
    path = write_traffic(tmp_path / "gate_20260302T100000Z.mkv", {0.0: 1}, 12)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * 0.7)])
    result = count(path, cameras=None)
    (outcome,) = result.file_outcomes
    assert outcome.status == "done"
    assert 4 < outcome.duration_s < 11
    assert result.totals["n_trucks"] == 1
    assert result.hour_rows[0]["coverage_s"] == pytest.approx(
        outcome.duration_s, abs=0.3
    )


def test_a_growing_file_is_left_for_the_next_run(count, films, tmp_path):
    new = write_traffic(tmp_path / "gate_20260302T120000Z.mp4", {}, 2)
    result = count(new, settle_s=3600)
    assert statuses(result) == {new.name: "growing"}
    assert result.exit_code == 4
    assert statuses(count(new)) == {new.name: "done"}


def test_guessed_times_can_be_refused(count, tmp_path):
    path = write_traffic(tmp_path / "undated.mp4", {}, 2)
    strict = count(path, cameras=None, is_strict_time=True)
    assert strict.exit_code == 4
    assert "--strict-time" in strict.file_outcomes[0].error
    guessed = count(path, cameras=None)
    assert guessed.file_outcomes[0].time_quality == "guess"


FRACTIONS = "0.25,0.25 0.75,0.25 0.75,0.9375 0.25,0.9375"
PIXELS = "40,24 120,24 120,90 40,90"


def test_a_time_guessed_before_is_refused_when_strict(count, tmp_path):
    path = write_traffic(tmp_path / "somewhere.mp4", {1.0: 1}, 4)
    assert count(path, cameras=None).exit_code == 0
    strict = count(path, cameras=None, is_strict_time=True)
    assert strict.exit_code == 4
    assert "--strict-time" in strict.file_outcomes[0].error
    assert count(path, cameras=None).file_outcomes[0].status == "reused"


@pytest.mark.parametrize("gate", [FRACTIONS, PIXELS], ids=["fractions", "pixels"])
def test_a_gate_on_the_command_line(count, films, gate):
    result = count(films, cameras=None, gate=gate)
    assert result.totals["by_direction"] == {"any": 3}
    assert {r["gate"] for r in result.passage_rows} == {"main"}


def test_pixels_and_fractions_of_one_gate_are_one_configuration(count, films):
    a = count(films, cameras=None, gate=FRACTIONS)
    b = count(films, cameras=None, gate=PIXELS)
    assert a.config_hash == b.config_hash
    assert set(statuses(b).values()) == {"reused"}


def test_pixels_are_measured_against_the_first_good_file(count, films, bad_files):
    result = count(*bad_files, films, cameras=None, gate=PIXELS)
    assert result.exit_code == 3
    assert result.totals["n_trucks"] == 3


def test_samples_too_far_apart_to_follow_a_truck_are_refused(count):
    """All hours were watched wholly, and had no truck."""
    with pytest.raises(ConfigError, match=r"'exit': --sample-fps 0.5 looks every 2 s"):
        count(sample_fps=0.5)


def test_a_camera_for_all_files(count, films):
    result = count(films, cameras=None, camera="dock-7")
    assert {o.camera for o in result.file_outcomes} == {"dock-7"}


def test_two_cameras_that_match_one_file_stop_the_run(count, films, tmp_path):
    book = tmp_path / "two.toml"
    book.write_text('[cameras.a]\nmatch = ["gate_*"]\n[cameras.b]\nmatch = ["*.mp4"]\n')
    with pytest.raises(ConfigError, match=r"gate_\S+\.mp4 matches cameras a and b"):
        count(cameras=book)
    assert not list((tmp_path / "store").glob("hours/*"))


def test_what_makes_all_impossible_raises(count, tmp_path):
    with pytest.raises(WeightsError, match="truckmap"):
        count(model="resnet9000")
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="cannot be made"):
        count(store=tmp_path / "file" / "store")


def test_a_listener_hears_of_every_file(films, bad_files, model, tmp_path):
    heard = []

    class Listener:
        def started(self, n_files):
            heard.append(n_files)

        def advanced(self, path, video_s, length_s):
            assert path
            assert video_s >= 0
            assert length_s is None or length_s > 0

        def finished(self, outcome, n_trucks):
            heard.append((outcome.status, n_trucks))

    options = RunOptions(store=tmp_path / "store", model=model)
    paths = [str(p) for p in (*bad_files[:2], films, tmp_path / "gone.mp4")]
    run_paths(paths, options, Listener())
    assert heard[0] == 6 == len(heard) - 1
    assert heard[-1] == ("done", 3)


def test_the_result_does_not_hang_on_how_often_a_run_publishes(
    count, tmp_path, monkeypatch
):
    at_once = count(store=tmp_path / "at_once")
    monkeypatch.setattr(camera_run, "PUBLISH_EVERY_S", -1.0)  # after every file
    bit_by_bit = count(store=tmp_path / "bit_by_bit")
    assert bit_by_bit.passage_rows == at_once.passage_rows
    assert bit_by_bit.totals == at_once.totals
    seen = [
        [(r["hour_start_utc"], r["direction"], r["n_trucks"]) for r in result.hour_rows]
        for result in (at_once, bit_by_bit)
    ]
    assert seen[0] == seen[1]
    assert None in {n for *_, n in seen[0]}, "an hour between two files"


def test_the_python_call_gives_typed_frames(films, model, tmp_path):
    result = run(films, cameras=films / "cameras.toml", store=tmp_path, model=model)
    assert str(result.hours["n_trucks"].dtype) == "Int32"
    assert result.hours["n_trucks"].isna().any()
    assert str(result.hours["hour_start_utc"].dt.tz) == "UTC"
    assert len(result.passages) == 3
    assert str(result.passages["onset_utc"].dt.tz) == "UTC"


def test_the_shipped_network_runs_the_same_way(films, tmp_path):
    """Its scores are its own affair; the tables are whole."""
    result = run_paths([str(films)], RunOptions(store=tmp_path / "store"))
    assert result.exit_code == 0
    assert result.model_id.startswith("truckmap@sha256:")
    assert [o.samples for o in result.file_outcomes] == [40, 45, 20]
    assert check_store(tmp_path / "store") == []
    scores = pd.read_parquet(tmp_path / "store" / "scores")
    assert len(scores) == 105
    assert scores["score_u8"].between(0, 255).all()


def test_a_corrected_start_moves_the_hours_of_a_file(count, films, tmp_path):
    clip = films / "gate_20260302T085952Z.mp4"
    assert count(clip).totals["n_trucks"] == 2
    moved = count(clip, start="2026-03-05T10:00:00Z")
    assert statuses(moved) == {clip.name: "done"}
    hours = pd.read_parquet(tmp_path / "store" / "hours")
    by_hour = hours.groupby("hour_start_utc")["n_trucks"].sum(min_count=1)
    assert by_hour[pd.Timestamp("2026-03-05T10:00Z")] == 2
    assert pd.isna(by_hour[pd.Timestamp("2026-03-02T08:00Z")]), "no longer watched"
    passages = pd.read_parquet(tmp_path / "store" / "passages")
    assert set(passages["onset_utc"].dt.day) == {5}
    assert check_store(tmp_path / "store") == []
    assert count(clip, start="2026-03-05T10:00:00Z").exit_code == 0


def test_a_start_that_is_yet_to_come_moves_nothing_and_says_so(count, films, caplog):
    clip = films / "gate_20260302T085952Z.mp4"
    count(clip)
    again = count(clip, start="2098-03-05T10:00:00Z")
    assert statuses(again) == {clip.name: "reused"}
    said = "--start 2098-03-05T10:00:00Z is yet to come and moves nothing: it stays"
    assert caplog.text.count(said) == 1


def test_the_same_bytes_at_another_time_are_a_conflict(count, films, tmp_path):
    clip = films / "gate_20260302T085952Z.mp4"
    count(clip)
    before = table(tmp_path / "store", "hours")
    copy = tmp_path / "gate_20260309T085952Z.mp4"
    shutil.copy(clip, copy)
    result = count(copy)
    assert (statuses(result), result.exit_code) == ({copy.name: "conflict"}, 4)
    assert "2026-03-02T08:59:52Z" in result.file_outcomes[0].error
    pd.testing.assert_frame_equal(table(tmp_path / "store", "hours"), before)
    segments = pd.read_parquet(tmp_path / "store" / "segments")
    assert sorted(segments["status"]) == ["conflict", "done"]


FASTER = {"sample_fps": 6}  # other scores: nothing of the first run can be reused
AT_10 = {"start": "2026-03-05T10:00:00Z"}


def trucks_by_hour(store):
    hours = pd.read_parquet(store / "hours")
    seen = hours.groupby("hour_start_utc")["n_trucks"].sum(min_count=1).dropna()
    return {f"{hour:%d %H}": int(n) for hour, n in seen.items()}


@pytest.mark.parametrize("again", [{}, FASTER], ids=["reused", "scored again"])
def test_a_start_corrected_in_a_run_of_other_options_moves_too(
    count, films, tmp_path, again
):
    """The hour that the file left kept its trucks, which were there twice."""
    clip = films / "gate_20260302T085952Z.mp4"
    count(clip)
    count(clip, **AT_10, **again)
    assert trucks_by_hour(tmp_path / "store") == {"05 10": 2}
    assert check_store(tmp_path / "store") == []


def test_a_file_scored_again_stays_where_its_start_was_given(count, films, tmp_path):
    """Not where its file time or its name says: nobody took back what was given."""
    clip = tmp_path / "clip.mp4"
    shutil.copy(films / "gate_20260302T085952Z.mp4", clip)
    count(clip, camera="gate", **AT_10)
    again = count(clip, camera="gate", **FASTER)
    assert statuses(again) == {clip.name: "done"}
    assert trucks_by_hour(tmp_path / "store") == {"05 10": 2}
    assert check_store(tmp_path / "store") == []


def test_a_copy_at_another_time_is_a_conflict_whatever_the_options(
    count, films, tmp_path
):
    clip = films / "gate_20260302T085952Z.mp4"
    count(clip)
    copy = tmp_path / "gate_20260309T085952Z.mp4"
    shutil.copy(clip, copy)
    assert statuses(count(copy, **FASTER)) == {copy.name: "conflict"}
    assert trucks_by_hour(tmp_path / "store") == {"02 08": 2}
    assert check_store(tmp_path / "store") == []


def test_a_copy_scored_again_is_the_segment_that_it_was(count, films, tmp_path):
    clip = films / "gate_20260302T085952Z.mp4"
    count(clip)
    copy = tmp_path / "archive" / clip.name
    copy.parent.mkdir()
    shutil.copy(clip, copy)
    assert statuses(count(copy, **FASTER)) == {clip.name: "done"}
    segments = pd.read_parquet(tmp_path / "store" / "segments").set_index("path")
    assert segments["status"].to_dict() == {str(clip): "done", str(copy): "duplicate"}
    assert check_store(tmp_path / "store") == []


def test_what_cannot_be_scored_again_stays_counted(count, films, tmp_path):
    clip = films / "gate_20260302T085952Z.mp4"
    count(clip)
    assert count(clip, max_pixels=100, **FASTER).exit_code == 4
    (segment,) = pd.read_parquet(tmp_path / "store" / "segments").itertuples()
    assert segment.status == "done"
    count(films / "gate_20260302T090000Z.mp4")  # counts the hour before it again
    assert trucks_by_hour(tmp_path / "store") == {"02 08": 2, "02 09": 1}


@pytest.mark.parametrize("is_renamed", [True, False], ids=["name", "option"])
def test_a_guessed_time_gives_way_to_one_that_is_known(
    count, films, tmp_path, monkeypatch, is_renamed
):
    """By its other name, or from another folder, it was in conflict with itself."""
    shutil.copy(films / "gate_20260302T085952Z.mp4", tmp_path / "clip.mp4")
    monkeypatch.chdir(tmp_path)
    count("clip.mp4", camera="gate")
    clip, told = tmp_path / "clip.mp4", AT_10
    if is_renamed:
        clip, told = clip.rename(tmp_path / "gate_20260305T100000Z.mp4"), {}
    assert statuses(count(clip, camera="gate", **told)) == {clip.name: "done"}
    assert trucks_by_hour(tmp_path / "store") == {"05 10": 2}
    again = count(clip, camera="gate", **told)
    assert statuses(again) == {clip.name: "duplicate"}
    assert check_store(tmp_path / "store") == []


def test_a_file_called_by_another_path_is_in_no_conflict_with_itself(
    count, films, tmp_path, monkeypatch
):
    shutil.copy(films / "gate_20260302T085952Z.mp4", tmp_path)
    monkeypatch.chdir(tmp_path)
    count("gate_20260302T085952Z.mp4")
    clip = tmp_path / "gate_20260302T085952Z.mp4"
    assert statuses(count(clip, **AT_10)) == {clip.name: "done"}
    assert trucks_by_hour(tmp_path / "store") == {"05 10": 2}
    assert check_store(tmp_path / "store") == []


def test_a_copy_whose_time_is_only_guessed_is_no_conflict(count, films, tmp_path):
    clip = films / "gate_20260302T085952Z.mp4"
    count(clip, camera="gate")
    copy = tmp_path / "copy.mp4"
    shutil.copy(clip, copy)
    assert statuses(count(copy, camera="gate")) == {copy.name: "duplicate"}


def test_rehash_finds_a_file_that_changed_and_does_not_show_it(
    tmp_path, count, monkeypatch
):
    """Its marks are made to be those of the file before, as no disk should do."""
    monkeypatch.setattr(fingerprints, "RACY_S", -60.0)  # as if written a minute ago
    film = tmp_path / "gate_20260302T085952Z.mp4"
    write_traffic(film, {1.0: 1}, 8)
    (first,) = count(film).file_outcomes
    write_traffic(film, {1.0: 1, 5.5: 1}, 8)
    source = Source(path=str(film))
    place = tmp_path / "store" / fingerprints.FILE
    with closing(sqlite3.connect(place)) as kept, kept:
        marks = (fingerprints._mark_of(source)[1], first.segment_id)
        kept.execute("UPDATE file SET mark = ?, digest = ?", marks)
    (taken,) = count(film).file_outcomes
    assert (taken.segment_id, taken.status) == (first.segment_id, "reused")
    (read,) = count(film, is_rehash=True).file_outcomes
    assert (read.segment_id, read.status) == (fingerprint(source), "done")
    assert read.segment_id != first.segment_id
