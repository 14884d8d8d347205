"""Names cannot become markup, and a browser shows what the page's policy allows."""

import os
import shutil
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from tests.reporting.synthetic import make_store
from truckcount.reporting.facts import read_facts
from truckcount.reporting.frame_figure import draw_frame
from truckcount.reporting.frames import CameraFrame, take_frames
from truckcount.reporting.page import build_page

NOW = datetime(2026, 3, 30, 7, tzinfo=UTC)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("r") / "store", n_cameras=2, n_days=3)


@pytest.fixture(scope="module")
def facts(store):
    return read_facts(store.root, 90)


def frame_of(camera, **changes):
    grey = np.full((90, 160, 3), 128, np.uint8)
    data = cv2.imencode(".jpg", grey)[1].tobytes()
    values = {"camera": camera, "jpeg": data, "size": (160, 90), "name": "a.mp4"}
    return CameraFrame(**(values | changes))


def test_a_store_whose_files_are_all_gone_says_so_for_every_camera(store, facts):
    frames = take_frames(store.root, facts)
    assert list(frames) == facts.cameras
    for frame in frames.values():
        assert frame.jpeg is None
        done = [r for r in facts.files[frame.camera] if r.status == "done"]
        assert frame.n_gone == len(done) > 10
    page = build_page(facts, NOW, frames)
    assert page.count("No frame to show.") == 2


def test_names_and_errors_cannot_become_markup():
    evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
    for jpeg in (b"x", None):
        html = draw_frame(
            frame_of(evil, jpeg=jpeg, name=evil, bad=(evil,), unknown_gates=(evil,))
        )
        assert "<script" not in html
        assert html.count("<img") == (jpeg is not None)


def test_a_live_camera_has_nothing_recorded():
    html = draw_frame(frame_of("a", jpeg=None, n_live=3))
    assert "3 stretches were live, not recorded" in html
    assert "gone" not in html
    assert "No file was counted" in draw_frame(frame_of("a", jpeg=None))


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
def test_a_browser_shows_the_picture(facts, tmp_path):
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed: no browser"
    )
    camera = facts.cameras[0]
    page = build_page(facts, NOW, {camera: frame_of(camera)})
    (tmp_path / "page.html").write_text(page)
    faults = []
    with playwright.sync_playwright() as driver:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        seen = browser.new_page()
        seen.on(
            "console", lambda m: faults.append(m.text) if m.type == "error" else None
        )
        seen.goto((tmp_path / "page.html").as_uri())
        image = seen.locator("figure.frame img")
        assert image.evaluate("e => e.complete && e.naturalWidth") == 160
        browser.close()
    assert faults == []
