"""Hours as of a moment: what is known later changes nothing."""

import logging
from datetime import datetime, timedelta

import fsspec
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.features.fill import HOUR, KEY, T0, revision, utc, write_store
from truckcount.errors import (
    FeatureError,
    MissingHoursError,
    NaiveTimeError,
    StoreError,
    StoreVersionError,
)
from truckcount.features import load_hours

SHOWN = [*KEY, "revision", "n_trucks", "coverage_s", "is_final"]


def worked_timeline():
    """The table of features.md section 3.7."""
    hour = utc("2025-03-04 09:00")
    shown = [
        ("2025-03-04 10:17", 6, 1800.0, False, False, "first", 12.0),
        ("2025-03-04 11:17", 11, 3598.0, False, False, "late_segment", 11.0),
        ("2025-03-07 10:17", 11, 3598.0, True, True, "finalise", 11.0),
        ("2025-03-20 02:17", 12, 3600.0, True, True, "late_segment", 12.0),
        ("2025-04-02 08:17", 12, 3600.0, True, True, "recalibrate", 13.8),
    ]
    return [
        revision(
            hour, n, coverage, revision=k, known_at_utc=utc(known), is_final=final,
            is_backfill=backfill, cause=cause, n_trucks_est=est,
        )
        for k, (known, n, coverage, final, backfill, cause, est) in enumerate(shown, 1)
    ]  # fmt: skip


@pytest.fixture
def timeline(tmp_path):
    return write_store(tmp_path / "store", worked_timeline())


@pytest.mark.parametrize("vintage", ["strict", "simulated"])
@pytest.mark.parametrize(
    ("as_of", "n", "est", "is_final"),
    [
        ("2025-03-04T10:16Z", None, None, None),
        ("2025-03-04T10:17Z", 6, 12.0, False),
        ("2025-03-05T00:00Z", 11, 11.0, False),
        ("2025-03-10T00:00+09:00", 11, 11.0, True),
        ("2025-03-15T00:00Z", 11, 11.0, True),
        ("2025-03-31T00:00Z", 12, 12.0, True),
        ("2026-11-25T00:00Z", 12, 13.8, True),
        (None, 12, 13.8, True),
    ],
)
def test_the_worked_timeline_reads_as_specified(
    timeline, vintage, as_of, n, est, is_final
):
    hours = load_hours(timeline, as_of, vintage=vintage)
    shown = list(zip(hours.n_trucks, hours.n_trucks_est, hours.is_final, strict=True))
    assert shown == ([] if n is None else [(n, est, is_final)])


def test_answers_carry_how_they_came_about(timeline):
    then = load_hours(timeline, "2025-03-05T00:00Z")
    assert then.attrs["as_of"] == "2025-03-05T00:00Z"
    assert then.attrs["vintage"] == "strict"
    later = load_hours(timeline, "2025-03-06T00:00Z")
    assert then.attrs["store_sha"] == later.attrs["store_sha"]
    assert then.attrs["store_sha"] != load_hours(timeline).attrs["store_sha"]


def test_the_latest_of_history_is_what_hours_holds(timeline):
    now = load_hours(timeline)
    replayed = load_hours(timeline, "2030-01-01T00:00Z")
    pd.testing.assert_frame_equal(now, replayed)
    assert now.attrs["store_sha"] == replayed.attrs["store_sha"]


@st.composite
def histories(draw):
    """Revisions of a few keys, known in any order between keys."""
    rows = []
    keys = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["a", "b"]),
                st.sampled_from(["out", "in"]),
                st.integers(0, 3),
            ),
            unique=True,
            max_size=5,
        )
    )
    for camera, direction, k in keys:
        start = T0 + k * HOUR
        known = start
        is_first_late = draw(st.booleans())
        for number in range(1, draw(st.integers(1, 4)) + 1):
            known += timedelta(minutes=draw(st.integers(1, 60 * 24 * 20)))
            rows.append(
                revision(
                    start,
                    draw(st.integers(0, 9)),
                    draw(st.sampled_from([0.0, 900.0, 3600.0])),
                    camera=camera,
                    direction=direction,
                    revision=number,
                    known_at_utc=known,
                    is_backfill=is_first_late or known > start + 73 * HOUR,
                    cause="first" if number == 1 else draw(
                        st.sampled_from(["late_segment", "finalise", "restamp"])
                    ),
                )
            )  # fmt: skip
    return rows


