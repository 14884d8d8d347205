"""`truckcount hours`: unseen is never zero, local hours are never mixed up."""

import csv
import io
import re
from datetime import UTC, datetime

import pytest

from tests.cli.conftest import Said
from truckcount.cli.run import hour_table
from truckcount.store.schema import schema_of


@pytest.fixture
def store(truckcount, scene, tmp_path):
    assert truckcount("run", *scene.clips, *scene.options(), "--quiet").code == 0
    return tmp_path / "store"


def cells(said: Said):
    return [line.split() for line in said.out.splitlines()]


def test_one_line_an_hour_with_a_dash_where_nobody_watched(truckcount, store):
    said = truckcount("hours", store)
    assert said.code == 0
    assert said.err == ""
    header, *rows = cells(said)
    assert header[:7] == [
        "camera",
        "gate",
        "hour_utc",
        "trucks",
        "in",
        "out",
        "unknown",
    ]
    assert [row[2:7] for row in rows] == [
        ["2026-03-02T08:00Z", "2", "1", "1", "0"],
        ["2026-03-02T09:00Z", "-", "-", "-", "-"],
        ["2026-03-02T10:00Z", "-", "-", "-", "-"],
        ["2026-03-02T11:00Z", "1", "1", "0", "0"],
    ]
    assert [row[7] for row in rows] == ["11", "0", "0", "6"]


def test_local_hours_carry_their_offset(truckcount, store):
    header, *rows = cells(truckcount("hours", store, "--local"))
    assert header[2] == "hour_local"
    assert [row[2] for row in rows] == [
        f"2026-03-02T{h:02d}:00+01:00" for h in (9, 10, 11, 12)
    ]


def test_the_repeated_hour_of_autumn_stays_two_hours():
    rows = [
        {
            "camera": "a",
            "gate": "g",
            "direction": "any",
            "hour_start_utc": datetime(2026, 10, 25, hour, tzinfo=UTC),
            "local_start": datetime(2026, 10, 25, 2),  # noqa: DTZ001 - wall clock
            "utc_offset_min": offset_min,
            "n_trucks": n,
            "n_trucks_est": None,
            "coverage_s": 3600.0,
            "unusable_s": 0.0,
        }
        for hour, offset_min, n in ((0, 120, 3), (1, 60, 4))
    ]
    table = [line.split() for line in hour_table(rows, is_local=True).splitlines()]
    assert [row[2:4] for row in table[1:]] == [
        ["2026-10-25T02:00+02:00", "3"],
        ["2026-10-25T02:00+01:00", "4"],
    ]


def test_offsets_west_and_of_half_hours_are_spelled_right():
    row = {
        "camera": "a",
        "gate": "g",
        "direction": "any",
        "hour_start_utc": datetime(2026, 7, 1, 12, tzinfo=UTC),
        "local_start": datetime(2026, 7, 1, 9, 30),  # noqa: DTZ001 - wall clock
        "utc_offset_min": -150,
        "n_trucks": 0,
        "n_trucks_est": None,
        "coverage_s": 1.0,
        "unusable_s": 0.0,
    }
    assert "2026-07-01T09:30-02:30" in hour_table([row], is_local=True)


def test_csv_has_every_column_and_nothing_where_nobody_watched(truckcount, store):
    said = truckcount("hours", store, "--csv")
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert list(rows[0]) == schema_of("hours").names
    assert len(rows) == 12  # four hours, three directions each
    counts = {(r["hour_start_utc"], r["direction"]): r["n_trucks"] for r in rows}
    assert counts["2026-03-02T08:00:00Z", "in"] == "1"
    assert counts["2026-03-02T08:00:00Z", "unknown"] == "0"
    assert counts["2026-03-02T09:00:00Z", "in"] == ""


def test_json_is_a_list_of_rows_with_null_where_nobody_watched(truckcount, store):
    rows = truckcount("hours", store, "--json").json
    assert list(rows[0]) == schema_of("hours").names
    counts = {(r["hour_start_utc"][:13], r["direction"]): r["n_trucks"] for r in rows}
    assert counts["2026-03-02T08", "out"] == 1
    assert counts["2026-03-02T11", "unknown"] == 0
    assert counts["2026-03-02T10", "out"] is None


def test_a_stretch_of_time_is_from_inclusive_to_exclusive(truckcount, store):
    said = truckcount(
        "hours", store, "--from", "2026-03-02T09:00Z", "--to", "2026-03-02T11:00Z"
    )
    assert [row[2] for row in cells(said)[1:]] == [
        "2026-03-02T09:00Z",
        "2026-03-02T10:00Z",
    ]
    local = truckcount("hours", store, "--from", "2026-03-02T12:00+01:00")
    assert [row[2] for row in cells(local)[1:]] == ["2026-03-02T11:00Z"]


