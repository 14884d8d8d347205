"""`truckcount store check`: 0 for a whole store, 1 for a broken one."""

import shutil


def test_a_store_that_was_just_written_is_whole(truckcount, scene):
    truckcount("run", *scene.clips, *scene.options(), "--quiet")
    said = truckcount("store", "check", "store")
    assert (said.code, said.out) == (0, "")
    assert "all well" in said.err
    assert truckcount("store", "check", "store", "--json").json == []


def test_a_store_that_lost_its_passages_is_broken(truckcount, scene, tmp_path):
    truckcount("run", *scene.clips, *scene.options(), "--quiet")
    shutil.rmtree(tmp_path / "store" / "passages")
    said = truckcount("store", "check", "store", "--json")
    assert said.code == 1
    assert {"invariant", "where", "what"} == set(said.json[0])


def test_a_folder_that_is_no_store_is_5(truckcount, tmp_path):
    assert truckcount("store", "check", tmp_path).code == 5
