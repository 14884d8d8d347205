"""Decode while the network runs: samples made ahead in a thread of their own."""

import queue
import threading
from collections.abc import Iterator

from truckcount.domain.sample import Sample
from truckcount.domain.segment import SegmentReport
from truckcount.video.decoder import Decoder

AHEAD = 16  # samples: two batches of one gate; a view is 180 kB
LEAVE_S = 5.0  # a decoder that waits for its bytes longer is left behind
POLL_S = 0.2

_Item = Sample | BaseException | None


class ReadAhead:
    """A decoder whose samples are made by a thread while the last are scored.

    FFmpeg and the network's runtime both let go of the interpreter, so two cores
    work on one file; what is decoded, and its order, stay the same. What the decoder
    raises is raised where its samples are taken.

    Parameters
    ----------
    decoder : Decoder
        Used by the thread alone.
    n_ahead : int
        Samples that may wait: memory stays bounded.
    """

    def __init__(self, decoder: Decoder, n_ahead: int = AHEAD) -> None:
        self._decoder = decoder
        self._n_ahead = n_ahead

    @property
    def report(self) -> SegmentReport:
        """What was read; known when the samples are exhausted."""
        return self._decoder.report

    def __iter__(self) -> Iterator[Sample]:
        """Yield the samples; the thread ends with them, or when they are left."""
        ready: queue.Queue[_Item] = queue.Queue(self._n_ahead)
        is_left = threading.Event()
        # daemon: a stream that blocks must not keep an interrupted program alive
        thread = threading.Thread(
            target=self._fill, args=(ready, is_left), name="decode", daemon=True
        )
        thread.start()
        try:
            while (item := ready.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            is_left.set()
            thread.join(LEAVE_S)

    def _fill(self, ready: "queue.Queue[_Item]", is_left: threading.Event) -> None:
        end: BaseException | None = None
        try:
            for sample in self._decoder:
                if not _put(ready, sample, is_left):
                    return
        except BaseException as error:  # noqa: BLE001 - raised again by the taker
            end = error
        _put(ready, end, is_left)


def _put(ready: "queue.Queue[_Item]", item: _Item, is_left: threading.Event) -> bool:
    """Hand an item over; False when nobody takes it any more."""
    while not is_left.is_set():
        try:
            ready.put(item, timeout=POLL_S)
        except queue.Full:
            continue
        return True
    return False
