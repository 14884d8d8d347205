"""A page that only the person at this machine can reach: what every one shares.

- It listens on 127.0.0.1, so no other machine can connect.
- The path begins with a random token, so no other user or page can guess it.
- ``Host`` must be this server's, so a foreign name that is made to point at
  127.0.0.1 (DNS rebinding) is not.
"""

import secrets
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOOPBACK = "127.0.0.1"
TOKEN_BYTES = 24


class LoopbackServer(ThreadingHTTPServer):
    """Serves one page until it is shut down.

    Parameters
    ----------
    handler : type of BaseHTTPRequestHandler
    port : int
        0 takes any free one.

    Raises
    ------
    OSError
        When the port is taken.
    """

    daemon_threads = True
    # or a second server could take over the port of one that just stopped
    allow_reuse_address = False

    def __init__(self, handler: type[BaseHTTPRequestHandler], port: int = 0) -> None:
        self.token = secrets.token_urlsafe(TOKEN_BYTES)
        super().__init__((LOOPBACK, port), handler)

    @property
    def url(self) -> str:
        """The address of the page, token included."""
        return f"http://{LOOPBACK}:{self.server_port}/{self.token}/"

    @property
    def hosts(self) -> frozenset[str]:
        """What ``Host`` may be."""
        names = (LOOPBACK, "localhost")
        return frozenset(f"{name}:{self.server_port}" for name in names)

    @property
    def origins(self) -> frozenset[str]:
        """What ``Origin`` may be."""
        return frozenset(f"http://{host}" for host in self.hosts)

    def path_below_token(self, path: str) -> str | None:
        """Return what follows the token in a request's path, without its query.

        None where the token is another or nothing follows it.
        """
        token, slash, rest = path.removeprefix("/").partition("?")[0].partition("/")
        if not slash or not secrets.compare_digest(token.encode(), self.token.encode()):
            return None
        return rest

    def without_token(self, text: str) -> str:
        """Return a text that may be logged."""
        return text.replace(self.token, "...")
