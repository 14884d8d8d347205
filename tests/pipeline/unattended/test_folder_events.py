"""Changes are told at once where the kernel tells; a clock helps out elsewhere."""

import time

import pytest

from truckcount.pipeline.unattended.folder_events import FolderEvents

LONG_S = 120.0  # no test waits for it: it is what a missed message would cost


@pytest.fixture
def events():
    opened = []

    def open_events(*arguments):
        opened.append(FolderEvents(*arguments))
        return opened[-1]

    yield open_events
    for one in opened:
        one.close()


def touch_until(path, events):
    """Write until told: the listener may take a moment to begin."""
    began = time.monotonic()
    for k in range(1000):
        path.write_text(str(k))
        events.wait(0.2)
        if time.monotonic() - began > LONG_S or events.is_told:
            return


def test_a_new_file_ends_the_wait(tmp_path, events):
    pytest.importorskip("watchfiles")
    one = events([str(tmp_path)])
    touch_until(tmp_path / "a.mp4", one)
    assert one.is_told


def test_a_folder_that_is_not_there_is_no_error(tmp_path, events):
    one = events([str(tmp_path / "gone")])
    one.wait(0.01)
    assert not one.is_told


def test_polling_waits_no_longer_than_told(tmp_path, events):
    one = events([str(tmp_path)], 0.01)
    one.wait(LONG_S)
    assert not one.is_told
