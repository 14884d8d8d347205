import pytest

from truckcount.labelling.votes.answers import AnswerError, Words, read_answer

WORDS = Words()


@pytest.mark.parametrize(
    ("name", "row", "label"),
    [
        ("category", {"Answer.category.label": "Truck"}, "truck"),
        ("category", {"Answer.category.label": "No truck"}, "no_truck"),
        ("category", {"Answer.category.label": "cannot_tell"}, "skip"),
        ("category", {"Answer.category.label": "None of the above"}, "no_truck"),
        ("category", {"Answer.category.label": "don&#39;t know"}, "skip"),
        ("truck", {"Answer.truck.yes": "true", "Answer.truck.no": "false"}, "truck"),
        ("truck", {"Answer.truck.yes": "FALSE", "Answer.truck.no": "TRUE"}, "no_truck"),
        ("truck", {"Answer.truck.on": "true"}, "truck"),
        ("truck", {"Answer.truck.on": "false"}, "no_truck"),
        ("q", {"Answer.q": "no-truck"}, "no_truck"),
        (None, {"Answer.taskAnswers": '[{"category":{"label":"Truck"}}]'}, "truck"),
        (None, {"Answer.taskAnswers": '[{"t":{"yes":false,"no":true}}]'}, "no_truck"),
        (None, {"Answer.taskAnswers": '[{"t":{"labels":["No truck"]}}]'}, "no_truck"),
        (None, {"Answer.taskAnswers": '[{"q":"yes"}]'}, "truck"),
        (None, {"Answer.taskAnswers": '[{"category":{"label":"Truck"},"c":""}]'},
         "truck"),
        (None, {"Answer.taskAnswers": "[{&#34;c&#34;:{&#34;label&#34;:&#34;No&#34;}}]"},
         "no_truck"),
        ("b", {"Answer.taskAnswers": '[{"a":"yes","b":"no"}]'}, "no_truck"),
    ],
)  # fmt: skip
def test_every_spelling_of_an_answer_is_understood(name, row, label):
    assert read_answer(row, name, WORDS) == label


@pytest.mark.parametrize(
    ("name", "row", "reason"),
    [
        ("category", {"Answer.category.label": " "}, "empty"),
        ("category", {"Answer.category.label": "Boat"}, "'Boat' is not known"),
        ("t", {"Answer.t.yes": "false", "Answer.t.no": "false"}, "empty"),
        ("t", {"Answer.t.yes": "true", "Answer.t.no": "true"}, "2 of the choices"),
        (None, {"Answer.taskAnswers": "[{"}, "no JSON"),
        (None, {"Answer.taskAnswers": ""}, "empty"),
        (None, {"Answer.taskAnswers": '[{"a":"yes","b":"no"}]'}, "--answer"),
        (None, {"Answer.taskAnswers": "[]"}, "no field"),
        (None, {}, "empty"),
    ],
)
def test_what_says_neither_is_refused_with_its_reason(name, row, reason):
    with pytest.raises(AnswerError, match=reason):
        read_answer(row, name, WORDS)


def test_words_of_ones_own_win_over_ours():
    words = Words.with_own(["Camion", "other"], ["Rien"])
    assert words.label_of("camion") == "truck"
    assert words.label_of("Other") == "truck"
    assert words.label_of("rien") == "no_truck"
    assert words.label_of("yes") == "truck"
