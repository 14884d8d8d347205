"""`truckcount run`: what it prints where, and with what exit code it ends."""

import json
from concurrent.futures import ProcessPoolExecutor

import cv2
import numpy as np
import pytest

from tests.conftest import write_clip
from tests.pipeline.red_box import write_traffic
from truckcount.pipeline import executors
from truckcount.presence.devices import count_cores

FILE_KEYS = {
    "path",
    "camera",
    "status",
    "error",
    "start_utc",
    "start_source",
    "duration_s",
    "samples",
    "bad_packets",
    "passages",
    "seconds_decode",
}
PASSAGE_KEYS = {
    "camera",
    "gate",
    "path",
    "onset_utc",
    "offset_utc",
    "direction",
    "is_counted",
    "drop_reason",
    "onset_censored",
    "score_peak",
}
TOP_KEYS = {
    "version",
    "model_id",
    "config_hash",
    "store",
    "files",
    "passages",
    "hours",
    "totals",
    "speed",
}
HOUR_KEYS = {
    "camera",
    "gate",
    "direction",
    "hour_start_utc",
    "bin_minutes",
    "n_trucks",
    "onsets",
    "n_censored",
    "coverage_s",
    "unusable_s",
    "max_gap_s",
    "busy_s",
    "n_samples",
    "occupancy_mean",
    "n_trucks_est",
    "n_trucks_se",
    "n_trucks_se_indep",
}


def counts(value):
    return {
        (h["hour_start_utc"], h["direction"]): h["n_trucks"] for h in value["hours"]
    }


def test_json_is_one_object_with_everything_a_program_asks_for(truckcount, scene):
    said = truckcount("run", *scene.clips, *scene.options(), "--json")
    assert said.code == 0
    assert said.err == ""
    value = said.json
    assert set(value) >= TOP_KEYS
    assert len(value["files"]) == 2
    for key, rows in (
        (FILE_KEYS, value["files"]),
        (PASSAGE_KEYS, value["passages"]),
        (HOUR_KEYS, value["hours"]),
    ):
        assert rows
        assert all(set(row) >= key for row in rows)
    assert set(value["speed"]) >= {"x_realtime", "cpu_s_per_video_s"}
    assert value["totals"]["n_trucks"] == 3
    assert value["totals"]["by_direction"] == {"in": 2, "out": 1}
    assert [(f["status"], f["passages"]) for f in value["files"]] == [
        ("done", 2),
        ("done", 1),
    ]
    first = value["files"][0]
    assert first["start_utc"] == "2026-03-02T08:00:00Z"
    assert first["start_source"] == "filename"
    assert first["duration_s"] == pytest.approx(11, abs=0.2)
    assert [p["direction"] for p in value["passages"] if p["is_counted"]] == [
        "in",
        "out",
        "in",
    ]


def test_hours_in_the_json_are_rows_of_the_hours_table(truckcount, scene):
    from truckcount.store.schema import schema_of

    value = truckcount("run", *scene.clips, *scene.options(), "--json").json
    assert set(value["hours"][0]) <= set(schema_of("hours").names)
    found = counts(value)
    assert found["2026-03-02T08:00:00Z", "in"] == 1
    assert found["2026-03-02T08:00:00Z", "out"] == 1
    assert found["2026-03-02T08:00:00Z", "unknown"] == 0
    assert found["2026-03-02T11:00:00Z", "in"] == 1
    assert found.get(("2026-03-02T09:00:00Z", "in")) is None, "unseen is not 0"


def test_a_table_goes_to_stdout_and_the_summary_to_stderr(truckcount, scene):
    said = truckcount("run", scene.clips[0], *scene.options())
    assert said.code == 0
    header, row = said.out.splitlines()
    assert header.split()[:4] == ["camera", "gate", "hour_utc", "trucks"]
    assert row.split()[:7] == ["dock", "main", "2026-03-02T08:00Z", "2", "1", "1", "0"]
    assert "2 trucks (in 1, out 1) in 1 of 1 files, 11 s of video" in said.err
    assert "store/hours" in said.err


