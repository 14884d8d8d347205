"""The page in a real browser: keys, a drag, undo, a reload, and the parquet."""

import os
import re
import shutil

import pytest

from tests.labelling.pieces import label_rows
from truckcount.labelling.label_set import LabelSet

playwright = pytest.importorskip(
    "playwright.sync_api", reason="playwright is not installed"
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
BROWSER = next((path for name in BROWSERS if (path := shutil.which(name))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine")
PATIENCE_MS = 60_000  # a loaded machine is no fault of the page


@pytest.fixture(scope="module")
def browser():
    # Chromium has no sandbox for root, as in a container
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with playwright.sync_playwright() as play:
        opened = play.chromium.launch(executable_path=BROWSER, args=arguments)
        yield opened
        opened.close()


class Page:
    """The page as its user has it: waits for what is seen, never for a time."""

    def __init__(self, browser, server):
        self.page = browser.new_page(viewport={"width": 1000, "height": 700})
        self.page.set_default_timeout(PATIENCE_MS)
        self.errors, self.urls = [], []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.urls.append(request.url))
        self.page.goto(server.url)
        self.at(None)

    def at(self, index):
        """Wait until picture ``index`` (None: any) is shown and all is saved."""
        self.page.wait_for_function(
            "i => document.body.dataset.saving === 'no' && "
            "(i === null ? 'index' in document.body.dataset"
            " : document.body.dataset.index === String(i))",
            arg=index,
        )

    def press(self, key, *, then):
        self.page.keyboard.press(key)
        self.at(then)

    def drag(self, start, end, *, size=(64, 48)):
        """Drag between two points given in picture pixels."""
        area = self.page.locator("#picture").bounding_box()
        scale = min((area["width"] - 24) / size[0], (area["height"] - 24) / size[1])
        left = area["x"] + (area["width"] - size[0] * scale) / 2
        top = area["y"] + (area["height"] - size[1] * scale) / 2
        mouse = self.page.mouse
        mouse.move(left + start[0] * scale, top + start[1] * scale)
        mouse.down()
        mouse.move(left + end[0] * scale, top + end[1] * scale, steps=3)
        mouse.up()

    def count(self, text):
        playwright.expect(self.page.locator("#count")).to_have_text(
            text, timeout=PATIENCE_MS
        )


def labels(made):
    rows = LabelSet.open(made.root).labels
    rows = rows[rows["labeller"] == "ana"]
    return {
        i[-7:-4]: label for i, label in zip(rows["image"], rows["label"], strict=True)
    }


def test_a_person_labels_by_keyboard_and_mouse(browser, serve, made):
    server = serve(made)
    page = Page(browser, server)
    page.press("t", then=1)
    page.press("n", then=2)
    page.press("s", then=3)
    assert labels(made) == {"000": "truck", "001": "no_truck", "002": "skip"}
    page.count("3 of 4")

    page.press("u", then=2)
    assert labels(made) == {"000": "truck", "001": "no_truck"}
    page.count("2 of 4")

    page.press("b", then=2)
    page.drag((8, 6), (40, 30))
    page.count("3 of 4")
    page.at(2)
    (box,) = made.boxes.to_dict("records")
    assert box["image"] == "frames/002.jpg"
    assert [box[n] for n in ("x1", "y1", "x2", "y2")] == pytest.approx(
        [8, 6, 40, 30], abs=0.2
    )
    assert labels(made)["002"] == "truck"

    page.drag((40, 30), (50, 44))  # its corner
    playwright.expect(page.page.locator("#boxes li")).to_have_text(
        [re.compile("^truck42 . 38$")], timeout=PATIENCE_MS
    )
    page.at(2)
    assert made.boxes["x2"].tolist() == pytest.approx([50], abs=0.2)
    page.press("2", then=2)
    page.press("Escape", then=2)
    # a bus: the box had said truck, the person has said nothing
    assert labels(made) == {"000": "truck", "001": "no_truck"}
    page.count("2 of 4")
    page.press("t", then=3)
    assert labels(made)["002"] == "truck"
    assert made.boxes["class"].tolist() == ["bus"]

    page.page.reload()
    page.at(3)  # the first without an answer
    page.count("3 of 4")
    page.press("ArrowLeft", then=2)
    assert page.page.locator("#boxes li").count() == 1
    page.press("Delete", then=2)
    playwright.expect(page.page.locator("#no-boxes")).to_be_visible(timeout=PATIENCE_MS)
    page.at(2)
    assert len(made.boxes) == 0
    page.press("n", then=3)
    page.press("n", then=3)
    page.count("4 of 4")
    assert labels(made) == {
        "000": "truck", "001": "no_truck", "002": "no_truck", "003": "no_truck"
    }  # fmt: skip
    assert page.errors == []
    assert all(u.startswith((server.url, "data:")) for u in page.urls)
    page.page.close()


def test_a_picture_that_is_gone_is_not_the_last_one(browser, serve, made):
    """The last picture stayed, as if it were to be answered again."""
    server = serve(made)
    (made.root / "frames/001.jpg").unlink()
    page = Page(browser, server)
    page.page.keyboard.press("t")
    toast = page.page.locator("#toast")
    playwright.expect(toast).to_contain_text("Picture 2 cannot", timeout=PATIENCE_MS)
    page.count("1 of 4")
    assert page.page.locator("#place").text_content() == ""
    assert page.page.locator("#facts dd").count() == 0
    page.page.keyboard.press("n")
    page.press("ArrowRight", then=2)
    playwright.expect(toast).to_be_hidden(timeout=PATIENCE_MS)
    assert labels(made) == {"000": "truck"}
    page.page.close()


def test_what_a_model_says_is_shown_and_taken_unless_blind(browser, serve, made):
    import pandas as pd

    who = {"source": "model", "labeller": "yolo"}
    image = "frames/000.jpg"
    made.add_labels(label_rows([image], ["truck"], **who, p_truck=[0.87]))
    box = {"class": "truck", "x1": 4, "y1": 4, "x2": 40, "y2": 30, "score": 0.87}
    made.add_boxes(pd.DataFrame([{"image": image, **box, **who}]))
    blind = Page(browser, serve(made, is_blind=True))
    assert not blind.page.get_by_text("0.87").is_visible()
    blind.press("a", then=0)
    assert labels(made) == {}
    blind.page.close()
    page = Page(browser, serve(made))
    playwright.expect(page.page.get_by_text("0.87")).to_be_visible(timeout=PATIENCE_MS)
    page.press("a", then=0)
    page.count("1 of 4")
    page.at(0)
    mine = made.boxes[made.boxes["source"] == "person"]
    assert mine[["x1", "y1", "x2", "y2"]].to_numpy().tolist() == [[4, 4, 40, 30]]
    assert labels(made) == {"000": "truck"}
    page.page.close()
