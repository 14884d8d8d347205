"""A review server on a free port, for as long as a test runs."""

import threading

import pytest

from tests.labelling.pieces import make_set
from truckcount.labelling.review.server import ReviewServer
from truckcount.labelling.review.session import ReviewSession


@pytest.fixture
def made(tmp_path):
    return make_set(tmp_path / "set", 4)[0]


@pytest.fixture
def serve():
    """Start a server over a set; all are stopped at the end."""
    running = []

    def start(made, *, is_blurred=False, **options):
        session = ReviewSession(made, "ana", **options)
        server = ReviewServer(session, is_blurred=is_blurred)
        thread = threading.Thread(target=server.serve_forever, kwargs={
            "poll_interval": 0.02}, daemon=True)  # fmt: skip
        thread.start()
        running.append((server, thread))
        return server

    yield start
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join(30)
