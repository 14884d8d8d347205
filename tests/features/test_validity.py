"""P14 of whole gates and cameras: absent is loud, within validity and nowhere else."""

import json

import fsspec
import pytest

from tests.features.fill import HOUR, T0, revision, write_store
from truckcount.errors import FeatureError, MissingHoursError, StoreError
from truckcount.features import load_hours
from truckcount.store.check import check_store
from truckcount.store.layout import to_us

N = 48  # hours of dc-01/dock-exit, from 2026-01-05T00:00Z
END = "2026-01-07T00:00:00Z"
HEADER = "camera,gate,active_from_utc,active_to_utc,known_at_utc\n"


def hours_of(**changes):
    return [revision(T0 + k * HOUR, **changes) for k in range(N)]


def store_of(root, gates, rows=None):
    """A store whose cameras.toml has gates as (camera, gate, from, to)."""
    write_store(root, hours_of() if rows is None else rows)
    lines = []
    for camera in dict.fromkeys(gate[0] for gate in gates):
        lines += [f"[cameras.{camera}]", 'timezone = "UTC"']
        for _, gate, low, high in (g for g in gates if g[0] == camera):
            lines += [f"[[cameras.{camera}.gates]]", f'name = "{gate}"']
            lines += [f"active_from = {low}"] if low else []
            lines += [f"active_to = {high}"] if high else []
    (root / "_meta" / "cameras.toml").write_text("\n".join(lines))
    return root


FIRST = ("dc-01", "dock-exit", "2026-01-05T00:00:00Z", END)
SECOND = ("dc-01", "second", "2026-01-05T06:30:00Z", None)
OTHER = ("dc-02", "dock-exit", "2026-01-05T00:00:00Z", None)
ASKED = {
    "all": {},
    "as of a moment": {"as_of": "2026-02-01T00:00Z"},
    "every direction": {"direction": None},
    "its hours": {"start": "2026-01-05", "end": "2026-01-06"},
}


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
@pytest.mark.parametrize("where", ["folder", "mirror"])
def test_a_camera_without_a_row_is_an_error_that_names_it(tmp_path, asked, where):
    store = store_of(tmp_path / "store", [FIRST, OTHER])
    if where == "mirror":
        url = f"memory://{tmp_path.name}-{tmp_path.parent.name}"
        fsspec.filesystem("memory").put(str(store), url, recursive=True)
        store = url
    with pytest.raises(MissingHoursError) as error:
        load_hours(store, **asked)
    said = str(error.value)
    assert "camera 'dc-02', gate 'dock-exit': the hour 2026-01-05T00:00Z and" in said
    assert (
        f"truckcount run VIDEOS --cameras cameras.toml --camera dc-02 --store {store}"
        in said
    )
    assert len(load_hours(store, **asked, on_missing="ignore")) == (
        24 if "start" in asked else N
    )
    assert len(load_hours(store, **asked, cameras=["dc-01"])) > 0
    for more in ({"cameras": ["dc-02"]}, {"cameras": "dc-02", "gates": "dock-exit"}):
        with pytest.raises(MissingHoursError, match="dc-02"):
            load_hours(store, **asked, **more)
        assert load_hours(store, **asked, **more, on_missing="ignore").empty
    with pytest.raises(FeatureError, match="no gate 'none'"):
        load_hours(store, **asked, cameras="dc-02", gates="none")


def test_a_camera_that_fell_silent_is_told_how_to_end(tmp_path):
    store = store_of(tmp_path / "silent", [(*FIRST[:3], None)])
    with pytest.raises(MissingHoursError, match=r"2026-01-07T00:00Z.* active_to"):
        load_hours(store, as_of="2026-02-01T00:00Z")
    rows = [row for k, row in enumerate(hours_of()) if k != 7]
    holed = store_of(tmp_path / "holed", [FIRST], rows)
    with pytest.raises(MissingHoursError) as error:
        load_hours(holed)
    assert "active_to" not in str(error.value)


@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_a_gate_without_a_row_is_an_error_that_names_it(tmp_path, asked):
    store = store_of(tmp_path / "store", [FIRST, SECOND])
    for more in ({}, {"gates": "second"}, {"gates": ["dock-exit", "second"]}):
        found = "camera 'dc-01', gate 'second': the hour 2026-01-05T06:00Z and"
        with pytest.raises(MissingHoursError, match=found):
            load_hours(store, **asked, **more)
    assert load_hours(store, **asked, gates="second", on_missing="ignore").empty
    assert len(load_hours(store, **asked, gates="dock-exit")) > 0