def test_more_jobs_than_cores_are_told_and_not_started(truckcount, scene, monkeypatch):
    pools = []

    class Pool(ProcessPoolExecutor):
        def __init__(self, jobs, **options):
            pools.append(jobs)
            super().__init__(jobs, **options)

    monkeypatch.setattr(executors, "ProcessPoolExecutor", Pool)
    options = ["--device", "cpu", *scene.options()]
    said = truckcount("run", *scene.clips, "--jobs", "999", *options)
    n = count_cores()
    assert said.code == 0
    assert f"--jobs 999: {n} files at a time, one a core of this machine" in said.err
    assert pools == [n]
    again = truckcount("run", *scene.clips, "--jobs", "999", "--quiet", *options)
    assert again.err == "", "cron would mail it each time"
    assert "files at a time" not in truckcount("run", *scene.clips, *options).err


def test_quiet_says_nothing(truckcount, scene):
    said = truckcount("run", scene.clips[0], *scene.options(), "--quiet")
    assert (said.code, said.out, said.err) == (0, "", "")


def test_quiet_still_names_what_failed(truckcount, scene, tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"no video at all")
    said = truckcount("run", scene.clips[0], "bad.mp4", *scene.options(), "--quiet")
    assert (said.code, said.out) == (3, "")
    assert said.err.startswith("truckcount: bad.mp4: ")


def test_running_again_decodes_nothing_and_says_so(truckcount, scene):
    first = truckcount("run", *scene.clips, *scene.options(), "--json").json
    again = truckcount("run", *scene.clips, *scene.options(), "--json").json
    assert [f["status"] for f in again["files"]] == ["reused", "reused"]
    assert counts(again) == counts(first)
    assert again["passages"] == first["passages"]
    assert again["speed"]["x_realtime"] is None
    said = truckcount("run", *scene.clips, *scene.options())
    assert "nothing new to decode" in said.err


def test_a_gate_may_be_drawn_on_the_command_line(truckcount, scene):
    gate = "0.25,0.1 0.75,0.1 0.75,0.95 0.25,0.95"
    arguments = ["run", scene.clips[0], "--gate", gate, "--model", scene.model]
    value = truckcount(*arguments, "--json").json
    assert {(h["gate"], h["direction"], h["n_trucks"]) for h in value["hours"]} == {
        ("main", "any", 2)
    }


def test_bins_are_as_short_as_asked(truckcount, scene):
    arguments = ["run", scene.clips[0], *scene.options(), "--bins", 15]
    value = truckcount(*arguments, "--json").json
    seen = [h for h in value["hours"] if h["n_trucks"] is not None]
    assert {h["bin_minutes"] for h in value["hours"]} == {15}
    assert {h["hour_start_utc"] for h in seen} == {"2026-03-02T08:00:00Z"}
    assert sum(h["n_trucks"] for h in seen) == 2


def test_a_start_may_be_given(truckcount, scene):
    start = ["--start", "2026-05-01T00:00:00+02:00"]
    arguments = ["run", scene.clips[0], *scene.options(), *start]
    (file,) = truckcount(*arguments, "--json").json["files"]
    assert (file["start_utc"], file["start_source"]) == (
        "2026-04-30T22:00:00Z",
        "option",
    )


WRONG = {
    "--bins": ("7", "--bins 7 is not one of 5, 15, 30, 60"),
    "--speed": ("warp", "--speed 'warp' is not one of exact"),
    "--backend": ("vlc", "--backend 'vlc' is not one of av, opencv"),
    "--device": ("tpu", "--device 'tpu' is not one of auto, cpu, cuda"),
    "--sample-fps": ("0", "--sample-fps 0.0 is out of range"),
    "--jobs": ("0", "--jobs 0 must be at least 1"),
    "--settle": ("nan", "--settle nan must be seconds, 0 or more"),
    "--model": ("resnet", "no model 'resnet' is shipped; choose one of"),
    "--start": ("noon", "'noon' is no ISO-8601 time like"),
    "--cameras": ("gone.toml", "gone.toml does not exist"),
    "--gate": ("0,0 1,1", "3 corners"),
}


@pytest.mark.parametrize("option", WRONG)
def test_a_value_that_cannot_be_used_is_a_usage_error(truckcount, scene, option):
    value, says = WRONG[option]
    said = truckcount("run", scene.clips[0], option, value)
    assert said.code == 2
    assert says in said.err
    assert said.out == ""


def test_nan_is_no_rate(truckcount, scene):
    assert truckcount("run", scene.clips[0], "--sample-fps", "nan").code == 2


def test_gate_and_cameras_exclude_one_another(truckcount, scene):
    gate = "0,0 1,0 1,1"
    said = truckcount("run", scene.clips[0], "--cameras", scene.cameras, "--gate", gate)
    assert said.code == 2
    assert "--gate and --cameras exclude one another" in said.err


