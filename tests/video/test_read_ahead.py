"""Samples made ahead: the same, in the same order, and no thread left behind."""

import itertools
import threading

import numpy as np
import pytest

from truckcount.domain.sample import Sample
from truckcount.errors import DecodeError
from truckcount.video.read_ahead import ReadAhead


class Film:
    """A decoder of samples by number; breaks after ``breaks_at`` of them."""

    def __init__(self, n, breaks_at=None):
        self.n, self.breaks_at = n, breaks_at
        self.n_made = 0
        self.threads = set()
        self.is_closed = False

    @property
    def report(self):
        return f"{self.n_made} made"

    def __iter__(self):
        try:
            for k in range(self.n):
                if k == self.breaks_at:
                    msg = "broken"
                    raise DecodeError(msg)
                self.threads.add(threading.current_thread().name)
                self.n_made += 1
                view = np.full((2, 2, 3), k % 256, np.uint8)
                yield Sample(tick=k, t_us=k, pts_us=k, views=(view,))
        finally:
            self.is_closed = True


def decode_threads():
    return [t for t in threading.enumerate() if t.name == "decode"]


@pytest.mark.parametrize("n", [0, 1, 100])
def test_samples_are_the_same_in_the_same_order(n):
    film = Film(n)
    ahead = ReadAhead(film, n_ahead=4)
    assert [s.tick for s in ahead] == list(range(n))
    assert ahead.report == f"{n} made"
    assert film.threads <= {"decode"}
    assert not decode_threads()


def test_what_the_decoder_raises_is_raised_after_what_it_gave():
    samples = iter(ReadAhead(Film(10, breaks_at=5)))
    assert [next(samples).tick for _ in range(5)] == [0, 1, 2, 3, 4]
    with pytest.raises(DecodeError, match="broken"):
        next(samples)
    assert not decode_threads()


def test_no_more_is_made_than_may_wait():
    film = Film(1000)
    samples = iter(ReadAhead(film, n_ahead=4))
    taken = list(itertools.islice(samples, 3))
    # 3 taken, 4 waiting, 1 in hand
    assert len(taken) == 3
    assert film.n_made <= 8
    samples.close()
    assert film.n_made <= 8
    assert not decode_threads()


def test_a_taker_who_leaves_ends_the_decoder():
    film = Film(1000)
    for sample in ReadAhead(film):
        if sample.tick == 2:
            break
    # the loop's generator goes with its last reference
    assert film.is_closed
    assert not decode_threads()
