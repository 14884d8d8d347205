"""When a failed file is tried again, and when no more."""

import pytest

from truckcount.pipeline.unattended.attempts import US_PER_S, Attempts, read_attempts
from truckcount.video import Source

NOW_US = 1_772_438_400 * US_PER_S
BAD = Source(path="/rec/bad.mp4", size_bytes=9, mtime=1_772_438_000.5)


def test_each_failure_waits_longer_than_the_last_until_none_is_tried(tmp_path):
    attempts = Attempts(tmp_path, quarantine_after=6)
    waits = []
    for _ in range(6):
        one = attempts.failed(BAD, "corrupt", "no picture", NOW_US)
        waits.append(None if one.next_us is None else (one.next_us - NOW_US) / 6e7)
    assert waits == [1, 5, 25, 125, 625, None]
    assert one.is_quarantined


def test_what_is_saved_is_read_again(tmp_path):
    attempts = Attempts(tmp_path)
    one = attempts.failed(BAD, "corrupt", "no picture", NOW_US)
    attempts.save()
    assert read_attempts(tmp_path) == [one]
    assert Attempts(tmp_path).of(BAD) == one
    assert [p.name for p in (tmp_path / "_meta").iterdir()] == ["attempts.json"]


@pytest.mark.parametrize(
    "changed",
    [
        Source(path=BAD.path, size_bytes=10, mtime=BAD.mtime),
        Source(path=BAD.path, size_bytes=9, mtime=BAD.mtime + 1),
    ],
    ids=["grown", "written again"],
)
def test_a_changed_file_begins_anew(tmp_path, changed):
    attempts = Attempts(tmp_path, quarantine_after=1)
    assert attempts.failed(BAD, "corrupt", "no picture", NOW_US).is_quarantined
    assert attempts.of(changed) is None


def test_a_released_file_is_tried_at_once(tmp_path):
    attempts = Attempts(tmp_path, quarantine_after=1)
    attempts.failed(BAD, "corrupt", "no picture", NOW_US)
    assert attempts.release(NOW_US + 5) == 1
    assert attempts.of(BAD).next_us == NOW_US + 5


@pytest.mark.parametrize("body", ["", "{", "[1]", '[{"path": "x"}]'])
def test_a_damaged_list_is_as_good_as_none(tmp_path, body):
    (tmp_path / "_meta").mkdir()
    (tmp_path / "_meta" / "attempts.json").write_text(body)
    assert read_attempts(tmp_path) == []
