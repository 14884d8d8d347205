"""URLs to cameras, so that no two cameras are taken for one."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from truckcount.domain.credentials import harmless_part, mask_url
from truckcount.errors import ConfigError
from truckcount.pipeline.cameras import CameraBook, open_book
from truckcount.pipeline.config import RunOptions
from truckcount.video import Source, is_live_url, read_source_name
from truckcount.video.sources import URL_PATTERN


def check_urls(options: RunOptions, paths: Sequence[str]) -> None:
    """Refuse URLs of which two would be counted as one camera; opens none.

    A camera's name is seen by all, so that what may be a secret in a URL is left out
    of it: two channels that such a key tells apart get the same name, as do long
    paths that differ at their end. Two live cameras never share a name; recordings
    behind URLs do where a time in their names, ``match`` or ``--camera`` tells whose
    they are.

    Raises
    ------
    ConfigError
        Naming the two, masked.
    """
    urls = [path for path in dict.fromkeys(paths) if URL_PATTERN.match(path)]
    if len(urls) < 2:
        return
    # a gate in pixels is measured on a picture, and a name needs none
    book = open_book(replace(options, gate=None))
    seen: dict[tuple[str, ...], str] = {}
    for url in urls:
        name = book.camera_for(url).name
        for key in _owned_by(book, url):
            other = seen.setdefault(key, url)
            if other != url:
                msg = (
                    f"{mask_url(other)} and {mask_url(url)} would both be counted as "
                    f"camera {name!r}: name each by a `match` in cameras.toml, or run "
                    "each by itself with --camera NAME"
                )
                raise ConfigError(msg)


def _owned_by(book: CameraBook, url: str) -> Iterator[tuple[str, ...]]:
    """Yield what no other URL may be."""
    camera = book.camera_for(url)
    if is_live_url(url):
        yield "live", camera.name
    elif book.forced is None and not camera.match:
        yield "place", camera.name, harmless_part(url)
        if read_source_name(Source(path=url, kind="url"), camera) is None:
            yield "undated", camera.name
