"""`truckcount status`: one screen, one exit code."""

import re


def test_the_screen_and_the_object_say_the_same(truckcount, scene):
    options = ["--store", "s", "--quiet", *scene.options()]
    assert truckcount("run", scene.clips[0], *options).code == 0
    shown = truckcount("status", "s", "--retired-after", "1")
    assert shown.code == 0
    assert shown.out.startswith("OK  s  ")
    assert "dock    retired  2026-03-02T08:00Z" in shown.out
    assert "disk: " in shown.out
    found = truckcount("status", "s", "--retired-after", "1", "--json")
    assert found.json["level"] == "ok"
    assert found.json["waiting"] is None


def test_the_exit_code_is_what_monitoring_reads(truckcount, scene):
    options = ["--store", "s", "--quiet", *scene.options()]
    truckcount("run", scene.clips[0], *options)
    long_ago = ["--retired-after", "99999"]
    assert truckcount("status", "s", *long_ago).code == 2
    assert truckcount("status", "s", *long_ago, "--critical-lag", "9e9").code == 1
    assert truckcount("status", "nowhere").code == 5


def test_what_waits_and_failed_is_on_the_screen(truckcount, scene, tmp_path):
    (tmp_path / "rec").mkdir()
    (tmp_path / "rec" / "dock_20260302T080000Z.mp4").write_bytes(b"junk")
    options = ["--store", "s", *scene.options()]
    assert truckcount("run", "rec", "--new", "--if-free", *options).code == 4
    shown = truckcount("status", "s", "rec", "--settle", "0")
    assert "1 to be tried again" in shown.out
    assert "not a video" in shown.out
    assert re.search(r"\[next try: 20[-\d]+T[\d:]{8}Z\]", shown.out)


def test_a_url_is_no_folder_and_keeps_its_password(truckcount, scene):
    truckcount("run", scene.clips[0], "--store", "s", "--quiet", *scene.options())
    for url in ("rtsp://admin:hunter2@10.0.0.7/live", "http://nvr/s?pwd=hunter2"):
        for more in ((), ("--json",)):
            said = truckcount("status", "s", url, *more)
            assert said.code == 2
            assert "is no folder" in said.err
            assert "hunter2" not in said.out + said.err
