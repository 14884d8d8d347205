from tests.labelling.pieces import label_rows, make_set


def test_the_most_trusted_source_wins(tmp_path):
    made, images = make_set(tmp_path)
    said = [
        ("model", "m", ["truck"] * 5),
        ("csv", "a.csv", ["no_truck"] * 4),
        ("crowd", "votes", ["truck"] * 3),
        ("person", "ana", ["no_truck"] * 2),
    ]
    for source, labeller, labels in said:
        rows = label_rows(images[: len(labels)], labels, source, labeller)
        made.add_labels(rows)
    merged = made.merged_labels()
    assert merged["image"].tolist() == images[:5]
    assert merged["source"].tolist() == ["person", "person", "crowd", "csv", "model"]
    assert merged["label"].tolist() == [
        "no_truck",
        "no_truck",
        "truck",
        "no_truck",
        "truck",
    ]


def test_labellers_of_one_rank_are_averaged_by_weight(tmp_path):
    made, images = make_set(tmp_path)
    made.add_labels(label_rows(images[:1], ["truck"], weight=[3.0]))
    made.add_labels(label_rows(images[:1], ["no_truck"], labeller="ben"))
    soft = label_rows(images[1:2], ["truck"], "crowd", "ds", p_truck=[0.75])
    made.add_labels(soft)
    merged = made.merged_labels()
    assert merged["p_truck"].tolist() == [0.75, 0.75]
    assert merged["n_labellers"].tolist() == [2, 1]


def test_a_skip_has_no_say_beside_a_label_but_shuts_out_lesser_sources(tmp_path):
    made, images = make_set(tmp_path)
    made.add_labels(label_rows(images[:2], ["skip", "skip"]))
    made.add_labels(label_rows(images[:1], ["truck"], labeller="ben"))
    made.add_labels(label_rows(images[:2], ["truck", "truck"], "model", "m"))
    merged = made.merged_labels()
    assert merged["image"].tolist() == images[:1]
    assert merged["n_labellers"].tolist() == [1]