NOT_DUE = {
    "it has no active_from": ([("dc-02", "dock-exit", None, None)], {}),
    "it has an active_to alone": ([("dc-02", "dock-exit", None, END)], {}),
    "it begins later": ([("dc-02", "dock-exit", "2026-03-01T00:00:00Z", None)], {}),
    "it ends before": ([(*OTHER[:3], END)], {"start": END}),
    "it was asked for before": ([OTHER], {"end": "2026-01-05T00:00Z"}),
    "its first hour may still come": ([OTHER], {"as_of": "2026-01-05T06:30Z"}),
    "it was known to begin later": (
        [("dc-02", "dock-exit", "2026-02-01T00:00:00Z", None)],
        {"as_of": "2026-01-30T00:00Z"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", NOT_DUE)
def test_a_gate_that_never_had_a_row_is_fine_while_none_is_due(tmp_path, name):
    gates, asked = NOT_DUE[name]
    store = store_of(tmp_path / "store", [FIRST, *gates])
    load_hours(store, **asked)
    if any(gate[2] for gate in gates):
        assert load_hours(store, **asked, cameras="dc-02").empty


def test_a_camera_nobody_configured_a_begin_for_stays_unknown(tmp_path):
    store = store_of(tmp_path, [FIRST, ("dc-03", "dock-exit", None, None)])
    for camera in ("dc-03", "typo"):
        with pytest.raises(FeatureError, match=f"no camera '{camera}'"):
            load_hours(store, cameras=camera)


def test_a_store_in_which_nothing_was_ever_counted_lacks_its_hours(tmp_path):
    store = store_of(tmp_path, [OTHER], rows=[])
    with pytest.raises(MissingHoursError, match="dc-02"):
        load_hours(store)
    assert load_hours(store, "2026-01-04T00:00Z").empty
    assert load_hours(store, on_missing="ignore").empty


def test_an_archive_that_was_read_later_owed_nothing_before(tmp_path):
    """features.md 3.4: a strict read as of then returns nothing, as it should."""
    archive = hours_of(camera="dc-02", known_at_utc=T0 + 60 * 24 * HOUR)
    store = store_of(tmp_path, [FIRST, OTHER], [*hours_of(), *archive])
    as_of = "2026-01-08T00:00Z"
    assert set(load_hours(store, as_of)["camera"]) == {"dc-01"}
    assert load_hours(store, as_of, cameras="dc-02").empty
    # a line that was known by then says that it was active
    (store / "_meta" / "gates.csv").write_text(
        HEADER + "dc-02,dock-exit,2026-01-05,,2026-01-05T00:00Z\n"
    )
    with pytest.raises(MissingHoursError, match="dc-02"):
        load_hours(store, as_of)
    # and one that was not known by then says nothing
    (store / "_meta" / "gates.csv").write_text(
        HEADER + "dc-02,dock-exit,2026-01-05,,2026-01-09T00:00Z\n"
    )
    assert load_hours(store, as_of, gates="dock-exit")["camera"].unique() == ["dc-01"]


def test_rows_outside_the_window_do_not_hide_a_window_without_any(tmp_path):
    rows = [r for r in hours_of() if r["hour_start_utc"].day == 5]
    store = store_of(tmp_path, [(*FIRST[:3], None)], [*rows, revision(T0 + 99 * HOUR)])
    for as_of in (None, "2026-01-20T00:00Z"):
        with pytest.raises(MissingHoursError, match="2026-01-06T03:00Z"):
            load_hours(store, as_of, start="2026-01-06T03:00Z", end="2026-01-07")


def test_a_deleted_camera_owes_nothing_until_it_is_lifted(tmp_path):
    store = store_of(tmp_path, [FIRST, OTHER])
    seal = {
        "from_utc": "1970-01-01T00:00:00+00:00", "to_utc": "2090-01-01T00:00:00+00:00",
        "cause": "deleted", "sealed_at_utc": "2026-01-09T00:00:00+00:00",
        "lifted_at_utc": None, "is_whole_camera": True, "is_done": True, "note": "",
        "removed": {},
    }  # fmt: skip
    path = store / "_meta" / "seals" / "dc-02.json"
    path.parent.mkdir()
    path.write_text(json.dumps([seal]))
    assert set(load_hours(store)["camera"]) == {"dc-01"}
    assert not absent(store)
    path.write_text(json.dumps([seal | {"lifted_at_utc": seal["sealed_at_utc"]}]))
    with pytest.raises(MissingHoursError, match="dc-02"):
        load_hours(store)
    assert [b.where for b in absent(store)] == ["dc-02/dock-exit"]


def test_a_camera_that_another_writer_pushes_is_not_due_in_a_working_copy(tmp_path):
    store = store_of(tmp_path, [FIRST, OTHER])
    body = {"url": "s3://bucket/store", "foreign": {"dc-02": {"host": "b"}}}
    (store / "_meta" / "mirror.json").write_text(json.dumps(body))
    assert set(load_hours(store)["camera"]) == {"dc-01"}
    assert not absent(store)


def absent(store, now=T0 + 100 * HOUR):
    return [b for b in check_store(store, to_us(now)) if b.invariant == "F8"]


def test_store_check_names_gates_and_cameras_that_have_no_row(tmp_path):
    never = ("dc-03", "dock-exit", None, None)
    late = ("dc-04", "dock-exit", "2026-03-01T00:00:00Z", None)
    store = store_of(tmp_path, [FIRST, SECOND, OTHER, never, late])
    second, other = absent(store)
    assert second.where == "dc-01/second"
    assert other.where == "dc-02/dock-exit"
    assert "none of its 94 hours from 2026-01-05 00:00" in other.what
    assert "active_from" in other.what
    assert not absent(store, T0 + 5 * HOUR)
    # the file that outranks cameras.toml
    (store / "_meta" / "gates.csv").write_text(
        HEADER
        + f"dc-01,dock-exit,2026-01-05T00:00Z,{END},2026-01-05T00:00Z\n"
        + "dc-05,gate,2026-01-06,2026-01-07,2026-01-06T00:00Z\n"
    )
    (five,) = absent(store)
    assert five.where == "dc-05/gate"
    assert "none of its 24 hours" in five.what


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("cameras.toml", "[cameras"),
        ("cameras.toml", "[cameras.a]\nactive_from = 3"),
        ("gates.csv", "camera,gate\na,b\n"),
        ("gates.csv", HEADER + "a,b,yesterday,,2026-01-05T00:00Z\n"),
    ],
)
def test_a_damaged_copy_is_named(tmp_path, name, text):
    store = store_of(tmp_path, [FIRST])
    (store / "_meta" / name).write_text(text)
    for read in (load_hours, check_store):
        with pytest.raises(StoreError, match=rf"{name} of the store is damaged"):
            read(store)
