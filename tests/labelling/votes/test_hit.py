import csv
import io
import json
import re
from html.parser import HTMLParser

import pytest

from tests.labelling.pieces import label_rows, make_set
from truckcount.errors import LabelError
from truckcount.labelling.votes.answers import Words
from truckcount.labelling.votes.hit import TEMPLATE, choose_images, upload_csv
from truckcount.labelling.votes.tasks import TaskFinder


def test_the_upload_names_each_picture_by_a_url_that_leads_back_to_it():
    images = ["frames/a b/ü&1.jpg", "frames/2.jpg"]
    text = upload_csv(images, "https://bucket.example/set/")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [r["image_id"] for r in rows] == images
    assert rows[1]["image_url"] == "https://bucket.example/set/frames/2.jpg"
    assert re.fullmatch(r"[!-~]+", rows[0]["image_url"]), "ASCII without blanks"
    find = TaskFinder(images)
    assert [find(r["image_url"]) for r in rows] == images


@pytest.mark.parametrize("prefix", ["http://b.example", "b.example/set", "/srv/set"])
def test_a_prefix_that_workers_browsers_refuse_is_refused(prefix):
    with pytest.raises(LabelError, match="https://"):
        upload_csv([], prefix)


def test_what_is_sent_out_is_what_still_needs_a_vote(tmp_path):
    made, images = make_set(tmp_path / "set", 6)
    made.add_labels(label_rows(images[:1], ["truck"]))
    made.add_labels(label_rows(images[1:2], ["no_truck"], "crowd", "crowd"))
    made.add_labels(
        label_rows(
            images[2:4], ["truck", "no_truck"], "model", "m", p_truck=[0.6, 0.01]
        )
    )
    assert sorted(choose_images(made)) == images[2:]
    assert choose_images(made, "uncertain") == images[2:3]
    assert sorted(choose_images(made, "all")) == images
    some = choose_images(made, limit=2, gold=images[:1], seed=3)
    assert len(some) == 3
    assert images[0] in some
    assert some == choose_images(made, limit=2, gold=images[:1], seed=3)
    with pytest.raises(LabelError, match="'few' is not one of"):
        choose_images(made, "few")


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open, self.seen = [], {}

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.seen[tag] = dict(attrs)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_template_is_a_whole_crowd_form():
    tags = Tags()
    tags.feed(TEMPLATE)
    assert tags.open == []
    assert tags.seen["crowd-form"] == {"answer-format": "flatten-objects"}
    widget = tags.seen["crowd-image-classifier"]
    assert (widget["name"], widget["src"]) == ("category", "${image_url}")
    assert {"short-instructions", "full-instructions"} <= set(tags.seen)
    assert tags.seen["script"]["src"].startswith("https://assets.crowd.aws/")


def test_our_import_understands_every_category_of_our_template():
    tags = Tags()
    tags.feed(TEMPLATE)
    categories = tags.seen["crowd-image-classifier"]["categories"].replace("'", '"')
    said = [Words().label_of(c) for c in json.loads(categories)]
    assert said == ["truck", "no_truck", "skip"]
