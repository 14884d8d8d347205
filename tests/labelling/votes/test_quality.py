import json

import pandas as pd
import pytest

from truckcount.labelling.votes.merge import Merged
from truckcount.labelling.votes.quality import krippendorff_alpha, measure_quality


def votes_of(*rows):
    return pd.DataFrame(rows, columns=["task", "worker", "label", "work_time_s"])


def merged_as(votes, **p_truck):
    """A merge with probabilities chosen here: crowd-kit is not needed to judge it."""
    share = votes["label"].eq("truck").groupby(votes["task"]).mean()
    rows = [
        {
            "image": image,
            "label": "truck" if p >= 0.5 else "no_truck",
            "p_truck": p,
            "n_votes": int((votes["task"] == image).sum()),
            "disagreement": min(share[image], 1 - share[image]),
        }
        for image, p in p_truck.items()
    ]
    none = pd.DataFrame(columns=["worker", "sensitivity", "specificity"])
    return Merged(labels=pd.DataFrame(rows), skills=none, method="majority")


VOTES = votes_of(
    ("a", "w1", "truck", 3.0), ("a", "w2", "no_truck", 5.0),
    ("b", "w1", "truck", 5.0), ("b", "w2", "truck", None), ("b", "w3", "truck", 9.0),
    ("c", "w3", "skip", 1.0), ("d", "w3", "no_truck", 2.0),
)  # fmt: skip
MERGED = merged_as(VOTES, a=0.5, b=1.0, d=0.0)


def test_a_worker_is_compared_with_the_others_never_with_itself():
    workers = measure_quality(VOTES, MERGED).workers.set_index("worker")
    # on picture a each is contradicted by all others, on b confirmed; d is w3's alone
    assert workers["agreement"].to_dict() == {"w1": 0.5, "w2": 0.5, "w3": 1.0}
    assert workers["n"].to_dict() == {"w1": 2, "w2": 2, "w3": 3}
    assert workers["n_skips"].to_dict() == {"w1": 0, "w2": 0, "w3": 1}
    assert workers["median_s"].to_dict() == {"w1": 4, "w2": 5, "w3": 2}


def test_the_pictures_that_split_the_crowd_are_listed():
    quality = measure_quality(VOTES, MERGED)
    assert quality.disputed["image"].tolist() == ["a"]
    assert quality.n_unanimous == 2


def test_gold_judges_votes_and_the_majority():
    gold = {"a": "truck", "b": "no_truck", "d": "no_truck", "z": "truck"}
    quality = measure_quality(VOTES, MERGED, gold)
    assert quality.gold == {
        "n_questions": 4,
        "n_answered": 3,
        "vote_accuracy": pytest.approx(2 / 6),
        "majority_accuracy": pytest.approx(1 / 2),  # a is split: no majority
    }
    workers = quality.workers.set_index("worker")
    assert workers["gold_accuracy"].to_dict() == {"w1": 0.5, "w2": 0, "w3": 0.5}


def test_what_is_unknown_is_null_in_json():
    report = json.loads(json.dumps(measure_quality(VOTES, MERGED).to_json()))
    assert report["gold"] is None
    assert report["workers"][0]["gold_accuracy"] is None
    assert report["workers"][0]["sensitivity"] is None
    assert report["workers"][0]["is_suspect"] is False


def test_alpha_is_unknown_without_overlap():
    assert krippendorff_alpha(votes_of(("a", "w1", "truck", 1.0))) is None
    assert krippendorff_alpha(votes_of()) is None