def test_a_camera_that_the_file_does_not_have_is_refused(truckcount, scene):
    said = truckcount("run", scene.clips[0], *scene.options(), "--camera", "dokc")
    assert said.code == 2
    assert "did you mean 'dock'" in said.err


BAD = {
    "no file": None,
    "zero bytes": b"",
    "no video": b"this is a text, not a video " * 50,
}


@pytest.mark.parametrize("name", BAD)
def test_nothing_usable_is_4_and_one_bad_file_among_good_is_3(
    truckcount, scene, tmp_path, name
):
    if BAD[name] is not None:
        (tmp_path / "bad.mp4").write_bytes(BAD[name])
    alone = truckcount("run", "bad.mp4", *scene.options())
    assert alone.code == 4
    assert "bad.mp4" in alone.err
    said = truckcount("run", "bad.mp4", scene.clips[0], *scene.options(), "--json")
    assert said.code == 3
    status = {f["path"]: f["status"] for f in said.json["files"]}
    assert status[scene.clips[0]] == "done"
    assert status["bad.mp4"] not in {"done", "reused"}
    assert said.json["totals"]["n_trucks"] == 2
    assert said.json["totals"]["files_failed"] == 1


def test_a_file_that_may_still_grow_waits(truckcount, scene, tmp_path):
    clip = write_traffic(tmp_path / "dock_20260302T120000Z.mp4", {}, 1)
    said = truckcount("run", clip, *scene.options(), "--settle", 600, "--json")
    assert said.code == 4
    assert said.json["files"][0]["status"] == "growing"


def test_a_guessed_time_is_warned_of_and_refused_when_strict(
    truckcount, scene, tmp_path
):
    clip = write_clip(tmp_path / "plain.mp4", 25)
    said = truckcount("run", clip, "--model", scene.model)
    assert said.code == 0
    assert "start time guessed" in said.err
    strict = truckcount(
        "run", clip, "--model", scene.model, "--strict-time", "--store", "other"
    )
    assert strict.code == 4
    assert "--strict-time refuses" in strict.err


@pytest.mark.parametrize(
    ("meta", "says"),
    [("half a js", "is damaged"), ('{"schema_version": 999}', "upgrade truckcount")],
    ids=["damaged", "newer"],
)
def test_a_store_that_cannot_be_used_is_5(truckcount, scene, tmp_path, meta, says):
    (tmp_path / "store" / "_meta").mkdir(parents=True)
    (tmp_path / "store" / "_meta" / "store.json").write_text(meta)
    said = truckcount("run", scene.clips[0], *scene.options())
    assert said.code == 5
    assert says in said.err


def test_a_store_that_cannot_be_made_is_5(truckcount, scene, tmp_path):
    (tmp_path / "taken").write_text("a file")
    said = truckcount("run", scene.clips[0], *scene.options(), "--store", "taken/store")
    assert said.code == 5
    assert "cannot be made" in said.err


def test_passwords_of_cameras_are_shown_nowhere(truckcount, scene, tmp_path):
    url = "http://admin:hunter2@127.0.0.1:1/cam7"
    for more in ([], ["--json"]):
        said = truckcount("run", url, "--model", scene.model, *more)
        assert said.code == 4
        assert "hunter2" not in said.out + said.err
        assert "***@127.0.0.1:1/cam7" in said.out + said.err
    kept = [p for p in (tmp_path / "store").rglob("*") if p.is_file()]
    assert all(b"hunter2" not in p.read_bytes() for p in kept)


def test_logs_may_be_json(truckcount, scene, tmp_path):
    (tmp_path / "bad.mp4").write_bytes(b"")
    said = truckcount("--log-json", "run", "bad.mp4", *scene.options(), "--quiet")
    (line,) = said.err.splitlines()
    assert json.loads(line)["level"] == "WARNING"
    assert "bad.mp4" in json.loads(line)["message"]


def test_rehash_and_new_exclude_one_another(truckcount, tmp_path):
    said = truckcount("run", tmp_path, "--new", "--rehash")
    assert said.code == 2
    assert "--new leaves alone" in said.err


