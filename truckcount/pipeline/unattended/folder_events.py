"""Folders to the moment when something in them changes."""

import importlib.util
import logging
import threading
from collections.abc import Sequence
from pathlib import Path

logger = logging.getLogger(__name__)

POLL_S = 5.0  # where nothing tells of changes
RETRY_S = 10.0


class FolderEvents:
    """Waits for changes: told by the kernel, or after a while.

    It only says when to look. What has changed the look itself finds, so that a
    message lost by a network mount delays a file and never loses it.

    Parameters
    ----------
    poll_s : float, optional
        Only wait this long each time: for mounts that tell of nothing.
    """

    def __init__(self, folders: Sequence[str], poll_s: float | None = None) -> None:
        self._folders = list(folders)
        self._poll_s = poll_s
        self.is_told = False  # whether the last wait ended by a change
        if poll_s is None and importlib.util.find_spec("watchfiles") is None:
            logger.info("watchfiles is not installed: looking every %.0f s", POLL_S)
            self._poll_s = POLL_S
        self._changed = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        if self._poll_s is None:
            self._thread = threading.Thread(target=self._listen, daemon=True)
            self._thread.start()

    def wait(self, timeout_s: float) -> None:
        """Return when something changed, or after a time."""
        if self._poll_s is not None:
            timeout_s = min(timeout_s, self._poll_s)
        self.is_told = self._changed.wait(max(timeout_s, 0.0))
        self._changed.clear()

    def close(self) -> None:
        """Stop listening."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join(5)

    def _listen(self) -> None:
        from watchfiles import watch

        while not self._stopped.is_set():
            there = [folder for folder in self._folders if Path(folder).is_dir()]
            try:
                if there:
                    for _ in watch(
                        *there,
                        watch_filter=None,
                        debounce=400,
                        step=50,
                        rust_timeout=1000,
                        stop_event=self._stopped,
                        raise_interrupt=False,
                    ):
                        self._changed.set()
            except (OSError, RuntimeError) as error:  # gone, or no watches left
                logger.info("folders are looked at by the clock: %s", error)
            self._stopped.wait(RETRY_S)
