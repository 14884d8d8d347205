"""`store check` looks at audits and calibrations, and at what hours carry of them."""

import shutil
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.audit.stores import (
    CAMERA,
    DRAWN_US,
    label_all,
    month_store,
    plan_small,
)
from truckcount.audit.calibrate import calibrate
from truckcount.errors import StoreError
from truckcount.store import Store
from truckcount.store.calibrations_table import read_calibrations, write_calibrations
from truckcount.store.check import check_store
from truckcount.store.layout import from_us
from truckcount.store.repair import migrate_store

MINUTE_US = 60_000_000
TABLES = ("audits", "calibrations")


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    store = month_store(tmp_path_factory.mktemp("audited") / "store")
    plan_small(store)
    label_all(store)
    calibrate(store, now_us=DRAWN_US, is_published=True)
    return store.root


@pytest.fixture
def root(audited, tmp_path):
    return shutil.copytree(audited, tmp_path / "store")


def file_of(root, table):
    return root / table / CAMERA / "all.parquet"


def edit(path, change):
    schema = pq.read_schema(path)
    rows = change(pq.read_table(path, partitioning=None).to_pylist())
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)


def every(**values):
    return lambda rows: [row | values for row in rows]


def test_an_audited_store_is_whole_and_its_hours_carry_a_factor(root):
    assert check_store(root) == []
    hours = pq.read_table(next((root / "hours").rglob("*.parquet")))
    assert set(hours["calibration_id"].to_pylist()) == {
        read_calibrations(root)[0].calibration_id
    }


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("how", ["cut", "emptied", "other text", "names hurt"])
def test_a_damaged_file_is_one_finding_with_what_to_do(root, table, how):
    path = file_of(root, table)
    data = path.read_bytes()
    damaged = {
        "cut": data[: len(data) // 2],
        "emptied": b"",
        "other text": b"x" * 99,
        "names hurt": data.replace(b"config_hash", b"conf\xff\xfe_hash"),
    }
    path.write_bytes(damaged[how])
    (broken,) = check_store(root)
    assert (broken.invariant, broken.where) == ("F11", str(path))
    assert "damaged" in broken.what
    assert "backup" in broken.what
    assert "\n" not in broken.what
    with pytest.raises(StoreError, match=r"damaged.*backup"):
        calibrate(Store.open(root))


@pytest.mark.parametrize("table", TABLES)
def test_a_row_that_stands_twice_is_found(root, table):
    path = file_of(root, table)
    edit(path, lambda rows: [*rows, rows[0]])
    (broken,) = check_store(root)
    assert (broken.invariant, broken.where) == ("F1", str(path))
    assert "stands 2 times" in broken.what
    assert "backup" in broken.what


@pytest.mark.parametrize(
    ("table", "name", "kind"),
    [
        ("audits", "y_human", pa.float64()),
        ("audits", "audit_id", pa.large_string()),
        ("calibrations", "factor", pa.float32()),
        ("calibrations", "calibration_id", pa.dictionary(pa.int32(), pa.string())),
    ],
)
def test_a_column_of_another_type_is_found(root, table, name, kind):
    path = file_of(root, table)
    found = pq.read_table(path, partitioning=None)
    place = found.schema.get_field_index(name)
    pq.write_table(found.set_column(place, name, pc.cast(found[name], kind)), path)
    (broken,) = check_store(root)
    assert (broken.invariant, broken.where) == ("F11", str(path))
    assert name in broken.what
    assert "backup" in broken.what


@pytest.mark.parametrize(
    ("table", "name"), [("audits", "pi"), ("calibrations", "factor")]
)
def test_a_null_where_none_may_be_is_found(root, table, name):
    path = file_of(root, table)
    found = pq.read_table(path, partitioning=None)
    schema = pa.schema([f.with_nullable(True) for f in found.schema])
    rows = [row | {name: None} for row in found.to_pylist()]
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)
    (broken,) = check_store(root)
    assert broken.invariant == "F11"
    assert repr(name) in broken.what


