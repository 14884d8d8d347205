"""The clip that is looked at and the file that is written: never one and the same."""

from pathlib import Path

from truckcount.errors import ConfigError
from truckcount.video import find_sources
from truckcount.video.sources import Source

PICTURE_ENDINGS = (".png", ".jpg", ".jpeg")


def find_clip(clip: str) -> Source:
    """Return the one source at a path.

    Raises
    ------
    VideoNotFoundError
        When there is none.
    ConfigError
        When a folder or glob holds several: which one is meant?
    """
    sources = find_sources([clip])
    if len(sources) > 1:
        msg = f"{clip} holds {len(sources)} clips; give one, as {sources[0].name}"
        raise ConfigError(msg)
    return sources[0]


def check_output(output: Path, source: Source, suffixes: tuple[str, ...]) -> None:
    """Refuse to write over the recording, or a kind of file that cannot be written.

    Parameters
    ----------
    suffixes : tuple of str
        Endings that can be written, in lower case.

    Raises
    ------
    ConfigError
        Before anything is written.
    """
    # by what it is, not how it is spelled: a link to the recording is the recording
    if output.exists() and output.samefile(source.path):
        msg = f"{output} is the clip itself, which would be lost; choose another output"
        raise ConfigError(msg)
    if output.suffix.lower() not in suffixes:
        msg = f"{output}: want a file that ends in {', '.join(suffixes)}"
        raise ConfigError(msg)
