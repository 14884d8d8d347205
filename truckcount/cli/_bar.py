"""The one look of progress bars: on stderr, gone when done."""

import sys
from typing import Any

from truckcount.cli._console import is_json_logged


def make_bar() -> Any:
    """Return a rich progress bar whose tasks carry a ``note``."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        SpinnerColumn(),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[note]}"),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=Console(stderr=True),
        transient=True,
    )


def is_watched(*, is_quiet: bool) -> bool:
    """Tell whether someone looks at a bar."""
    return sys.stderr.isatty() and not is_quiet and not is_json_logged()
