"""Batch-results files, the messy ones included."""

import random

import pytest

from tests.labelling.votes.batch import COLUMNS, row, write_batch
from truckcount.errors import LabelError
from truckcount.labelling.votes.batch_results import read_batches
from truckcount.labelling.votes.tasks import TaskFinder

FIND = TaskFinder(f"frames/{k:03d}.jpg" for k in range(9))
BOTH = [row(0, "W1", "Truck"), row(0, "W2", "No truck")]


def labels_of(batch):
    return {(v.task[-7:-4], v.worker): v.label for v in batch.votes}


def test_a_plain_file_gives_all_it_holds(tmp_path):
    batch = read_batches([write_batch(tmp_path / "b.csv", BOTH)], FIND)
    assert labels_of(batch) == {("000", "W1"): "truck", ("000", "W2"): "no_truck"}
    vote = batch.votes[0]
    assert (vote.assignment, vote.hit, vote.work_time_s) == ("A0-W1", "H0", 7.0)
    assert vote.submit_utc.isoformat() == "2025-10-09T07:30:27+00:00"
    assert batch.problems == []
    assert batch.n_rows == 2


@pytest.mark.parametrize(
    "options",
    [
        {"encoding": "utf-8-sig"},
        {"encoding": "latin-1"},
        {"encoding": "utf-16"},
        {"end": "\n"},
    ],
    ids=["BOM", "latin-1", "UTF-16", "LF"],
)
def test_the_encoding_and_line_ends_do_not_matter(tmp_path, options):
    rows = [r | {"Title": "Camión à Orléans, señor"} for r in BOTH]
    batch = read_batches([write_batch(tmp_path / "b.csv", rows, **options)], FIND)
    assert len(batch.votes) == 2


def test_columns_are_found_by_name_in_any_order_beside_unknown_ones(tmp_path):
    columns = [*COLUMNS, "Input.other", "My notes", "Answer.taskAnswers"]
    random.Random(1).shuffle(columns)
    batch = read_batches([write_batch(tmp_path / "b.csv", BOTH, columns)], FIND)
    assert labels_of(batch) == {("000", "W1"): "truck", ("000", "W2"): "no_truck"}


def test_a_file_saved_by_a_european_spreadsheet_is_read(tmp_path):
    path = write_batch(tmp_path / "b.csv", BOTH)
    path.write_text(path.read_text().replace('","', '";"'))
    assert len(read_batches([path], FIND).votes) == 2


def test_a_quoted_line_break_keeps_later_lines_right(tmp_path):
    rows = [
        row(0, "W1", "Truck", Description="two\nlines"),
        row(1, "W1", "Boat"),
        row(2, "W1", "Truck"),
    ]
    path = write_batch(tmp_path / "b.csv", rows, end="\n")
    (problem,) = read_batches([path], FIND).problems
    assert path.read_text().splitlines()[problem.line - 1].startswith('"H1"')


@pytest.mark.parametrize(
    "reject",
    [
        {"AssignmentStatus": "Rejected"},
        {"RejectionTime": "Thu Oct 09 09:30:20 UTC 2025"},
        {"AssignmentStatus": "Submitted", "Reject": "random clicks"},
    ],
    ids=["status", "time", "marked in the Reject column"],
)
def test_a_rejected_assignment_has_no_vote(tmp_path, reject):
    rows = [row(0, "W1", "Truck"), row(0, "W2", "No truck", **reject)]
    batch = read_batches([write_batch(tmp_path / "b.csv", rows)], FIND)
    assert labels_of(batch) == {("000", "W1"): "truck"}
    assert batch.rejected == {"A0-W2"}
    assert batch.problems == []


def test_a_later_file_takes_back_what_it_rejects(tmp_path):
    first = write_batch(tmp_path / "1.csv", BOTH)
    second = write_batch(
        tmp_path / "2.csv", [BOTH[0], BOTH[1] | {"AssignmentStatus": "Rejected"}]
    )
    for paths in ([first, second], [second, first]):
        assert labels_of(read_batches(paths, FIND)) == {("000", "W1"): "truck"}


