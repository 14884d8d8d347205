"""A review session to a page in the browser of the person at this machine.

Only this machine reaches it, and of what runs here only who knows the address
(``truckcount.loopback``); besides:

- a write needs JSON and no foreign ``Origin``, so no other page can post;
- pictures are asked for by number, so there is no path to climb out of;
- the page may load and contact nothing but this server (``Content-Security-Policy``).
"""

import json
import logging
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from truckcount.errors import LabelError
from truckcount.labelling.mosaics import encode_mosaic
from truckcount.labelling.review.session import ReviewSession
from truckcount.loopback import LoopbackServer

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 1 << 20  # a picture full of boxes is a few kilobytes
PAGE_FOLDER = Path(__file__).parent / "page"
FILES = {
    "": ("page.html", "text/html; charset=utf-8"),
    "page.css": ("page.css", "text/css; charset=utf-8"),
    "page.js": ("page.js", "text/javascript; charset=utf-8"),
    "canvas.js": ("canvas.js", "text/javascript; charset=utf-8"),
}
PICTURE_TYPES = {
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
}
SAFETY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


class ReviewServer(LoopbackServer):
    """Serves one session until it is shut down.

    Parameters
    ----------
    session : ReviewSession
    port : int
        0 takes any free one.
    is_blurred : bool
        Show mosaics of the pictures; boxes fit the pictures all the same.

    Raises
    ------
    LabelError
        When the port is taken.
    """

    def __init__(
        self, session: ReviewSession, port: int = 0, *, is_blurred: bool = False
    ) -> None:
        self.session = session
        self.is_blurred = is_blurred
        try:
            super().__init__(_Handler, port)
        except OSError as error:
            msg = f"port {port} cannot be used ({error.strerror}); give another --port"
            raise LabelError(msg) from error


class _Handler(BaseHTTPRequestHandler):
    server: ReviewServer
    server_version = "truckcount"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    _n_unread = 0
    timeout = 60  # s; a half-sent request must not hold its thread for ever

    def do_GET(self) -> None:
        """Give the page, its files, the session or a picture."""
        self._answer(self._get)

    def do_POST(self) -> None:
        """Take an answer, or take one back."""
        self._answer(self._post)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log requests where `--verbose` shows them."""
        logger.debug("%s", self.server.without_token(format % args))

    def _answer(self, respond: Callable[[str], None]) -> None:
        length = self.headers.get("Content-Length", "")
        self._n_unread = int(length) if length.isdigit() else 0
        try:
            path = self._checked_path()
            if path is not None:
                respond(path)
        except (IndexError, ValueError) as error:
            self._refuse(HTTPStatus.NOT_FOUND, str(error))
        except LabelError as error:
            self._refuse(HTTPStatus.BAD_REQUEST, str(error))
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            self.close_connection = True  # the page was closed

    def _checked_path(self) -> str | None:
        """Return what follows the token, or refuse and return None."""
        if self.headers.get("Host", "").lower() not in self.server.hosts:
            self._refuse(HTTPStatus.FORBIDDEN, "this server has another name")
            return None
        path = self.server.path_below_token(self.path)
        if path is None:
            self._refuse(HTTPStatus.NOT_FOUND, "not found")
            return None
        if self._is_foreign():
            self._refuse(HTTPStatus.FORBIDDEN, "asked for by another page")
            return None
        return path

    def _is_foreign(self) -> bool:
        """Tell whether another page sent the request."""
        origin = self.headers.get("Origin")
        if origin is not None and origin not in self.server.origins:
            return True
        site = self.headers.get("Sec-Fetch-Site", "same-origin")
        # a link in a web terminal may lead here, and no page can read what it opens
        return self.command != "GET" and site != "same-origin"

    def _get(self, path: str) -> None:
        session = self.server.session
        if path in FILES:
            name, kind = FILES[path]
            self._send((PAGE_FOLDER / name).read_bytes(), kind)
        elif path == "api/session":
            self._send_json(session.overview())
        elif path.startswith("api/item/"):
            self._send_json(session.item(_index(path)))
        elif path.startswith("picture/"):
            picture = session.picture_path(_index(path))
            kind = PICTURE_TYPES.get(picture.suffix.lower(), "application/octet-stream")
            is_blurred = self.server.is_blurred
            data = encode_mosaic(picture) if is_blurred else picture.read_bytes()
            self._send(data, kind, "private, max-age=3600")
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "not found")

    def _post(self, path: str) -> None:
        value = self._read_json()
        if value is None:
            return
        session = self.server.session
        if path.startswith("api/answer/"):
            self._send_json(session.answer(_index(path), value))
        elif path == "api/undo":
            self._send_json(session.undo())
        else:
            self._refuse(HTTPStatus.NOT_FOUND, "not found")

    def _read_json(self) -> dict[str, Any] | None:
        """Read the body, or refuse and return None."""
        kind = self.headers.get("Content-Type", "").split(";")[0].strip().lower()
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "Content-Length is needed")
        elif int(length) > MAX_BODY_BYTES:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too large")
        elif kind != "application/json":
            # a form of another page can send text, but never this without asking
            self._refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "JSON is needed")
        else:
            try:
                self._n_unread = 0
                value = json.loads(self.rfile.read(int(length)))
            except ValueError:
                value = None
            if isinstance(value, dict):
                return value
            self._refuse(HTTPStatus.BAD_REQUEST, "a JSON object is needed")
        return None

    def _send_json(self, value: Any) -> None:
        self._send(json.dumps(value).encode(), "application/json")

    def _send(
        self,
        body: bytes,
        kind: str,
        cache: str = "no-store",
        status: HTTPStatus = HTTPStatus.OK,
    ) -> None:
        self.send_response(status)
        for name, value in SAFETY_HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", cache)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, status: HTTPStatus, reason: str) -> None:
        # what is left of the body must not be taken for the next request; a small
        # rest is read, for a socket closed over unread bytes may lose our answer
        self.close_connection = True
        if 0 < self._n_unread <= MAX_BODY_BYTES:
            self.rfile.read(self._n_unread)
            self._n_unread = 0
        body = json.dumps({"error": reason}).encode()
        self._send(body, "application/json", status=status)


def _index(path: str) -> int:
    text = path.rsplit("/", 1)[-1]
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        msg = "not found"
        raise IndexError(msg)
    return int(text)