def brute_force(rows, as_of, vintage):
    """What a reader at the moment saw, row by row."""
    shown = []
    for key in sorted({tuple(r[k] for k in KEY) for r in rows}):
        chain = sorted(
            (r for r in rows if tuple(r[k] for k in KEY) == key),
            key=lambda r: r["revision"],
        )
        seen = []
        for row, after in zip(chain, [*chain[1:], None], strict=True):
            known = row["known_at_utc"]
            if (
                vintage == "simulated"
                and chain[0]["is_backfill"]
                and row["is_backfill"]
            ):
                known = row["hour_start_utc"] + 25 * HOUR
            is_superseded = after is not None and after["cause"] == "restamp"
            if known <= as_of and not is_superseded:
                seen.append(row)
        if seen:
            shown.append({name: seen[-1][name] for name in SHOWN})
    return sorted(
        shown, key=lambda r: (r["camera"], r["hour_start_utc"], r["direction"])
    )


@settings(max_examples=25)
@given(
    rows=histories(),
    days=st.floats(0, 60),
    vintage=st.sampled_from(["strict", "simulated"]),
)
def test_any_moment_equals_a_replay_by_hand(tmp_path_factory, rows, days, vintage):
    store = write_store(tmp_path_factory.mktemp("s") / "store", rows)
    as_of = T0 + timedelta(days=days)
    hours = load_hours(
        store, as_of, direction=None, vintage=vintage, on_missing="ignore"
    )
    found = hours[SHOWN].astype(object).where(hours[SHOWN].notna(), None)
    assert found.to_dict("records") == brute_force(rows, as_of, vintage)
    if vintage == "strict":
        assert (hours["known_at_utc"] <= as_of).all()


def test_a_corrected_first_revision_still_tells_that_its_hour_was_seen_live(tmp_path):
    """Simulated are hours whose revision 1 is backfill (features.md 3.7)."""
    late = {"is_backfill": True, "known_at_utc": T0 + timedelta(days=4)}
    rows = [
        revision(T0, 3, known_at_utc=T0 + 2 * HOUR),
        revision(T0, 3, revision=2, cause="restamp", **late),
    ]
    store = write_store(tmp_path / "store", rows)
    asked = {"vintage": "simulated", "on_missing": "ignore"}
    assert not len(load_hours(store, T0 + timedelta(days=2), **asked))
    (hour,) = load_hours(store, T0 + timedelta(days=5), **asked).to_dict("records")
    assert (hour["revision"], hour["vintage"]) == (2, "strict")


@settings(max_examples=20)
@given(rows=histories(), days=st.floats(0, 60))
def test_deleting_the_future_never_changes_the_past(tmp_path_factory, rows, days):
    folder = tmp_path_factory.mktemp("s")
    as_of = T0 + timedelta(days=days)
    past = [r for r in rows if r["known_at_utc"] <= as_of]
    # a restamp tells that the row before it was not readable so early: no new fact
    kept = {(*(r[k] for k in KEY), r["revision"] + 1) for r in past}
    past += [
        r
        for r in rows
        if r["known_at_utc"] > as_of
        and r["cause"] == "restamp"
        and (*(r[k] for k in KEY), r["revision"]) in kept
    ]
    asked = {"direction": None, "on_missing": "ignore"}
    whole = load_hours(write_store(folder / "whole", rows), as_of, **asked)
    cut = load_hours(write_store(folder / "cut", past), as_of, **asked)
    pd.testing.assert_frame_equal(whole, cut)
    assert whole.attrs == cut.attrs


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("as_of", datetime(2026, 1, 5)),  # noqa: DTZ001
        ("as_of", pd.Timestamp("2026-01-05")),
        ("as_of", "2026-01-05T00:00"),
        ("as_of", "2026-01-05"),
        ("start", datetime(2026, 1, 5)),  # noqa: DTZ001
        ("end", "2026-01-05T06:00"),
    ],
)
def test_a_moment_without_a_zone_is_refused(timeline, name, value):
    with pytest.raises(NaiveTimeError, match=f"{name}.*no zone"):
        load_hours(timeline, **{name: value})
    assert issubclass(NaiveTimeError, TypeError)


