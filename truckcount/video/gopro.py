"""A GoPro's file name to the chapters of one recording that come before it.

The camera cuts a recording into files of a few gigabytes and stamps each with the
moment at which the recording began, in local time written as if it were UTC.

References
----------
gopro-telemetry #213 (one creation time for all chapters), gpmf-parser #9 and
pulsejet/memories #1256 (no zone).
"""

import re
from pathlib import Path

from truckcount.errors import ClockError, VideoError
from truckcount.video.probe import Probe, probe_video
from truckcount.video.sources import Source

NAME = re.compile(r"(?P<kind>G[HX])(?P<chapter>\d\d)(?P<number>\d{4})", re.IGNORECASE)
OLD_NAME = re.compile(
    r"GP(?P<chapter>\d\d)(?P<number>\d{4})", re.IGNORECASE
)  # HERO5 and before
OLD_FIRST = re.compile(r"GOPR\d{4}", re.IGNORECASE)


def is_gopro_name(path: str) -> bool:
    """Tell a GoPro's file by its name.

    Examples
    --------
    >>> [is_gopro_name(p) for p in ("GX010123.MP4", "GOPR0123.MP4", "dock.mp4")]
    [True, True, False]
    """
    stem = Path(path).stem
    return any(p.fullmatch(stem) is not None for p in (NAME, OLD_NAME, OLD_FIRST))


def earlier_chapters(path: str) -> list[str]:
    """Return the paths of a recording's chapters before this one, the first first.

    Examples
    --------
    >>> earlier_chapters("card/GX030123.MP4")
    ['card/GX010123.MP4', 'card/GX020123.MP4']
    >>> earlier_chapters("GP020123.MP4")
    ['GOPR0123.MP4', 'GP010123.MP4']
    >>> earlier_chapters("GX010123.MP4"), earlier_chapters("dock.mp4")
    ([], [])
    """
    place = Path(path)
    new, old = NAME.fullmatch(place.stem), OLD_NAME.fullmatch(place.stem)
    stems: list[str] = []
    if new is not None:
        kind, number = new["kind"], new["number"]
        stems = [f"{kind}{k:02d}{number}" for k in range(1, int(new["chapter"]))]
    elif old is not None:
        number = old["number"]
        stems = [f"GP{k:02d}{number}" for k in range(1, int(old["chapter"]))]
        stems.insert(0, f"GOPR{number}")
    return [str(place.with_name(stem + place.suffix)) for stem in stems]


def seconds_before(source: Source, probe: Probe) -> float:
    """Return the seconds of a recording before this file of it, where its time is 1's.

    Returns
    -------
    float
        0 for a first chapter, for what no GoPro wrote, and for a chapter with a
        creation time of its own.

    Raises
    ------
    ClockError
        When an earlier chapter does not lie beside it, so that nobody can tell.
    """
    if source.kind != "file":
        return 0.0
    total_s = 0.0
    for path in earlier_chapters(source.path):
        try:
            earlier = probe_video(Source(path=path))
            length_s = earlier.duration_s_from_header
        except (VideoError, OSError):
            length_s = None
        if length_s is None:
            msg = (
                f"{source.name}: a GoPro stamps every chapter with the time of the "
                f"first, and {Path(path).name} does not lie beside it to tell how much "
                f"came before; put it there, or give --start or {source.name}.json"
            )
            raise ClockError(msg)
        if not total_s and _is_own_time(probe, earlier, length_s):
            return 0.0
        total_s += length_s
    return total_s


def _is_own_time(probe: Probe, first: Probe, length_s: float) -> bool:
    if probe.creation_time is None or first.creation_time is None:
        return True
    step_s = (probe.creation_time - first.creation_time).total_seconds()
    return step_s > length_s / 2