def test_one_camera_of_several(truckcount, scene, store):
    other = ["--camera", "yard", "--model", scene.model]
    assert truckcount("run", scene.clips[1], *other, "--quiet").code == 0
    both = {row[0] for row in cells(truckcount("hours", store))[1:]}
    assert both == {"dock", "yard"}
    only = cells(truckcount("hours", store, "--camera", "yard"))
    assert [row[:4] for row in only[1:]] == [
        ["yard", "frame", "2026-03-02T11:00Z", "1"]
    ]


def test_an_unknown_camera_is_told_with_those_that_are_there(truckcount, store):
    said = truckcount("hours", store, "--camera", "dokc")
    assert said.code == 2
    assert "no camera 'dokc'" in said.err
    assert "it has: dock; did you mean 'dock'?" in said.err


def test_as_of_shows_what_was_known_then(truckcount, store):
    assert (
        truckcount("hours", store, "--as-of", "2026-03-02T08:30Z").out == "no hours\n"
    )
    now = truckcount("hours", store, "--json").json
    known = max(row["known_at_utc"] for row in now)
    assert truckcount("hours", store, "--as-of", known, "--json").json == now
    dock = truckcount("hours", store, "--as-of", known, "--camera", "dock", "--csv")
    assert dock.out == truckcount("hours", store, "--csv").out
    late = truckcount("hours", store, "--as-of", known, "--from", "2026-03-02T09:00")
    assert cells(late)[1][2] == "2026-03-02T09:00Z"


def test_as_of_must_say_which_moment_it_is(truckcount, store):
    said = truckcount("hours", store, "--as-of", "2026-03-02T08:30")
    assert said.code == 2
    assert "has no zone" in said.err


@pytest.mark.parametrize(
    ("given", "advised"),
    [
        ("2026-03-03", ["2026-03-03T00:00Z", "2026-03-03T00:00-06:00"]),
        ("2026-03-03T08:30", ["2026-03-03T08:30Z", "2026-03-03T08:30-06:00"]),
        ("2026-03-03 08:30:15", ["2026-03-03T08:30:15Z", "2026-03-03T08:30:15-06:00"]),
    ],
)
def test_what_is_advised_for_a_zone_is_accepted(truckcount, store, given, advised):
    said = truckcount("hours", store, "--as-of", given)
    words = " ".join(said.err.replace("\u2502", " ").split())
    told = re.search(r"write (\S+) for UTC, or (\S+)", words)
    assert list(told.groups()) == advised
    for moment in told.groups():
        assert truckcount("hours", store, "--as-of", moment).code == 0


def test_no_hour_in_the_stretch_says_so(truckcount, store):
    said = truckcount("hours", store, "--from", "2030-01-01")
    assert (said.code, said.out) == (0, "no hours\n")
    assert truckcount("hours", store, "--from", "2030-01-01", "--json").json == []


@pytest.mark.parametrize("option", ["--from", "--to"])
def test_a_time_that_is_none_is_a_usage_error(truckcount, store, option):
    said = truckcount("hours", store, option, "yesterday")
    assert said.code == 2
    assert "'yesterday' is no ISO-8601 time" in said.err


@pytest.mark.parametrize(
    "command",
    [["hours"], ["export", "csv", "-o", "x.csv"], ["recount", "--dry-run"]],
    ids=lambda words: words[0],
)
@pytest.mark.parametrize("day", ["2026-03-01", "2026-03-02"])
def test_a_stretch_that_holds_no_time_is_a_usage_error(truckcount, store, command, day):
    name, *more = command
    sub = [more.pop(0)] if name == "export" else []
    window = ["--from", "2026-03-02", "--to", day]
    said = truckcount(name, *sub, store, *more, *window)
    assert said.code == 2
    assert f"'{day}' is not after --from '2026-03-02'" in said.err


@pytest.mark.parametrize(
    "command", [["hours"], ["export", "csv"]], ids=lambda words: words[0]
)
def test_where_the_hours_are_is_told_to_whom_none_was_found_for(
    truckcount, store, command
):
    more = [] if command == ["hours"] else ["-o", "x.csv"]
    said = truckcount(*command, store, "--from", "2036-03-02", *more)
    assert said.code == 0
    assert said.err.splitlines()[-1] == "the hours of the store lie in 2026-03 (UTC)"
    early = truckcount(*command, store, "--as-of", "2026-03-02T12:00Z", *more)
    assert "none that was asked for was known at 2026-03-02T12:00Z" in early.err
    assert truckcount("hours", store, "--from", "2036-03-02", "--json").json == []


def test_a_folder_that_is_no_store_is_told(truckcount, tmp_path):
    said = truckcount("hours", tmp_path)
    assert said.code == 5
    assert "is no store" in said.err
    assert not list(tmp_path.iterdir()), "looking makes no store"
