"""`truckcount report`: no picture of footage unless asked, and then one a camera."""

import base64
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.conftest import ROOT, write_clip


@pytest.fixture
def store(truckcount, scene, tmp_path):
    """Two recordings that can be taken away, counted."""
    (tmp_path / "v").mkdir()
    for clip in scene.clips:
        shutil.copy(clip, tmp_path / "v")
    said = truckcount("run", "v", *scene.options(), "--settle", "0", "--quiet")
    assert said.code == 0, said.err
    return "store"


def page_of(truckcount, store, *more):
    said = truckcount("report", store, "-o", "page.html", *more)
    assert said.code == 0, said.err
    return Path("page.html").read_text()


def pictures(page):
    """The pictures a page holds, as RGB."""
    found = re.findall(r'<img src="data:image/jpeg;base64,([^"]+)"', page)
    assert len(found) == page.count("<img")
    raw = [np.frombuffer(base64.b64decode(text), np.uint8) for text in found]
    return [cv2.imdecode(data, cv2.IMREAD_COLOR)[:, :, ::-1].astype(int)
            for data in raw]  # fmt: skip


def test_without_being_asked_it_holds_no_picture(truckcount, store):
    page = page_of(truckcount, store)
    assert "<img" not in page
    assert "img-src" not in page
    assert "data:" not in page


def test_without_being_asked_nothing_is_decoded(store, tmp_path):
    program = (
        "import sys; from truckcount.cli import main\n"
        "sys.argv = ['truckcount', 'report', 'store', '-o', 'page.html']\n"
        "try: main()\n"
        "except SystemExit as stop: assert stop.code == 0\n"
        "assert not {'av', 'cv2'} & set(sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env={"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_frames_are_the_newest_files_with_gates_drawn(truckcount, store):
    page = page_of(truckcount, store, "--frames")
    (image,) = pictures(page)
    assert image.shape == (96, 160, 3)
    assert "dock_20260302T110000Z.mp4, 02 Mar 2026 11:00:00 UTC" in page
    assert "gone" not in page
    # the gate's left edge stands at a quarter of the width, in a warm colour
    warmth = image[20:70, 39:43, 0] - image[20:70, 39:43, 2]
    assert warmth.max(axis=1).mean() > 40
    # it asks nobody: the policy allows what it holds itself, and no more
    assert "img-src data:" in page
    assert not re.search(r'(src|href|srcset)="(?!#|data:)', page)
    assert "://" not in page


def test_files_that_are_gone_are_said_to_be_gone(truckcount, store):
    newest, oldest = sorted(Path("v").iterdir(), reverse=True)
    newest.unlink()
    page = page_of(truckcount, store, "--frames")
    assert len(pictures(page)) == 1
    assert oldest.name in page
    assert "1 newer file is gone" in page
    oldest.write_bytes(b"another file took its place")
    said = truckcount("report", store, "-o", "page.html", "--frames")
    assert said.code == 0
    assert "dock: no frame to show" in said.err
    page = Path("page.html").read_text()
    assert pictures(page) == []
    assert "2 files are gone" in page


def test_a_file_that_no_longer_decodes_is_told(truckcount, store):
    newest = max(Path("v").iterdir())
    newest.write_bytes(b"\0" * newest.stat().st_size)
    page = page_of(truckcount, store, "--frames")
    assert len(pictures(page)) == 1
    assert f"Not decoded: {newest.name}" in page


def test_a_gate_nobody_wrote_down_is_not_made_up(truckcount, scene):
    gate = ["--gate", "0.25,0.1 0.75,0.1 0.75,0.9 0.25,0.9", "--model", scene.model]
    assert truckcount("run", scene.clips[1], *gate, "--quiet").code == 0
    page = page_of(truckcount, "store", "--frames")
    assert len(pictures(page)) == 1
    assert "no cameras.toml was given with it: main." in page


def checks(size):
    rows, columns = np.mgrid[: size[1], : size[0]]
    grey = np.where((rows // 4 + columns // 4) % 2, 40, 210).astype(np.uint8)
    return np.dstack([grey] * 3)


def test_a_blurred_frame_is_a_mosaic_and_a_large_one_is_made_small(truckcount, scene):
    size = (1280, 720)
    write_clip("yard_20260302T080000Z.mp4", 8, size=size, image=lambda _: checks(size))
    run = ["run", "yard_20260302T080000Z.mp4", "--model", scene.model]
    assert truckcount(*run, "--settle", "0", "--quiet").code == 0
    (plain,) = pictures(page_of(truckcount, "store", "--frames"))
    page = page_of(truckcount, "store", "--frames", "--blur-people")
    (blurred,) = pictures(page)
    assert "Mosaic of the first frame" in page
    assert plain.shape == blurred.shape == (360, 640, 3)
    inside = np.s_[40:340, 60:620]
    assert plain[inside].std() > 30
    assert blurred[inside].std() < 0.2 * plain[inside].std()


def test_a_page_refreshes_where_it_is_asked_to(truckcount, store):
    assert 'http-equiv="refresh"' not in page_of(truckcount, store)
    page = page_of(truckcount, store, "--refresh", "90")
    assert '<meta http-equiv="refresh" content="90">' in page
    said = truckcount("report", store, "-o", "other.html", "--refresh", "0")
    assert said.code == 2
    assert not Path("other.html").exists()


def test_to_blur_what_is_not_shown_is_a_slip(truckcount, store):
    said = truckcount("report", store, "-o", "page.html", "--blur-people")
    assert said.code == 2
    assert "--frames" in said.err
    assert not Path("page.html").exists()


def test_stills_show_the_first_that_can_be_read(truckcount, scene, tmp_path):
    folder = tmp_path / "gate"
    folder.mkdir()
    for minute in range(4):
        name = folder / f"gate_20260302T0800{minute:02d}Z.png"
        cv2.imwrite(str(name), np.full((96, 160, 3), (30, 60, 90), np.uint8))
    run = ["run", str(folder), "--model", scene.model, "--settle", "0", "--quiet"]
    assert truckcount(*run).code == 0
    (image,) = pictures(page_of(truckcount, "store", "--frames"))
    assert np.abs(image[40, 80] - [90, 60, 30]).max() < 25
