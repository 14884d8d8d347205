"""A review server in a thread, over two recordings cut to four clips."""

import threading
from contextlib import contextmanager

from tests.audit.stores import filmed_store, plan_small
from truckcount.audit.clips import cut_clips
from truckcount.audit.review_server import ReviewServer
from truckcount.audit.review_session import ReviewSession


def make_clips(folder):
    """Make the store; return it and its folder of clips."""
    store = filmed_store(folder / "s", folder / "v")
    drawn = plan_small(store, per_stratum=(9, 9, 9), window_s=5)
    cut_clips(store, drawn, folder / "clips")
    return store, folder / "clips"


@contextmanager
def serving(store, clips, **options):
    """Serve until the block ends."""
    session = ReviewSession(store, clips, **({"labeller": "ann"} | options))
    with ReviewServer(session) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
