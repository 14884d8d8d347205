"""What a file raised, whatever it is, to an error of ours that names the file."""

import logging
import traceback
from pathlib import Path

from truckcount.errors import DecodeError, TruckcountError, VideoError

logger = logging.getLogger(__name__)


def file_error(name: str, error: Exception) -> TruckcountError:
    """Spell what reading or placing one file raised as that file's failure.

    Raises
    ------
    TruckcountError
        The error itself, where it is of the model, the options or the store: then
        no file can be counted.
    """
    if isinstance(error, VideoError):
        return error
    if isinstance(error, TruckcountError):
        raise error
    if isinstance(error, OSError):
        return DecodeError(f"{name}: cannot be read: {error}")
    if isinstance(error, MemoryError):
        return VideoError(f"{name}: not enough memory to read it")
    logger.info("%s", name, exc_info=error)
    return VideoError(f"{name}: {spell_unexpected(error)}")


def spell_unexpected(error: Exception) -> str:
    """Say what nobody thought of: its kind, its place, its last line."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return (
        f"unexpected {type(error).__name__} at {Path(last.filename).name}:"
        f"{last.lineno}: {error}; the other files are done (--verbose shows the "
        "traceback)"
    )