def week(**changes):
    return [revision(T0 + k * HOUR, **changes) for k in range(48)]


def test_hours_are_chosen_by_time_camera_gate_and_column(tmp_path):
    rows = [*week(), *week(camera="dc-02", gate="road"), *week(direction="in")]
    store = write_store(tmp_path, rows)
    two = load_hours(store, start="2026-01-05", end="2026-01-05T02:00Z")
    assert list(two["camera"]) == ["dc-01"] * 2 + ["dc-02"] * 2
    assert len(load_hours(store, cameras=["dc-02"])) == 48
    assert len(load_hours(store, gates="dock-exit", direction=None)) == 96
    assert len(load_hours(store, "2026-01-05T03:00Z", direction=None)) == 6
    narrow = load_hours(store, columns=["n_trucks", "camera"])
    assert list(narrow.columns) == ["n_trucks", "camera"]
    with pytest.raises(FeatureError, match="no column 'trucks'"):
        load_hours(store, columns=["trucks"])
    with pytest.raises(FeatureError, match=r"no camera 'dc-03'.*dc-01, dc-02"):
        load_hours(store, cameras=["dc-03"])


def test_final_alone_is_what_was_final_then(timeline):
    assert len(load_hours(timeline, "2025-03-05T00:00Z", final_only=True)) == 0
    assert len(load_hours(timeline, "2025-03-08T00:00Z", final_only=True)) == 1


def test_a_gate_without_directions_is_not_passed_over_in_silence(tmp_path, caplog):
    store = write_store(tmp_path / "any", week(direction="any"))
    with pytest.raises(FeatureError, match="no direction out at dc-01/dock-exit"):
        load_hours(store)
    mixed = [*week(direction="any"), *week(camera="dc-02")]
    with caplog.at_level(logging.WARNING):
        hours = load_hours(write_store(tmp_path / "mixed", mixed))
    assert set(hours["camera"]) == {"dc-02"}
    assert "dc-01/dock-exit" in caplog.text


def test_an_hour_that_is_not_there_is_an_error_that_names_it(tmp_path):
    rows = [r for r in week() if r["hour_start_utc"].hour != 7]
    store = write_store(tmp_path / "store", rows)
    found = "camera 'dc-01', gate 'dock-exit': the hour 2026-01-05T07:00Z and 1 more"
    for as_of in (None, "2026-02-01T00:00Z"):
        with pytest.raises(MissingHoursError, match=found) as error:
            load_hours(store, as_of)
        assert "truckcount recount" in str(error.value)
    assert len(load_hours(store, on_missing="ignore")) == 46
    # before the hour was due, and where nobody asks for it
    assert len(load_hours(store, "2026-01-05T08:00Z")) == 7
    assert len(load_hours(store, start="2026-01-05T08:00Z", end="2026-01-06")) == 16


