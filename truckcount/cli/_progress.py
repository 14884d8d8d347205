"""A run's progress as a bar on stderr, when that is a terminal."""

import time
from typing import Any

from truckcount.cli._bar import is_watched, make_bar
from truckcount.cli._console import say
from truckcount.pipeline.result import FileOutcome, RunResult


class ProgressBar:
    """Shows video time done, x real time, trucks so far and the time left.

    The bar's length is video seconds, as far as the files' headers tell them.
    """

    def __init__(self) -> None:
        self._progress = make_bar()
        self._task: Any = None
        self._began = time.monotonic()
        self._n_files = 0
        self._n_done = 0
        self._length_s: dict[str, float] = {}
        self._done_s: dict[str, float] = {}
        self._n_trucks = 0

    def started(self, n_files: int) -> None:
        """Open the bar."""
        self._n_files = n_files
        self._began = time.monotonic()
        self._task = self._progress.add_task("counting", total=None, note="")
        self._progress.start()

    def advanced(self, path: str, video_s: float, length_s: float | None) -> None:
        """Move the bar within a file, and lengthen it by a new one."""
        self._length_s[path] = max(length_s or 0.0, video_s)
        self._done_s[path] = video_s
        self._draw()

    def finished(self, outcome: FileOutcome, n_trucks: int) -> None:
        """Count a file off."""
        self._n_done += 1
        self._n_trucks = n_trucks
        if outcome.duration_s is not None:
            self._length_s[outcome.path] = outcome.duration_s
        self._done_s[outcome.path] = self._length_s.get(outcome.path, 0.0)
        self._draw()

    def close(self) -> None:
        """Take the bar away."""
        self._progress.stop()

    def _draw(self) -> None:
        video_s = sum(self._done_s.values())
        wall_s = max(time.monotonic() - self._began, 1e-3)
        known_s = sum(self._length_s.values())
        # files not opened yet are taken to be as long as those that are
        n_known = max(len(self._length_s), 1)
        total_s = known_s * max(self._n_files, n_known) / n_known
        note = (
            f"{self._n_done}/{self._n_files} files, "
            f"{_clock(video_s)} of {_clock(total_s)} video, "
            f"{video_s / wall_s:.0f}x real time, {self._n_trucks} trucks"
        )
        self._progress.update(
            self._task, completed=video_s, total=total_s or None, note=note
        )


def progress_for(*, is_quiet: bool) -> ProgressBar | None:
    """Return a bar where someone looks at one."""
    return ProgressBar() if is_watched(is_quiet=is_quiet) else None


def say_outcomes(result: RunResult) -> None:
    """Say a line for each file, or piece of a live camera, that was counted."""
    from truckcount.pipeline.unattended.watch import spell_outcome

    for outcome in result.file_outcomes:
        if not outcome.is_failed:  # failures are logged where they happen
            say(spell_outcome(outcome))


def say_plans(result: RunResult, told: set[str]) -> None:
    """Say what ``--speed fastest`` chose for each camera, where it was not told yet."""
    for camera, plan in result.speed.get("plans", {}).items():
        line = f"{camera}: {plan['reason']}"
        if line not in told:
            say(line)
            told.add(line)


def say_warnings(result: RunResult) -> None:
    """Say what is odd about single files; of whole cameras, ``camera_warnings``."""
    from truckcount.pipeline.camera_warnings import is_of_camera

    for outcome in result.file_outcomes:
        for warning in outcome.warnings:
            if not is_of_camera(warning, outcome.camera):
                say(f"{outcome.path}: {warning}")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
