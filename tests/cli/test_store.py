"""`truckcount store check`: 0 for a whole store, 1 for a broken one."""

import re
import shutil

import pyarrow as pa
import pyarrow.parquet as pq


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


def test_stale_bins_are_repaired_or_the_command_is_told(truckcount, scene, tmp_path):
    options = ["--quiet", "--bins", 15]
    truckcount("run", scene.clips[0], *scene.options(), *options)
    (path,) = (tmp_path / "store" / "bins_15" / "dock").iterdir()
    rows = pq.read_table(path).to_pylist()
    for row in rows:
        row["n_trucks"] = 5
    table = pa.Table.from_pylist(rows, schema=pq.read_schema(path))
    pq.write_table(table, path)
    assert truckcount("store", "check", "store").out.startswith("F10 ")
    said = truckcount("store", "check", "store", "--repair")
    assert (said.code, said.out) == (0, "")
    assert "bins_15 of 1 hours rebuilt from passages and scores" in said.err

    pq.write_table(table, path)
    shutil.move(tmp_path / "store" / "scores", tmp_path / "scores")
    said = truckcount("store", "check", "store", "--repair")
    assert said.code == 1
    assert "truckcount recount store --camera dock --bins 15 --from " in said.err
    shutil.move(tmp_path / "scores", tmp_path / "store" / "scores")
    (command,) = re.findall("`truckcount (.*?)`", said.err)
    assert truckcount(*command.split(), *scene.options()).code == 0
    assert truckcount("store", "check", "store").code == 0


def test_damaged_factors_are_named_and_not_a_crash(truckcount, scene, tmp_path):
    truckcount("run", *scene.clips, *scene.options(), "--quiet")
    for table in ("audits", "calibrations"):
        file = tmp_path / "store" / table / "dock" / "all.parquet"
        file.parent.mkdir(parents=True)
        file.write_bytes(b"junk")
    said = truckcount("store", "check", "store")
    assert said.code == 1
    lines = said.out.splitlines()
    assert [line[:4] for line in lines] == ["F11 ", "F11 "]
    assert all(table in said.out for table in ("audits/dock", "calibrations/dock"))
    assert truckcount("calibrate", "store").code == 5


def test_a_folder_that_is_no_store_is_5(truckcount, tmp_path):
    assert truckcount("store", "check", tmp_path).code == 5


def counted(said):
    return [row["n_trucks"] for row in said.json if row["coverage_s"]]


def test_a_deleted_day_stays_deleted_until_it_is_lifted(truckcount, scene):
    run = ["run", *scene.clips, *scene.options(), "--json"]
    assert truckcount(*run).json["totals"]["n_trucks"] == 3
    delete = ["store", "delete", "store", "--camera", "dock", "--day", "2026-03-02"]
    dry = truckcount(*delete, "--json").json
    assert (dry["is_done"], dry["removed"]["passages"]) == (False, 3)
    assert sum(counted(truckcount("hours", "store", "--json"))) == 3
    said = truckcount(*delete, "--yes", "--note", "asked for by post")
    assert said.code == 0
    assert "passages" in said.out
    again = truckcount(*run)
    assert again.code == 0
    assert {f["status"] for f in again.json["files"]} == {"deleted"}
    assert "--lift" in again.json["files"][0]["warnings"][0]
    rows = truckcount("hours", "store", "--json").json
    assert rows
    assert {row["n_trucks"] for row in rows} == {None}
    assert truckcount(*run[:-1], "--new", "--json").json["files"] == []
    assert truckcount("store", "check", "store").code == 0
    assert truckcount(*delete, "--lift").code == 0
    assert truckcount(*run).json["totals"]["n_trucks"] == 3
    assert sum(counted(truckcount("hours", "store", "--json"))) == 3
    assert truckcount("store", "check", "store").code == 0


def test_a_deleted_camera_is_gone_and_no_worry(truckcount, scene):
    run = ["run", *scene.clips, *scene.options(), "--json"]
    truckcount(*run)
    assert truckcount("store", "delete", "store", "--camera", "dock", "--yes").code == 0
    assert truckcount("hours", "store", "--json").json == []
    assert {f["status"] for f in truckcount(*run).json["files"]} == {"deleted"}
    assert truckcount("hours", "store", "--json").json == []
    status = truckcount("status", "store", "--json").json
    assert (status["level"], status["cameras"]) == ("ok", [])
    assert truckcount("store", "check", "store").code == 0


def test_pruned_scores_leave_hours_and_a_run_that_decodes_nothing(truckcount, scene):
    from truckcount.store.prune import prune_store

    run = ["run", *scene.clips, *scene.options(), "--json"]
    hours = truckcount(*run).json["hours"]
    before = truckcount("hours", "store", "--csv").out
    young = truckcount("store", "prune", "store", "--json").json
    assert young[0]["score_days"] == [], "a file that came just now may have more"
    in_two_years = 1_834_000_000_000_000
    assert prune_store("store", now_us=in_two_years)[0].score_days == ("2026-03-02",)
    again = truckcount(*run).json
    assert {f["status"] for f in again["files"]} == {"reused"}
    assert truckcount("hours", "store", "--csv").out == before
    assert truckcount("recount", "store", "--on", "0.9", "--model", scene.model,
                      "--cameras", scene.cameras).code == 0  # fmt: skip
    assert truckcount("hours", "store", "--csv").out == before
    assert truckcount("store", "check", "store").code == 0
    assert hours


def test_prune_says_what_would_go(truckcount, scene):
    truckcount("run", *scene.clips, *scene.options(), "--quiet")
    said = truckcount("store", "prune", "store", "--dry-run")
    assert (said.code, said.out) == (0, "")
    assert "dry run" in said.err
    assert truckcount("store", "prune", "store", "--keep-days", "1").code == 5


def test_a_store_is_pushed_read_by_url_and_claimed(truckcount, scene, tmp_path):
    url = f"memory://{tmp_path.name}-{tmp_path.parent.name}"
    truckcount("run", *scene.clips, *scene.options(), "--quiet")
    said = truckcount("store", "push", "store", url)
    assert said.code == 0
    assert "dock" in said.out
    (nothing,) = truckcount("store", "push", "store", url, "--json").json
    assert nothing["n_files"] == 0
    said = truckcount("store", "push", "store", url, "--quiet")
    assert (said.code, said.out, said.err) == (0, "", "")
    for more in ([], ["--camera", "dock"], ["--from", "2026-03-02T09:00Z"]):
        said = truckcount("hours", url, "--csv", *more)
        assert said.out == truckcount("hours", "store", "--csv", *more).out
    assert truckcount("store", "claim", url, "--camera", "x", "--into", "b").code == 5
    assert (
        truckcount("store", "claim", url, "--camera", "dock", "--into", "b").code == 0
    )
    assert truckcount("hours", "b", "--csv").out == said_all(truckcount)
    assert truckcount("store", "push", "store", url).code == 5, "it has another writer"
    for command in (["status"], ["store", "check"], ["report"]):
        said = truckcount(*command, "s3://bucket/store")
        assert said.code == 5
        assert "is a URL, and this takes a folder" in said.err
    assert truckcount("watch", ".", "--store", "nosuch://bucket/store").code == 5


def said_all(truckcount):
    return truckcount("hours", "store", "--csv").out