def test_validity_says_which_hours_are_due(tmp_path):
    store = write_store(tmp_path, week())
    (store / "_meta" / "cameras.toml").write_text(
        '[cameras.dc-01]\ntimezone = "UTC"\nactive_from = 2026-01-04T22:30:00Z\n'
        "[[cameras.dc-01.gates]]\nname = 'dock-exit'\n"
    )
    with pytest.raises(MissingHoursError, match="hour 2026-01-04T22:00Z and 1 more"):
        load_hours(store)
    # lines with the moment they became known outrank the copy of cameras.toml
    (store / "_meta" / "gates.csv").write_text(
        "camera,gate,active_from_utc,active_to_utc,known_at_utc\n"
        "dc-01,dock-exit,2026-01-05T00:00Z,,2026-01-05T00:00Z\n"
        "dc-01,dock-exit,2026-01-05T00:00Z,2026-01-07T00:00Z,2026-01-07T00:00Z\n"
    )
    assert len(load_hours(store)) == 48
    (store / "_meta" / "gates.csv").write_text(
        "camera,gate,active_from_utc,active_to_utc,known_at_utc\n"
        "dc-01,dock-exit,2026-01-05T00:00Z,,2026-01-05T00:00Z\n"
    )
    with pytest.raises(MissingHoursError, match="hour 2026-01-07T00:00Z"):
        load_hours(store, "2026-01-08T00:00Z")


def test_what_is_no_store_is_refused(tmp_path):
    with pytest.raises(StoreError, match="no store"):
        load_hours(tmp_path)
    with pytest.raises(StoreError, match="no store"):
        load_hours("memory://nothing-here")


def test_a_mirror_shows_a_row_only_after_the_push(tmp_path):
    store = write_store(tmp_path / "store", worked_timeline())
    url = "memory://mirror-of-dc"
    fsspec.filesystem("memory").put(str(store), "/mirror-of-dc", recursive=True)
    assert len(load_hours(url, "2025-03-04T10:26Z")) == 0
    assert list(load_hours(url, "2025-03-04T10:27Z")["n_trucks"]) == [6]
    pd.testing.assert_frame_equal(load_hours(url), load_hours(store))
    fsspec.filesystem("memory").pipe(
        "/mirror-of-dc/_meta/store.json", b'{"schema_version": 9}'
    )
    with pytest.raises(StoreVersionError, match="schema 9"):
        load_hours(url)


def test_a_damaged_file_is_named(timeline):
    file = next((timeline / "hours").rglob("*.parquet"))
    file.write_bytes(b"PAR1 no more")
    with pytest.raises(StoreError, match="store check"):
        load_hours(timeline)


@pytest.mark.parametrize(
    ("asked", "what"),
    [
        ({"gates": ["dock-exit", "dock-exot"]}, "'dock-exot'.* dc-01 are dock-exit"),
        ({"gates": "dock-exot", "as_of": "2026-01-06T00:00Z"}, "no gate 'dock-exot'"),
        ({"on_missing": "Raise"}, "on_missing must be 'raise' or 'ignore'"),
        ({"direction": "outt"}, "no direction 'outt'; there are in, out"),
        ({"direction": ["out", "unkown"]}, "no direction 'unkown'"),
        ({"direction": "any"}, "which has `out`; pass direction=."),
        ({"start": "2026-01-06", "end": "2026-01-05"}, "no time lies between start"),
        ({"start": "2026-01-05", "end": "2026-01-05"}, "ends with the next one"),
    ],
)
def test_a_name_or_a_time_that_cannot_be_is_no_empty_answer(tmp_path, asked, what):
    store = write_store(tmp_path / "store", [revision(T0 + k * HOUR) for k in range(3)])
    with pytest.raises(FeatureError, match=what):
        load_hours(store, **asked)


def test_a_gate_that_is_not_in_the_window_is_known_all_the_same(tmp_path):
    rows = [revision(T0), revision(T0 + 9 * HOUR, gate="new")]
    store = write_store(tmp_path / "store", rows)
    early = load_hours(store, gates="new", end=T0 + 2 * HOUR)
    assert len(early) == 0
    assert len(load_hours(store, "2026-01-05T02:00Z", gates="new")) == 0


@pytest.mark.parametrize("name", ["as_of", "start", "end"])
def test_a_moment_that_is_not_known_is_refused_as_one_without_a_zone(timeline, name):
    with pytest.raises(NaiveTimeError, match=f"{name} must be a moment"):
        load_hours(timeline, **{name: pd.NaT})
