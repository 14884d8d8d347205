"""The review page in a real browser: keys, saving, undo, coming back."""

import os
import shutil
import time

import pytest

from tests.audit.serving import make_clips, serving
from truckcount.store.audits_table import read_audits

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed: no browser to drive"
)
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        options = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


class Page:
    """One open page; the policy forbids eval, so waiting is done from here."""

    def __init__(self, browser, url):
        self.faults = []
        self._page = browser.new_page(viewport={"width": 1100, "height": 760})
        self._page.on("pageerror", lambda error: self.faults.append(str(error)))
        self._page.on(
            "console",
            lambda m: self.faults.append(m.text) if m.type == "error" else None,
        )
        self._page.goto(url)

    def press(self, *keys):
        for key in keys:
            self._page.keyboard.press(key)

    def text(self, name):
        return self._page.evaluate(f"document.getElementById('{name}').textContent")

    def video(self, what):
        return self._page.evaluate(f"document.getElementById('video').{what}")

    def is_shown(self, selector):
        return self._page.locator(selector).is_visible()

    def until(self, test):
        end = time.monotonic() + PATIENCE_S
        while not test():
            assert time.monotonic() < end, "nothing happened"
            time.sleep(0.02)

    def ready(self):
        self.until(lambda: self.video("readyState") >= 2)


def answers(store):
    return {w.clip: w.y_human for w in read_audits(store.root) if w.y_human is not None}


@pytest.mark.video
def test_a_round_is_done_with_the_keyboard_alone(browser, tmp_path):
    store, clips = make_clips(tmp_path)
    with serving(store, clips) as server:
        page = Page(browser, server.url)
        page.ready()
        order = [i["clip"] for i in server.session.state()["items"]]
        assert page.text("n-all") == "4"
        assert page.text("count") == "\u2013"

        page.press("Enter")  # nothing said is not zero
        assert "Press 0" in page.text("note")
        assert answers(store) == {}

        page.press(" ")
        page.until(lambda: page.video("currentTime") > 0.3)
        page.press(" ")
        assert page.video("paused")
        page.press("ArrowRight")
        page.until(lambda: page.video("currentTime") > 4)
        page.press("ArrowLeft")
        page.until(lambda: page.video("currentTime") < 2)

        page.press("+", "+", "+", "-")
        assert page.text("count") == "2"
        page.press("1", "2")
        assert page.text("count") == "12"
        page.press("Backspace", "Enter")
        page.until(lambda: page.text("n-done") == "1")
        assert answers(store) == {order[0]: 1}

        page.press("u")
        page.until(lambda: page.text("n-done") == "0")
        assert answers(store) == {}
        page.ready()
        page.press("0", "Enter")
        page.until(lambda: page.text("n-done") == "1")
        assert answers(store) == {order[0]: 0}
        page.ready()
        page.press("3", "Enter")
        page.until(lambda: page.text("n-done") == "2")
        assert page.faults == []

    # the program is ended and started again: what was said is there
    with serving(store, clips) as server:
        page = Page(browser, server.url)
        page.ready()
        page.until(lambda: page.text("n-done") == "2")
        page.press("1", "Enter")
        page.until(lambda: page.text("n-done") == "3")
        page.press("1", "Enter")
        page.until(lambda: page.is_shown("#finish"))
        assert answers(store) == dict(zip(order, [0, 3, 1, 1], strict=True))
        assert page.faults == []


@pytest.mark.video
def test_a_page_of_another_origin_cannot_answer(browser, tmp_path):
    store, clips = make_clips(tmp_path)
    with serving(store, clips) as server:
        clip = server.session.state()["items"][0]["clip"]
        page = browser.new_page()
        page.goto("about:blank")
        said = page.evaluate(
            """async ([url, clip]) => {
              const body = JSON.stringify({ clip, count: 9 });
              const type = "application/json";
              const tries = [
                { method: "POST", body, headers: { "Content-Type": type } },
                { method: "POST", body, mode: "no-cors" },
              ];
              const said = [];
              for (const options of tries) {
                try { said.push((await fetch(url + "answer", options)).status); }
                catch (error) { said.push("refused"); }
              }
              return said;
            }""",
            [server.url, clip],
        )
        assert said[0] == "refused"
        assert said[1] in ("refused", 0)  # at most an opaque reply, refused as well
        assert answers(store) == {}