@pytest.mark.parametrize(
    ("arguments", "code", "level", "says"),
    [
        (("run", "CLIP"), 0, "INFO", "1 trucks"),
        (("run", "bad.mp4"), 4, "WARNING", "bad.mp4"),
        (("run", "gone.mp4"), 4, "WARNING", "no such file"),
        (("run", "CLIP", "--bins", "7"), 2, "ERROR", "--bins 7"),
        (("run", "CLIP", "--colour"), 2, "ERROR", "No such option"),
        (("run", "CLIP", "--new", "--rehash"), 2, "ERROR", "--new leaves alone"),
        (("watch", ".", "--cameras", "gone.toml"), 2, "ERROR", "does not exist"),
        (("status", "nowhere"), 5, "ERROR", "nowhere"),
        (("status",), 2, "ERROR", "Missing argument"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_with_json_logs_every_line_on_stderr_is_an_object(
    truckcount, scene, tmp_path, arguments, code, level, says
):
    (tmp_path / "bad.mp4").write_bytes(b"no video at all")
    words = [scene.clips[1] if word == "CLIP" else word for word in arguments]
    options = scene.options() if words[0] == "run" else []
    said = truckcount("--log-json", *words, *options)
    assert said.code == code
    lines = [json.loads(line) for line in said.err.splitlines()]
    assert all(set(line) >= {"time", "level", "message"} for line in lines)
    assert any(x["level"] == level and says in x["message"] for x in lines), lines
    plain = truckcount("run", "gone.mp4")
    assert plain.err.startswith("truckcount: "), "asked for each time"


def test_one_start_for_two_files_of_a_camera_is_refused(truckcount, scene, tmp_path):
    start = ["--start", "2026-05-01T00:00:00+02:00"]
    said = truckcount("run", *scene.clips, *scene.options(), *start)
    assert said.code == 2
    for name in scene.clips:
        assert name in said.err
    assert "each with its own --start" in said.err
    assert not (tmp_path / "store").exists(), "nothing is counted"
    said = truckcount("run", scene.folder, *scene.options(), *start, "--new")
    assert said.code == 2
    assert "each with its own --start" in said.err


def test_one_start_for_two_cameras_dates_both(truckcount, scene, tmp_path):
    for name in ("east", "west"):
        write_traffic(tmp_path / f"{name}.mp4", {1.0: 1 if name == "east" else -1}, 6)
    start = ["--start", "2026-05-01T00:00:00+02:00"]
    said = truckcount(
        "run", "east.mp4", "west.mp4", "--model", scene.model, *start, "--json"
    )
    assert said.code == 0, said.err
    assert {f["start_utc"] for f in said.json["files"]} == {"2026-04-30T22:00:00Z"}
    assert {f["camera"] for f in said.json["files"]} == {"east", "west"}


@pytest.mark.parametrize("options", [[], ["--new"], ["--cameras", "CAMERAS"]])
def test_a_slip_in_a_name_makes_no_store(truckcount, scene, tmp_path, options):
    options = [scene.cameras if o == "CAMERAS" else o for o in options]
    said = truckcount("run", "typo.mp4", "--model", scene.model, *options)
    assert said.code == 4
    assert "typo.mp4" in said.err
    assert "hours in" not in said.err, "there are none"
    assert list(tmp_path.iterdir()) == []


def test_local_times_read_as_utc_are_told_once_a_camera(truckcount, scene, tmp_path):
    for hour in (8, 9):
        write_traffic(tmp_path / f"dock_20260302T{hour:02d}0000.mp4", {1.0: 1}, 4)
    arguments = ["run", *sorted(tmp_path.glob("*.mp4")), "--model", scene.model]
    said = truckcount(*arguments)
    assert said.err.count("camera 'dock' has no `timezone`") == 1
    again = truckcount(*arguments, "--json")
    assert again.err.count("camera 'dock' has no `timezone`") == 1
    for file in again.json["files"]:
        assert file["status"] == "reused"
        assert "camera 'dock' has no `timezone`" in " ".join(file["warnings"])
    assert truckcount(*arguments, "--quiet").err == ""
    zoned = truckcount(*arguments, "--cameras", scene.cameras, "--store", "b", "--json")
    assert zoned.err == "", "Europe/Berlin is what they are read in"
    assert [file["warnings"] for file in zoned.json["files"]] == [[], []]


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("dock_20260302T080000Z.mp4", []),
        ("dock_20260302T080000.mp4", ["--start", "2026-03-02T08:00:00-06:00"]),
    ],
)
def test_a_time_with_its_offset_needs_no_zone(truckcount, scene, tmp_path, name, start):
    write_traffic(tmp_path / name, {1.0: 1}, 4)
    said = truckcount("run", name, "--model", scene.model, *start)
    assert said.code == 0
    assert "timezone" not in said.err


def test_a_glob_of_stills_is_counted_as_their_folder(truckcount, scene, tmp_path):
    folder = tmp_path / "yard"
    folder.mkdir()
    for minute in range(4):
        name = folder / f"yard_20260302T08{minute:02d}00Z.png"
        cv2.imwrite(str(name), np.full((96, 160, 3), 90 + minute, np.uint8))
    pictures = sorted(map(str, folder.iterdir()))
    outcomes = []
    for k, paths in enumerate((["yard"], ["yard/*.png"], pictures)):
        arguments = ["--model", scene.model, "--store", f"s{k}", "--json"]
        said = truckcount("run", *paths, *arguments)
        assert said.code == 0, said.err
        (file,) = said.json["files"]
        outcomes.append((file["camera"], file["samples"], file["start_utc"]))
    assert outcomes == [("yard", 4, "2026-03-02T08:00:00Z")] * 3
    said = truckcount("run", "yard", "--model", scene.model, "--store", "s0")
    assert "`est` needs dwell_mean_s" in said.err


@pytest.mark.parametrize(
    ("option", "values", "why"),
    [
        ("--gate", ("0,0 0.5,0 0.5,1", "0.5,0 1,0 1,1"), "written into cameras.toml"),
        ("--camera", ("east", "west"), "give one"),
        ("--start", ("2026-03-02T08:00:00Z", "2026-03-02T09:00:00Z"), "give one"),
    ],
)
def test_an_option_given_twice_is_refused(truckcount, scene, option, values, why):
    twice = [text for value in values for text in (option, value)]
    said = truckcount("run", scene.clips[0], "--model", scene.model, *twice)
    assert said.code == 2
    assert f"'{option}': given 2 times" in said.err
    assert why in said.err


def test_a_camera_that_the_file_does_not_have_is_told_of(truckcount, scene, tmp_path):
    write_traffic(tmp_path / "dokc_20260302T080000Z.mp4", {1.0: 1}, 4)
    files = [tmp_path / "dokc_20260302T080000Z.mp4", scene.clips[1]]
    said = truckcount("run", *files, *scene.options(), "--json")
    assert said.code == 0
    assert said.err.count("camera 'dokc' has no gates") == 1
    slip, right = said.json["files"]
    assert "camera 'dokc' has no gates" in slip["warnings"][0]
    assert right["warnings"] == []


def test_a_file_that_lies_under_another_is_told_of(truckcount, scene, tmp_path):
    for name in ("east", "west"):
        write_traffic(tmp_path / f"{name}_20260302T080000Z.mp4", {1.0: 1}, 6)
    # touching files, of which the second begins a second early, as recorders do
    write_traffic(tmp_path / "east_20260302T080005Z.mp4", {}, 6)
    arguments = ["--model", scene.model, "--camera", "yard"]
    said = truckcount("run", tmp_path, *arguments, "--json")
    told = {
        file["path"].rpartition("/")[2]: " ".join(file["warnings"])
        for file in said.json["files"]
    }
    (lost,) = [name for name, text in told.items() if text]
    assert lost.endswith("_20260302T080000Z.mp4"), "east or west: they begin together"
    assert "6 of its 6 s are not counted" in told[lost]
    again = truckcount("run", tmp_path, *arguments)
    assert again.err.count("6 of its 6 s are not counted") == 1, "of known files, too"


@pytest.mark.parametrize("more", [[], ["--if-free"]])
def test_a_store_that_cannot_be_written_is_one_line(truckcount, scene, tmp_path, more):
    arguments = ["run", scene.clips[0], *scene.options(), *more]
    assert truckcount(*arguments).code == 0
    for path in (tmp_path / "store" / ".locks").iterdir():
        path.unlink()
    (tmp_path / "store" / ".locks").rmdir()
    (tmp_path / "store" / ".locks").write_text("no folder")  # root may write anywhere
    said = truckcount(*arguments)
    assert said.code == 5
    assert "store store cannot be written" in said.err
    assert "Traceback" not in said.err
    assert len(said.err.splitlines()) == 1


def test_what_many_cameras_lack_is_one_line(truckcount, scene, tmp_path):
    for name in ("a", "b", "c"):
        write_traffic(tmp_path / f"{name}_20260302T080000.mp4", {}, 2)
    said = truckcount("run", tmp_path, "--model", scene.model)
    told = [line for line in said.err.splitlines() if "has no `timezone`" in line]
    assert len(told) == 1
    assert told[0].startswith("camera 'a' (and 2 more) has no")
