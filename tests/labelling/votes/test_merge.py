"""Merging: soft labels, workers told apart, crowds simulated."""

import builtins

import numpy as np
import pandas as pd
import pytest

from truckcount.errors import LabelError
from truckcount.labelling.votes.merge import merge_votes
from truckcount.labelling.votes.quality import krippendorff_alpha, measure_quality

needs_crowdkit = pytest.mark.skipif(
    __import__("importlib").util.find_spec("crowdkit") is None,
    reason="crowd-kit is not installed (extra `label`)",
)


def table(*rows):
    votes = pd.DataFrame(rows, columns=["task", "worker", "label"])
    return votes.assign(work_time_s=7.0)


def simulate(seed, right, n_tasks=150, n_each=5):
    """Workers who are right with a known rate; ``n_each`` of them see each task."""
    rng = np.random.default_rng(seed)
    truth = {f"t{k}": "truck" if k % 3 == 0 else "no_truck" for k in range(n_tasks)}
    rows = []
    for task, label in truth.items():
        for worker in rng.choice(len(right), n_each, replace=False):
            is_right = rng.random() < right[worker]
            other = "no_truck" if label == "truck" else "truck"
            rows.append((task, f"w{worker}", label if is_right else other))
    return table(*rows), truth


def accuracy(merged, truth):
    return (merged.labels["label"] == merged.labels["image"].map(truth)).mean()


@needs_crowdkit
def test_the_majoritys_probability_is_its_share():
    votes = table(
        ("a", "1", "truck"), ("a", "2", "truck"), ("a", "3", "no_truck"),
        ("b", "1", "no_truck"), ("c", "1", "skip"), ("d", "1", "truck"),
        ("d", "2", "skip"), ("e", "1", "truck"), ("e", "2", "no_truck"),
    )  # fmt: skip
    rows = merge_votes(votes, "majority").labels.set_index("image")
    assert rows["p_truck"].round(3).to_dict() == pytest.approx(
        {"a": 0.667, "b": 0.0, "c": np.nan, "d": 1.0, "e": 0.5}, nan_ok=True
    )
    assert rows["label"].to_dict() == {
        "a": "truck", "b": "no_truck", "c": "skip", "d": "truck", "e": "truck"
    }  # fmt: skip
    assert rows["n_votes"].to_dict() == {"a": 3, "b": 1, "c": 1, "d": 2, "e": 2}
    assert rows["disagreement"]["a"] == pytest.approx(1 / 3)


@needs_crowdkit
def test_a_coin_toss_is_labelled_by_the_probability_that_a_set_keeps():
    """Dawid-Skene ends a hair below 0.5 for t1, which the table rounds to 0.5."""
    said = {"t0": "truck", "t2": "no_truck", "t3": "no_truck", "t4": "no_truck"}
    rows = [(task, worker, label) for task, label in said.items() for worker in "ab"]
    votes = table(*rows, ("t1", "a", "truck"), ("t1", "b", "no_truck"))
    merged = merge_votes(votes).labels.set_index("image")
    kept = np.float32(merged["p_truck"]["t1"])
    assert kept == 0.5
    assert merged["label"]["t1"] == "truck"


@needs_crowdkit
@pytest.mark.parametrize("seed", [11, 12])
def test_dawid_skene_recovers_at_least_as_much_as_the_majority(seed):
    # two careful workers among guessers and two who have understood it wrongly
    right = [0.97, 0.95, 0.9, 0.55, 0.5, 0.55, 0.3, 0.25]
    votes, truth = simulate(seed, right, n_tasks=120)
    by_model = accuracy(merge_votes(votes), truth)
    assert by_model >= accuracy(merge_votes(votes, "majority"), truth)
    assert by_model > 0.8


