"""Batch results to labels in a set, from the command line and again."""

import csv

import pytest

from tests.cli.conftest import truckcount  # noqa: F401
from tests.labelling.pieces import label_rows, make_set
from tests.labelling.votes.batch import PREFIX, row, write_batch
from truckcount.errors import LabelError
from truckcount.labelling.votes.crowd import import_votes
from truckcount.labelling.votes.table import read_votes

pytest.importorskip("crowdkit", reason="crowd-kit is not installed (extra `label`)")

VOTES = [
    row(0, "W1", "Truck"), row(0, "W2", "Truck"), row(0, "W3", "No truck"),
    row(1, "W1", "No truck"), row(1, "W2", "No truck"),
    row(2, "W1", "Cannot tell"),
]  # fmt: skip


@pytest.fixture
def made(tmp_path):
    return make_set(tmp_path / "set", 4)[0]


def crowd_labels(made):
    labels = made.labels[made.labels["source"] == "crowd"].set_index("image")
    return {i[-7:-4]: (r.label, r.p_truck) for i, r in labels.iterrows()}


def test_votes_become_soft_labels_beside_those_of_people(made, tmp_path):
    made.add_labels(label_rows(["frames/000.jpg"], ["no_truck"]))
    done = import_votes(
        [write_batch(tmp_path / "b.csv", VOTES)], made, method="majority"
    )
    assert (done.n_new_votes, done.n_labels) == (6, 3)
    found = crowd_labels(made)
    assert found["000"] == ("truck", pytest.approx(2 / 3))
    assert found["001"] == ("no_truck", 0)
    assert found["002"][0] == "skip"
    merged = made.merged_labels().set_index("image")
    assert merged["source"]["frames/000.jpg"] == "person"
    assert made.header["provenance"][-1]["what"] == "votes import"


def test_importing_again_changes_nothing(made, tmp_path):
    path = write_batch(tmp_path / "b.csv", VOTES)
    import_votes([path], made)
    before = read_votes(made), crowd_labels(made)
    done = import_votes([path, path], made)
    assert done.n_new_votes == 0
    assert read_votes(made).equals(before[0])
    assert str(crowd_labels(made)) == str(before[1])


def test_batches_add_up_and_a_rejection_takes_back(made, tmp_path):
    import_votes([write_batch(tmp_path / "1.csv", VOTES)], made, method="majority")
    more = [
        row(0, "W4", "No truck"), row(0, "W5", "No truck"),
        row(2, "W1", "", AssignmentStatus="Rejected"),
    ]  # fmt: skip
    import_votes([write_batch(tmp_path / "2.csv", more)], made, method="majority")
    found = crowd_labels(made)
    assert found["000"] == ("no_truck", pytest.approx(0.4))
    assert sorted(found) == ["000", "001"]


def test_a_file_without_one_vote_changes_nothing(made, tmp_path):
    path = write_batch(tmp_path / "b.csv", [row(77, "W1", "Truck")])
    with pytest.raises(LabelError, match=r"none of 1 rows .* b.csv:2: picture"):
        import_votes([path], made)
    assert not (made.root / "votes.parquet").exists()


def test_the_command_line_goes_out_and_comes_back(truckcount, made, tmp_path):  # noqa: F811
    said = truckcount(
        "votes", "export", made.root, "--url-prefix", PREFIX, "-o", "up.csv",
        "--template", "hit.html", "--json",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert said.json["n_pictures"] == 4
    assert "crowd-image-classifier" in (tmp_path / "hit.html").read_text()
    with (tmp_path / "up.csv").open(newline="") as file:
        sent = list(csv.DictReader(file))
    back = [
        row(k, w, "Truck" if k < 2 else "No truck", **{f"Input.{n}": v for n, v in
            sent_row.items()})
        for k, sent_row in enumerate(sorted(sent, key=lambda r: r["image_id"]))
        for w in ("W1", "W2")
    ]  # fmt: skip
    write_batch(tmp_path / "b.csv", [*back, row(0, "W3", "Boat")])
    (tmp_path / "gold.csv").write_text("image_id,label\n000.jpg,truck\n")
    arguments = ["votes", "import", "b.csv", "--to", made.root, "--gold", "gold.csv"]
    said = truckcount(*arguments, "--json")
    assert said.code == 3
    assert "b.csv:10: answer 'Boat'" in said.err
    assert said.json["n_labels"] == 4
    assert said.json["quality"]["gold"]["vote_accuracy"] == 1
    assert said.json["quality"]["krippendorff_alpha"] == 1
    assert said.json["problems"][0]["line"] == 10
    assert {k: v[0] for k, v in crowd_labels(made).items()} == {
        "000": "truck", "001": "truck", "002": "no_truck", "003": "no_truck"
    }  # fmt: skip
    said = truckcount(*arguments)
    assert "W1" in said.out
    assert "Krippendorff" in said.out
    said = truckcount(*arguments, "--truck-word", "Boat")
    assert said.code == 0, said.err


def test_batches_of_which_every_row_was_rejected_exit_with_4(
    truckcount,  # noqa: F811
    made,
    tmp_path,
):
    rows = [row(k, "W1", "Truck", AssignmentStatus="Rejected") for k in range(2)]
    write_batch(tmp_path / "all.csv", rows)
    before = made.header
    said = truckcount("votes", "import", "all.csv", "--to", made.root, "--json")
    assert said.code == said.json["exit_code"] == 4
    assert "none of 2 rows gives a vote; 2 are of rejected" in said.json["error"]
    assert made.header == before
    assert not (made.root / "votes.parquet").exists()


def test_one_batch_of_rejected_rows_among_others_exits_with_3(
    truckcount,  # noqa: F811
    made,
    tmp_path,
):
    rows = [row(3, "W1", "Truck", AssignmentStatus="Rejected")]
    write_batch(tmp_path / "bad.csv", rows)
    write_batch(tmp_path / "good.csv", VOTES)
    paths = ("good.csv", "bad.csv")
    said = truckcount("votes", "import", *paths, "--to", made.root, "--json")
    assert said.code == 3
    assert said.json["files_without_votes"] == [
        "bad.csv: none of 1 rows gives a vote (1 rejected)"
    ]
    assert said.json["n_new_votes"] == 6


def test_a_batch_that_takes_votes_back_has_done_something(
    truckcount,  # noqa: F811
    made,
    tmp_path,
):
    import_votes([write_batch(tmp_path / "1.csv", VOTES)], made)
    rows = [row(2, "W1", "", AssignmentStatus="Rejected")]
    write_batch(tmp_path / "2.csv", rows)
    said = truckcount("votes", "import", "2.csv", "--to", made.root, "--json")
    assert said.code == 3, "the file gives no vote, and says so"
    assert said.json["n_withdrawn"] == 1
