import pytest

from truckcount.labelling.votes.turk_time import parse_turk_time


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("Thu Oct 09 07:30:20 UTC 2025", "2025-10-09T07:30:20+00:00"),
        ("Thu Oct 09 00:30:20 PDT 2025", "2025-10-09T07:30:20+00:00"),
        ("Wed Dec 31 23:59:59 PST 2025", "2026-01-01T07:59:59+00:00"),
        ("Thu Oct 9 07:30:20 GMT+02:00 2025", "2025-10-09T05:30:20+00:00"),
        ("2025-10-09T07:30:20Z", "2025-10-09T07:30:20+00:00"),
        ("2025-10-09T07:30:20.123-07:00", "2025-10-09T14:30:20.123000+00:00"),
    ],
)
def test_a_time_is_the_instant_it_names(text, utc):
    assert parse_turk_time(text).isoformat() == utc


@pytest.mark.parametrize(
    "text",
    [
        "", "soon", "Thu Oct 09 07:30:20 WAT 2025", "Thu Foo 09 07:30:20 UTC 2025",
        "Thu Oct 39 07:30:20 UTC 2025", "2025-10-09T07:30:20",
        "Thu Oct 09 07:30:20 GMT+99:00 2025",
    ],
)  # fmt: skip
def test_a_time_without_sense_or_zone_is_unknown_not_wrong(text):
    assert parse_turk_time(text) is None