@needs_crowdkit
def test_dawid_skene_finds_the_error_rates_that_were_put_in():
    right = [0.95, 0.9, 0.9, 0.85, 0.85, 0.6]
    votes, truth = simulate(5, right, n_tasks=300)
    merged = merge_votes(votes)
    quality = measure_quality(votes, merged, dict(list(truth.items())[:60]))
    workers = quality.workers.set_index("worker")
    for worker, rate in enumerate(right):
        found = workers.loc[f"w{worker}"]
        assert found["sensitivity"] == pytest.approx(rate, abs=0.1)
        assert found["specificity"] == pytest.approx(rate, abs=0.1)
        assert found["gold_accuracy"] == pytest.approx(rate, abs=0.16)
    assert workers["agreement"].idxmin() == "w5"
    assert quality.gold["vote_accuracy"] == pytest.approx(np.mean(right), abs=0.06)


@needs_crowdkit
def test_a_worker_worse_than_chance_is_marked():
    votes, truth = simulate(2, [0.95, 0.95, 0.95, 0.95, 0.4], n_each=5, n_tasks=60)
    workers = measure_quality(votes, merge_votes(votes), truth).workers
    assert workers.set_index("worker")["is_suspect"].to_dict() == {
        "w0": False, "w1": False, "w2": False, "w3": False, "w4": True
    }  # fmt: skip


@needs_crowdkit
def test_gold_teaches_dawid_skene_who_is_right():
    """Two agree on everything wrong, one is right: only gold can tell."""
    rows, truth = [], {}
    for k in range(40):
        task, label = f"t{k}", ("truck", "no_truck")[k % 2]
        other = ("no_truck", "truck")[k % 2]
        truth[task] = label
        rows += [(task, "right", label), (task, "x", other), (task, "y", other)]
    votes = table(*rows)
    assert accuracy(merge_votes(votes), truth) == 0
    gold = dict(list(truth.items())[:30])
    merged = merge_votes(votes, gold=gold)
    assert accuracy(merged, truth) == 1
    skills = merged.skills.set_index("worker")
    assert skills["sensitivity"]["right"] > 0.9 > 0.1 > skills["sensitivity"]["x"]


@needs_crowdkit
@pytest.mark.parametrize("method", ["dawid-skene", "majority"])
def test_a_crowd_that_says_one_thing_only_is_no_trouble(method):
    votes = table(
        ("a", "1", "no_truck"), ("b", "1", "no_truck"), ("b", "2", "no_truck")
    )
    merged = merge_votes(votes, method, gold={"a": "truck", "z": "truck"})
    assert merged.labels["p_truck"].tolist() == [0, 0]
    quality = measure_quality(votes, merged, {"a": "truck"})
    assert quality.alpha is None
    assert quality.gold["vote_accuracy"] == 0
    assert quality.workers["is_suspect"].tolist() == [False, False]


@needs_crowdkit
def test_votes_that_all_skip_give_skips():
    votes = table(("a", "1", "skip"))
    merged = merge_votes(votes)
    assert merged.labels["label"].tolist() == ["skip"]
    assert merged.labels["p_truck"].isna().all()
    report = measure_quality(votes, merged).to_json()
    assert report["workers"][0]["agreement"] is None
    assert report["gold"] is None


@needs_crowdkit
@pytest.mark.parametrize("seed", range(3))
def test_alpha_is_crowdkits(seed):
    from crowdkit.metrics.data import alpha_krippendorff

    votes, _ = simulate(seed, [0.9, 0.8, 0.7, 0.6], n_tasks=30, n_each=2 + seed % 2)
    votes = pd.concat([votes, table(("alone", "w0", "truck"))])
    ours = krippendorff_alpha(votes)
    assert ours == pytest.approx(alpha_krippendorff(votes[["task", "worker", "label"]]))


def test_an_unknown_method_is_refused():
    with pytest.raises(LabelError, match="'mean' is not one of"):
        merge_votes(table(("a", "1", "truck")), "mean")


def test_without_crowdkit_the_error_says_what_to_install(monkeypatch):
    real = builtins.__import__

    def block(name, *args, **kwargs):
        if name.startswith("crowdkit"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", block)
    with pytest.raises(LabelError, match=r"truckcount\[label\]"):
        merge_votes(table(("a", "1", "truck")))
