"""The report: one file that stands alone, tells the truth and survives what is gone."""

import shutil
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from tests.training.report.runs import write_run
from truckcount.errors import LabelError
from truckcount.presence.weights import find_weights
from truckcount.training.report import plots, write_report
from truckcount.training.report.run_files import read_run

pytest.importorskip("matplotlib", reason="extra `train` is not installed")
VOID = {"meta", "img", "source", "br"}


class Page(HTMLParser):
    """Tags that open and close, every address, and the text."""

    def __init__(self, source):
        super().__init__()
        self.open, self.addresses, self.text = [], [], []
        self.feed(source)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        self.addresses += [v for k, v in attrs if k in {"src", "srcset", "href"}]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module", autouse=True)
def _coarse_pictures():
    """Nobody looks at these."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots, "DPI", 30)
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def page(run):
    path = write_report(run)
    assert path == run / "report.html"
    return Page(path.read_text())


def test_the_page_stands_alone(page):
    assert page.addresses
    assert all(a.startswith("data:image/") for a in page.addresses)


def test_figures_are_those_of_the_test_split(page):
    text = "".join(page.text)
    assert "4 frames of the split test, 2 with a truck" in text
    # two of four told wrongly: one truck missed, one other taken for one
    assert text.count("50.0 %") >= 5


def test_worst_mistakes_are_shown_as_pictures(page):
    text = " ".join(page.text)
    assert "2 of 2" in text
    assert "labelled no truck" in text
    assert "008.png" in text
    assert sum(a.startswith("data:image/jpeg") for a in page.addresses) == 2


def test_every_section_is_there(page):
    text = " ".join(page.text)
    for told in ("By camera", "By light", "north", "How it learned", "Facts"):
        assert told in text, told


def test_what_a_set_says_is_no_markup(page):
    assert "a<b" in "".join(page.text)


def test_frames_are_drawn_by_the_groups_of_the_label_set(run):
    scores = read_run(run).scores()
    assert (scores.unit_column, scores.outcomes.n_units) == ("group", 4)


def test_a_page_without_pictures_curves_or_facts_is_still_a_page(tmp_path):
    run = write_run(tmp_path, curves=False)
    shutil.rmtree(tmp_path / "set")
    (run / "config.json").unlink()
    (run / "metrics.json").unlink()
    text = " ".join(Page(write_report(run).read_text()).text)
    assert "the picture is gone" in text
    assert "How it learned" not in text


def test_no_frame_is_shown_as_it_was_when_nobody_is_to_be_known(run):
    def photos(**how):
        addresses = Page(write_report(run, **how).read_text()).addresses
        return {a for a in addresses if a.startswith("data:image/jpeg")}

    plain, blurred = photos(), photos(is_blurred=True)
    assert plain
    assert blurred
    assert plain.isdisjoint(blurred)


def test_a_run_without_mistakes_says_so(tmp_path):
    run = write_run(tmp_path, wrong=0)
    assert "Not one frame" in write_report(run).read_text()


def test_one_camera_has_no_interval_and_one_class_no_curve(tmp_path):
    run = write_run(tmp_path)
    table = pd.read_parquet(run / "predictions.parquet")
    table = table[(table["split"] == "test") & (table["label"] == 0)]
    table.drop(columns=["light"]).to_parquet(run / "predictions.parquet")
    shutil.rmtree(tmp_path / "set")
    text = " ".join(Page(write_report(run).read_text()).text)
    assert "no interval: one unit" in text or "–" in text  # noqa: RUF001


def test_a_folder_that_is_no_run_says_so(tmp_path):
    with pytest.raises(LabelError, match=r"no predictions\.parquet"):
        write_report(tmp_path)
    pd.DataFrame({"image": ["a"]}).to_parquet(tmp_path / "predictions.parquet")
    with pytest.raises(LabelError, match=r"lacks the columns \['label', 'p'\]"):
        write_report(tmp_path)


def test_frames_that_had_a_say_in_the_training_are_called_so(tmp_path, page):
    told = "No frame is of the split test"
    assert told not in "".join(page.text)
    run = write_run(tmp_path)
    table = pd.read_parquet(run / "predictions.parquet")
    table[table["split"] != "test"].to_parquet(run / "predictions.parquet")
    assert told in "".join(Page(write_report(run).read_text()).text)


@pytest.mark.parametrize(("is_truck", "told"), [(True, "with"), (False, "without")])
def test_the_frame_that_is_shown_is_called_what_it_is(tmp_path, is_truck, told):
    run = write_run(tmp_path)
    table = pd.read_parquet(run / "predictions.parquet")
    table = table[(table["split"] == "test") & ((table["label"] == 1) == is_truck)]
    table.to_parquet(run / "predictions.parquet")
    shutil.copy(find_weights("truckmap").path, run / "truckmap.safetensors")
    text = " ".join(Page(write_report(run).read_text()).text)
    assert f"A whole frame {told} a truck" in text


def test_figures_are_those_of_the_stored_scores_however_close_they_lie(run):
    """A network that can tell little says nearly the same of every frame."""
    files = read_run(run)
    p = files.predictions["p"].to_numpy(float)
    close = 0.5 + (p - 0.5) * 1e-5
    found = replace(files, predictions=files.predictions.assign(p=close)).scores()
    assert found.figures()["roc_auc"] == files.scores().figures()["roc_auc"]
    assert ((found.outcomes.p >= 0.5) == (p >= 0.5)).all()


def test_of_many_frames_figures_are_nearly_those_of_the_stored_scores(run):
    n = 20_002
    rng = np.random.default_rng(0)
    label = rng.integers(0, 2, n).astype(float)
    p = np.clip(0.5 + 0.1 * (label - 0.5) + rng.normal(0, 0.1, n), 0, 1)
    p[:2] = (0.49998, 0.50002)
    table = pd.DataFrame(
        {"image": [f"{k}.jpg" for k in range(n)], "label": label, "p": p}
    )
    outcomes = replace(read_run(run), predictions=table).scores().outcomes
    assert len(np.unique(outcomes.p)) < 10_010
    assert ((outcomes.p >= 0.5) == (p >= 0.5)).all()
    assert np.abs(outcomes.p - p).max() <= 5.1e-5


def test_a_map_without_a_temperature_is_told_of_none(tmp_path, page):
    told = "The temperature was fitted on the validation split."
    assert told in " ".join(page.text)
    run = write_run(tmp_path)
    (run / "metrics.json").write_text('{"network": "truckmap"}')
    text = " ".join(Page(write_report(run).read_text()).text)
    assert "temperature was fitted on" not in text
    assert "No temperature was fitted" in text


def test_a_figure_that_nothing_defines_is_said_to_need_both_labels(tmp_path):
    """It said that there is one unit, beside the intervals over several."""
    run = write_run(tmp_path, 24)
    table = pd.read_parquet(run / "predictions.parquet")
    is_kept = (table["split"] != "test") | (table["label"] == 0)
    table = table[is_kept].assign(group=[f"g{k}" for k in range(is_kept.sum())])
    table.to_parquet(run / "predictions.parquet")
    text = Page(write_report(run).read_text()).text
    assert "no interval: one unit" not in text
    assert text.count("needs frames with and without a truck") == 3
