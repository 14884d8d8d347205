"""`truckcount votes export`: what strangers are given to look at."""

import csv

from tests.labelling.pieces import assert_mosaic, make_set
from tests.labelling.votes.batch import row, write_batch
from truckcount.labelling.label_set import LabelSet

PREFIX = "https://bucket.example/set"


def urls(path):
    with path.open(newline="") as handle:
        return {r["image_id"]: r["image_url"] for r in csv.DictReader(handle)}


def test_strangers_are_shown_mosaics_and_vote_on_the_set(truckcount, tmp_path):
    made, images = make_set(tmp_path / "set", 3)
    export = ("votes", "export", "set", "--url-prefix", f"{PREFIX}/", "-o", "up.csv")
    said = truckcount(*export, "--limit", "2", "--blur-people", "--json")
    assert said.code == 0
    assert said.json["pictures"] == "set/blurred/frames"
    assert f"upload it as {PREFIX}/blurred/frames" in said.err
    sent = urls(tmp_path / "up.csv")
    assert len(sent) == 2
    for image, url in sent.items():
        assert url == f"{PREFIX}/blurred/{image}"
        path = tmp_path / "set/blurred" / image
        assert_mosaic(made.root / image, path.read_bytes())
    votes = [
        row(k, worker, "Truck") | {"Input.image_url": sent[image]}
        for k, image in enumerate(images)
        if image in sent
        for worker in ("w1", "w2", "w3")
    ]
    write_batch(tmp_path / "batch.csv", votes)
    assert truckcount("votes", "import", "batch.csv", "--to", "set").code == 0
    labels = LabelSet.open(made.root).labels
    assert sorted(labels["image"]) == sorted(sent)
    assert set(labels["source"]) == {"crowd"}


def test_without_the_option_the_sets_own_pictures_are_named(truckcount, tmp_path):
    _, images = make_set(tmp_path / "set", 2)
    export = ("votes", "export", "set", "--url-prefix", PREFIX, "-o", "up.csv")
    said = truckcount(*export, "--json")
    assert said.json["pictures"] == "set/frames"
    assert urls(tmp_path / "up.csv") == {i: f"{PREFIX}/{i}" for i in images}
    assert not (tmp_path / "set/blurred").exists()
