"""Clips are cut once, found where recordings moved, and blind."""

import csv

from tests.audit.stores import filmed_store, plan_small
from truckcount.audit.clips import ANSWERS_NAME, cut_clips, read_index


def drawn(store):
    return plan_small(store, per_stratum=(9, 9, 9), window_s=5)


def test_each_window_becomes_a_clip_and_a_line_of_the_sheet(tmp_path):
    store = filmed_store(tmp_path / "s", tmp_path / "v")
    windows = drawn(store)
    found = cut_clips(store, windows, tmp_path / "clips")
    assert (found.n_cut, found.missing) == (4, ())
    assert read_index(tmp_path / "clips").keys() == {w.clip for w in windows}
    with (tmp_path / "clips" / ANSWERS_NAME).open() as file:
        rows = list(csv.DictReader(file))
    assert {r["clip"] for r in rows} == {w.clip for w in windows}
    assert all(r["count"] == "" for r in rows)
    assert "x_machine" not in rows[0]
    assert "stratum" not in rows[0]


def test_a_second_call_cuts_nothing_and_keeps_the_sheet(tmp_path):
    store = filmed_store(tmp_path / "s", tmp_path / "v")
    cut_clips(store, drawn(store), tmp_path / "clips")
    sheet = tmp_path / "clips" / ANSWERS_NAME
    sheet.write_text(sheet.read_text().replace(",,,1", ",2,ann,1", 1))
    before = sheet.read_text()
    found = cut_clips(store, drawn(store), tmp_path / "clips")
    assert (found.n_cut, found.n_kept) == (0, 4)
    assert sheet.read_text() == before


def test_recordings_are_found_where_they_moved_to(tmp_path):
    store = filmed_store(tmp_path / "s", tmp_path / "v")
    (tmp_path / "v").rename(tmp_path / "archive")
    lost = cut_clips(store, drawn(store), tmp_path / "clips")
    assert (lost.n_cut, len(lost.missing)) == (0, 4)
    found = cut_clips(
        store, drawn(store), tmp_path / "clips", videos=[str(tmp_path / "archive")]
    )
    assert (found.n_cut, found.missing) == (4, ())


def test_another_file_of_the_same_name_is_not_taken(tmp_path):
    store = filmed_store(tmp_path / "s", tmp_path / "v")
    for path in (tmp_path / "v").iterdir():
        path.write_bytes(path.read_bytes() + b"more")
    found = cut_clips(
        store, drawn(store), tmp_path / "clips", videos=[str(tmp_path / "v")]
    )
    assert len(found.missing) == 4


def test_the_folder_is_for_its_owner_alone(tmp_path):
    store = filmed_store(tmp_path / "s", tmp_path / "v")
    cut_clips(store, drawn(store), tmp_path / "clips")
    assert (tmp_path / "clips").stat().st_mode & 0o077 == 0


def test_clips_that_show_people_are_cut_again_when_nobody_is_to_be_known(tmp_path):
    store = filmed_store(tmp_path / "s", tmp_path / "v")
    folder = tmp_path / "clips"
    cut_clips(store, drawn(store), folder)
    plain = {p.name: p.stat().st_size for p in folder.glob("*.mp4")}
    found = cut_clips(store, drawn(store), folder, is_blurred=True)
    assert (found.n_cut, found.n_kept) == (4, 0)
    assert all(one["is_blurred"] for one in read_index(folder).values())
    after = {p.name: p.stat().st_size for p in folder.glob("*.*") if p.stem in
             {w.clip for w in drawn(store)}}  # fmt: skip
    assert len(after) == 4, "no clip of before is left beside it"
    assert all(after.get(name) != size for name, size in plain.items())
    again = cut_clips(store, drawn(store), folder, is_blurred=True)
    assert (again.n_cut, again.n_kept) == (0, 4)