MISFITS = {
    "of another camera": (every(camera="other"), "of camera other"),
    "of another gate": (every(gate="entry"), "of gate entry"),
    "of another direction": (every(direction="out"), "of direction out"),
    "of another configuration": (every(config_hash="c9"), "of config_hash c9"),
    "withdrawn": (every(status="withdrawn"), "was withdrawn"),
    "without time": (
        lambda rows: [r | {"valid_to_utc": r["valid_from_utc"]} for r in rows],
        "not in this hour",
    ),
    "of later hours": (
        every(valid_from_utc=from_us(DRAWN_US)), "not in this hour",
    ),
    "known later": (
        every(known_at_utc=from_us(DRAWN_US + 60 * MINUTE_US)), "after the hour",
    ),
    "not there": (lambda _: [], "is not there"),
}  # fmt: skip


@pytest.mark.parametrize("name", MISFITS)
def test_a_calibration_that_an_hour_may_not_carry_is_found(root, name):
    change, why = MISFITS[name]
    edit(file_of(root, "calibrations"), change)
    found = check_store(root)
    assert {broken.invariant for broken in found} == {"F14"}
    assert len(found) == 10, "each hour that carries it"
    for broken in found:
        assert broken.where.startswith(f"{CAMERA}/exit/any/")
        assert why in broken.what
        assert f"calibrations/{CAMERA}/all.parquet" in broken.what
        assert "truckcount recount" in broken.what


def test_a_factor_of_the_other_half_of_the_day_is_found(root):
    edit(file_of(root, "calibrations"), every(regime="day"))
    hours = pq.read_table(next((root / "hours").rglob("*.parquet"))).to_pylist()
    night = sum(not 7 <= row["local_start"].hour < 19 for row in hours)
    assert night > 0
    assert [b.invariant for b in check_store(root)] == ["F14"] * night


def test_the_calibration_of_another_camera_does_not_stand_in(root):
    shutil.move(root / "calibrations" / CAMERA, root / "calibrations" / "other")
    found = check_store(root)
    assert {broken.invariant for broken in found} == {"F14"}
    assert "is not there" in found[0].what


def test_a_calibration_may_end_after_the_hours_that_carry_it_were_published(root):
    (stands,) = read_calibrations(root)
    ended = replace(
        stands,
        valid_to_us=stands.valid_from_us,
        known_at_us=DRAWN_US + 60 * MINUTE_US,
    )
    write_calibrations(root, CAMERA, [ended])
    assert check_store(root) == []


@pytest.mark.parametrize(
    "table", ["history", "passages", "segments", "audits", "calibrations"]
)
def test_a_time_in_the_future_is_found_in_every_table(root, table):
    later = {"known_at_utc": from_us(DRAWN_US).replace(year=2090)}
    for path in (root / table).rglob("*.parquet"):
        edit(path, lambda rows: [*rows[:-1], rows[-1] | later])
    found = [b for b in check_store(root) if b.invariant == "F15"]
    assert [b.where for b in found] == [
        str(path) for path in sorted((root / table).rglob("*.parquet"))
    ]
    assert "1 rows" in found[0].what
    assert "clock" in found[0].what


def test_a_camera_that_has_audits_alone_is_looked_at(root):
    path = root / "audits" / "lone" / "all.parquet"
    path.parent.mkdir()
    path.write_bytes(b"x" * 99)
    assert [(b.invariant, b.where) for b in check_store(root)] == [("F11", str(path))]


def test_migrate_adds_columns_to_audits_too(root):
    path = file_of(root, "audits")
    whole = pq.read_table(path, partitioning=None)
    pq.write_table(whole.drop_columns(["fp", "fn"]), path)
    assert {b.invariant for b in check_store(root)} == {"F11"}
    (line,) = migrate_store(root)
    assert str(path) in line
    assert check_store(root) == []
    assert pq.read_table(path, partitioning=None).equals(whole)
