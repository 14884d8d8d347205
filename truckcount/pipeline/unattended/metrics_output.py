"""Prometheus' text to where it is read: a file to collect, or a page to scrape."""

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from truckcount.errors import ConfigError

logger = logging.getLogger(__name__)


class MetricsFile:
    """A file that is replaced whole; trouble with it stops nobody.

    Parameters
    ----------
    path : Path
        ``*.prom`` in node_exporter's folder.

    Raises
    ------
    ConfigError
        When its folder is not there.
    """

    def __init__(self, path: Path) -> None:
        if not path.parent.is_dir():
            msg = (
                f"--metrics {path}: there is no folder {path.parent}; make it, or give "
                "that of node_exporter's --collector.textfile.directory"
            )
            raise ConfigError(msg)
        self._path = path
        self._is_out = False

    def write(self, text: str) -> None:
        """Replace the file; what goes wrong is logged once until it is right again."""
        draft = self._path.with_name(f".{self._path.name}.{os.getpid()}.tmp")
        try:
            draft.write_text(text, encoding="utf-8")
            draft.replace(self._path)  # a collector never reads half a file
        except OSError as error:
            with suppress(OSError):  # a disk that is full need not hold half of it
                draft.unlink()
            if not self._is_out:
                logger.warning("metrics are not written, counting goes on: %s", error)
            self._is_out = True
            return
        if self._is_out:
            logger.warning("%s is written again", self._path)
        self._is_out = False


@contextmanager
def serve_metrics(spell: Callable[[], str], port: int) -> Iterator[str]:
    """Serve a text to this machine; yield the address.

    Parameters
    ----------
    spell : function to str
        Called for every scrape.

    Raises
    ------
    ConfigError
        When the port is taken, or not for this user.
    """

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = spell().encode()
            is_there = self.path in {"/metrics", "/"}
            self.send_response(200 if is_there else 404)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(body if is_there else b"see /metrics\n")

        def log_message(self, *_: object) -> None:
            """Say nothing of every scrape."""

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Page)
    except OSError as error:
        msg = f"--metrics-port {port} cannot be served: {error}; give another"
        raise ConfigError(msg) from error
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/metrics"
    finally:
        server.shutdown()
        server.server_close()