def test_a_worker_has_one_vote_a_picture_the_latest(tmp_path):
    again = row(
        0, "W1", "No truck", AssignmentId="A9",
        SubmitTime="Thu Oct 09 01:00:00 PDT 2025",
    )  # fmt: skip
    batch = read_batches([write_batch(tmp_path / "b.csv", [again, *BOTH, *BOTH])], FIND)
    assert labels_of(batch) == {("000", "W1"): "no_truck", ("000", "W2"): "no_truck"}
    assert batch.n_duplicates == 3


def test_bad_rows_are_told_with_their_line_and_the_rest_is_kept(tmp_path):
    rows = [
        row(0, "W1", "Truck"),
        row(1, "W1", ""),
        row(2, "", "Truck"),
        row(77, "W1", "Truck"),
        row(3, "W1", "Boat"),
        row(4, "W1", "Truck", AssignmentStatus="Lost"),
        row(5, "W1", "Truck", **{"Input.image_url": ""}),
        row(6, "W1", "No truck", WorkTimeInSeconds="?", SubmitTime="yesterday"),
    ]
    path = write_batch(tmp_path / "b.csv", rows)
    path.write_bytes(path.read_bytes() + b'"H9","cut off"\r\n\r\n' + b'"x",' * 40)
    batch = read_batches([path], FIND)
    assert labels_of(batch) == {("000", "W1"): "truck", ("006", "W1"): "no_truck"}
    told = {p.line: p.reason for p in batch.problems}
    assert {
        line: next(w for w in words if w in told[line])
        for line, words in {
            3: ["answer is empty"],
            4: ["WorkerId is empty"],
            5: ["frames/077.jpg' is not in the label set"],
            6: ["'Boat' is not known"],
            7: ["'Lost' is not known"],
            8: ["Input.image_url is empty"],
            10: ["WorkerId is empty"],
            12: ["41 fields where the header has 31"],
        }.items()
    }
    assert sorted(told) == [3, 4, 5, 6, 7, 8, 10, 12]
    assert batch.votes[1].work_time_s is None
    assert batch.votes[1].submit_utc is None
    assert str(batch.problems[0]).startswith("b.csv:3: ")


def test_approve_and_reject_may_be_cut_off(tmp_path):
    path = write_batch(tmp_path / "b.csv", BOTH)
    lines = path.read_text().splitlines()
    path.write_text(
        "\n".join([lines[0], *(x.removesuffix(',"",""') for x in lines[1:])])
    )
    assert len(read_batches([path], FIND).votes) == 2


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        (("WorkerId", "Input.image_url"), "no column Answer"),
        (("Input.image_url", "Answer.a"), "no column WorkerId"),
        (("WorkerId", "Answer.a"), "Input.image_id or Input.image_url"),
        (("WorkerId", "Input.image_url", "Answer.a", "Answer.b"), "--answer"),
    ],
)
def test_a_file_of_another_kind_is_refused(tmp_path, columns, reason):
    path = write_batch(tmp_path / "b.csv", BOTH, columns)
    with pytest.raises(LabelError, match=reason):
        read_batches([path], FIND)


def test_an_empty_or_absent_file_is_refused(tmp_path):
    (tmp_path / "b.csv").write_text("\n\n")
    with pytest.raises(LabelError, match="is empty"):
        read_batches([tmp_path / "b.csv"], FIND)
    with pytest.raises(LabelError, match="cannot be read"):
        read_batches([tmp_path / "none.csv"], FIND)


def test_an_answer_longer_than_csvs_own_limit_is_read(tmp_path):
    long = '[{"category":{"label":"Truck"},"note":"' + "x" * 200_000 + '"}]'
    columns = [c for c in COLUMNS if not c.startswith("Answer")] + [
        "Answer.taskAnswers"
    ]
    rows = [row(0, "W1", "", **{"Answer.taskAnswers": long})]
    batch = read_batches([write_batch(tmp_path / "b.csv", rows, columns)], FIND)
    assert labels_of(batch) == {("000", "W1"): "truck"}
