"""The only place that prints: text to stderr, data to stdout."""

import json
import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any

import click

from truckcount.domain.credentials import mask_credentials
from truckcount.errors import (
    CalibrationError,
    ConfigError,
    EmptySourceError,
    LabelError,
    StoreError,
    TruckcountError,
    VideoError,
    WeightsError,
)

EXIT_UNEXPECTED, EXIT_USAGE, EXIT_NOTHING_USABLE, EXIT_STORE = 1, 2, 4, 5


def exit_code_of(error: Exception) -> int:
    """Map an error to its exit code (design section 10)."""
    if isinstance(error, EmptySourceError | VideoError):
        return EXIT_NOTHING_USABLE
    if isinstance(error, CalibrationError | ConfigError | LabelError | WeightsError):
        return EXIT_USAGE
    if isinstance(error, StoreError):
        return EXIT_STORE
    return EXIT_UNEXPECTED


def give_error(error: Exception, code: int) -> None:
    """Give a program that asked for JSON an object, too, where all went wrong."""
    if "--json" in sys.argv:
        message = str(error)
        if isinstance(error, click.ClickException):
            message = error.format_message()
        give_json({"error": message or type(error).__name__, "exit_code": code})


def say(text: str, level: int = logging.INFO) -> None:
    """Say something to the person: on stderr; with ``--log-json`` as an object."""
    if is_json_logged():
        record = logging.LogRecord("truckcount", level, "", 0, text, None, None)
        text = _JsonFormatter().format(record)
    if sys.stderr is not None:  # else print would take stdout
        print(mask_credentials(text), file=sys.stderr)


def say_error(error: Exception) -> None:
    """Say in one line what went wrong."""
    name = "" if is_json_logged() else "truckcount: "
    if isinstance(error, TruckcountError):
        say(f"{name}{error}", logging.ERROR)
    else:
        say(
            f"{name}unexpected {type(error).__name__}: {error} (set "
            "TRUCKCOUNT_DEBUG=1 for the traceback)",
            logging.ERROR,
        )


def is_json_logged() -> bool:
    """Tell whether a program reads stderr: one JSON object a line, no bar."""
    return any(isinstance(h.formatter, _JsonFormatter) for h in logging.root.handlers)


def give(text: str) -> None:
    """Give data to the program that reads us: on stdout."""
    if sys.stdout is None:  # closed by who started us
        return
    # a file's name may hold bytes that are no text
    text = mask_credentials(text).encode("utf-8", "backslashreplace").decode("utf-8")
    try:
        print(text)
        sys.stdout.flush()
    except BrokenPipeError:
        # `truckcount hours | head` closes early; that is no error of ours
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def give_json(value: Any) -> None:
    """Give one JSON object."""
    give(json.dumps(value, indent=2, default=_spell, allow_nan=False))


def align(rows: list[list[str]], header: list[str]) -> str:
    """Lay out a table: text left, numbers right."""
    table = [header, *rows]
    widths = [max(len(row[i]) for row in table) for i in range(len(header))]
    is_number = [
        all(_is_number(row[i]) for row in rows) and bool(rows)
        for i in range(len(header))
    ]
    return "\n".join(
        "  ".join(
            cell.rjust(w) if right else cell.ljust(w)
            for cell, w, right in zip(row, widths, is_number, strict=True)
        ).rstrip()
        for row in table
    )


def configure_logging(*, is_verbose: bool, is_json: bool) -> None:
    """Log warnings, or all, to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if is_json else _TextFormatter())
    logging.basicConfig(
        level=logging.INFO if is_verbose else logging.WARNING,
        handlers=[handler],
        force=True,
    )
    logging.captureWarnings(is_json)  # of libraries, which print them


class _JsonFormatter(logging.Formatter):
    """One JSON object a record."""

    def format(self, record: logging.LogRecord) -> str:
        """Spell a record."""
        moment = datetime.fromtimestamp(record.created, UTC)
        trace = self.formatException(record.exc_info) if record.exc_info else None
        return json.dumps(
            {
                "time": moment.isoformat(),
                "level": record.levelname,
                "logger": record.name,
                "message": mask_credentials(record.getMessage()),
            }
            | ({} if trace is None else {"traceback": mask_credentials(trace)})
        )


class _TextFormatter(logging.Formatter):
    """One line a record, and its traceback where it has one."""

    def __init__(self) -> None:
        super().__init__("truckcount: %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """Spell a record."""
        return mask_credentials(super().format(record))


def _is_number(text: str) -> bool:
    return text.replace(".", "").replace("-", "").replace("x", "").isdigit() or (
        text in {"", "?"}
    )


def _spell(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "item"):
        return value.item()
    return str(value)
