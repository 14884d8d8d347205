"""The review page on this machine alone: loopback, a secret path, one origin."""

import json
import logging
import re
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from truckcount.audit.review_session import ReviewSession
from truckcount.errors import TruckcountError
from truckcount.loopback import LOOPBACK, LoopbackServer

__all__ = ["LOOPBACK", "ReviewServer"]

logger = logging.getLogger(__name__)

PAGE = Path(__file__).parent / "page"
FILES = {
    "": ("review.html", "text/html; charset=utf-8"),
    "review.css": ("review.css", "text/css; charset=utf-8"),
    "review.js": ("review.js", "text/javascript; charset=utf-8"),
}
CLIP_TYPES = {".mp4": "video/mp4", ".webm": "video/webm"}
MAX_BODY_BYTES = 4096
BLOCK_BYTES = 1 << 18
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; media-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class ReviewServer(LoopbackServer):
    """Serves one session until it is shut down.

    Parameters
    ----------
    port : int
        0 takes a free one.
    """

    def __init__(self, session: ReviewSession, port: int = 0) -> None:
        self.session = session
        super().__init__(_Handler, port)


class _Handler(BaseHTTPRequestHandler):
    """One request; anything odd is refused before it is read."""

    server: ReviewServer
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "truckcount", ""
    timeout = 60

    def do_GET(self) -> None:
        """Give the page, its state or a clip."""
        place = self._place()
        if place is None:
            return
        if place in FILES:
            name, kind = FILES[place]
            self._give((PAGE / name).read_bytes(), kind)
        elif place == "state":
            self._give_json(self.server.session.state())
        elif place.startswith("clip/"):
            self._give_clip(place.removeprefix("clip/"))
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "no such page")

    def do_POST(self) -> None:
        """Take an answer, or take one back."""
        place = self._place()
        if place is None:
            return
        session = self.server.session
        actions: dict[str, Callable[[dict[str, Any]], Any]] = {
            "answer": lambda body: session.answer(*_answer_of(body)),
            "undo": lambda _body: session.undo(),
        }
        if place not in actions:
            self._refuse(HTTPStatus.NOT_FOUND, "no such page")
            return
        if self.headers.get("Origin") not in self.server.origins:
            self._refuse(HTTPStatus.FORBIDDEN, "another origin may not post")
            return
        if self.headers.get_content_type() != "application/json":
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "want application/json")
            return
        body = self._body()
        if body is None:
            return
        try:
            changed = actions[place](body)
        except (TruckcountError, ValueError) as error:
            self._give_json({"error": str(error)}, HTTPStatus.CONFLICT)
            return
        self._give_json({"clip": changed, **session.state()})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - inherited
        """Log without the token."""
        logger.debug("%s", self.server.without_token(format % args))

    def _place(self) -> str | None:
        """Return the path below the token, or refuse."""
        if self.headers.get("Host") not in self.server.hosts:
            self._refuse(HTTPStatus.MISDIRECTED_REQUEST, "not this host")
            return None
        place = self.server.path_below_token(self.path)
        if place is None:
            self._refuse(HTTPStatus.NOT_FOUND, "no such page")
        return place

    def _body(self) -> dict[str, Any] | None:
        try:
            size = int(self.headers.get("Content-Length", "0"))
        except ValueError:
            size = -1
        if not 0 <= size <= MAX_BODY_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too long")
            return None
        try:
            body = json.loads(self.rfile.read(size))
        except ValueError:
            body = None
        if not isinstance(body, dict):
            self._refuse(HTTPStatus.BAD_REQUEST, "want a JSON object")
            return None
        return body

    def _give_clip(self, clip: str) -> None:
        """Give a clip, or the part a player asks for when it seeks."""
        path = self.server.session.clip_path(clip)
        if path is None or not path.is_file():
            self._refuse(HTTPStatus.NOT_FOUND, "no such clip")
            return
        size = path.stat().st_size
        start, end = 0, size - 1
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked is not None:
            start = int(asked[1])
            end = min(end, int(asked[2])) if asked[2] else end
            if start > end:
                self._head(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, 0, "text/plain")
                self.send_header("Content-Range", f"bytes */{size}")
                self.end_headers()
                return
        is_part = asked is not None
        status = HTTPStatus.PARTIAL_CONTENT if is_part else HTTPStatus.OK
        self._head(status, end - start + 1, CLIP_TYPES[path.suffix])
        self.send_header("Accept-Ranges", "bytes")
        if is_part:
            self.send_header("Content-Range", f"bytes {start}-{end}/{size}")
        self.end_headers()
        left = end - start + 1
        try:
            with path.open("rb") as file:
                file.seek(start)
                while left > 0 and (block := file.read(min(BLOCK_BYTES, left))):
                    self.wfile.write(block)
                    left -= len(block)
        except ConnectionError:  # the player went on to another place or clip
            self.close_connection = True

    def _give_json(self, value: Any, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._give(json.dumps(value).encode(), "application/json", status)

    def _give(self, body: bytes, kind: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        self._head(status, len(body), kind)
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        self.close_connection = True  # what else was sent is not read
        self._give(f"{why}\n".encode(), "text/plain; charset=utf-8", status)

    def _head(self, status: HTTPStatus, size: int, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(size))
        for name, value in HEADERS.items():
            self.send_header(name, value)


def _answer_of(body: dict[str, Any]) -> tuple[str, int]:
    clip, count = body.get("clip"), body.get("count")
    if not isinstance(clip, str) or type(count) is not int:
        msg = "an answer is a clip and a whole number"
        raise ValueError(msg)
    return clip, count
