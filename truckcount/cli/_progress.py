"""A run's progress as a bar on stderr, when that is a terminal."""

import sys
import time
from typing import Any

from truckcount.pipeline.result import FileOutcome


class ProgressBar:
    """Shows video time done, x real time, trucks so far and the time left."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
        )

        self._progress: Any = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.completed:.0f}/{task.total:.0f} files"),
            TextColumn("{task.fields[note]}"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task: Any = None
        self._began = time.monotonic()
        self._n_files = 0
        self._n_done = 0
        self._done_s = 0.0
        self._current: dict[str, float] = {}
        self._n_trucks = 0

    def started(self, n_files: int) -> None:
        """Open the bar."""
        self._n_files = n_files
        self._task = self._progress.add_task("counting", total=n_files, note="")
        self._progress.start()

    def advanced(self, path: str, video_s: float) -> None:
        """Move the bar within a file."""
        self._current[path] = video_s
        self._draw()

    def finished(self, outcome: FileOutcome, n_trucks: int) -> None:
        """Count a file off."""
        self._n_done += 1
        self._n_trucks = n_trucks
        self._current.pop(outcome.path, None)
        if outcome.status == "done":
            self._done_s += outcome.duration_s or 0.0
        self._draw()

    def close(self) -> None:
        """Take the bar away."""
        self._progress.stop()

    def _draw(self) -> None:
        video_s = self._done_s + sum(self._current.values())
        wall_s = max(time.monotonic() - self._began, 1e-3)
        note = f"{video_s:.0f} s of video, {video_s / wall_s:.0f}x real time"
        note += f", {self._n_trucks} trucks"
        if self._n_done:
            left_s = wall_s / self._n_done * (self._n_files - self._n_done)
            note += f", {left_s:.0f} s left"
        self._progress.update(self._task, completed=self._n_done, note=note)


def progress_for(*, is_quiet: bool) -> ProgressBar | None:
    """Return a bar where someone looks at one."""
    return ProgressBar() if sys.stderr.isatty() and not is_quiet else None
