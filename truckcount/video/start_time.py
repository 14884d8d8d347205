"""A source to the moment of its first frame, and how far that can be trusted."""

import json
import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path, PurePath, PurePosixPath
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from truckcount.domain.camera import Camera
from truckcount.domain.credentials import harmless_part
from truckcount.domain.segment import (
    CLOCK_SD_S,
    RECORDED_SD_S,
    UNKNOWN_LENGTH_SD_S,
    StartTime,
    is_in_future,
)
from truckcount.errors import ClockError
from truckcount.video.gopro import is_gopro_name, seconds_before
from truckcount.video.probe import Probe
from truckcount.video.recorder_names import (
    NameTime,
    read_name_time,
    time_stamp_start,
)
from truckcount.video.sources import URL_PATTERN, Source, absolute_name

logger = logging.getLogger(__name__)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
RECORDER_FOLDERS = frozenset(
    ["dav", "jpg", "mp4record", "record", "recordings", "events"]
)
OF_RECORDER = ("filename", "container")  # by its clock, which drifts
DRIFT_S, US_PER_DAY = 1.0, 86_400_000_000  # a day since it was checked
FIRST_YEAR, LAST_YEAR = 1971, 2099  # before: a clock that was never set; else damage
END_S = (datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC) - EPOCH).total_seconds()
HINT_SLACK = timedelta(minutes=10)  # a third of the smallest clock change
CLOCKS = ("auto", "sidecar", "filename", "container", "mtime")


def resolve_start(
    source: Source,
    camera: Camera,
    probe: Probe,
    *,
    start: str | None = None,
    is_strict: bool = False,
) -> StartTime:
    """Find the time of the first frame; the first source that answers wins.

    Order: ``--start``, sidecar JSON, recorder file name, container, file time; for
    a URL the moment it was opened stands for the file time. A camera's ``clock``
    pins one of them.

    Raises
    ------
    ClockError
        When none answers, or with ``is_strict`` where only the file time does, or
        what answers names a time that is yet to come.
    """
    if start is not None:
        moment = _parse(start, "--start")
        return _doubt_future(
            _stamp(moment, camera, "option"), source, is_strict=is_strict
        )
    readers = {
        "sidecar": lambda: _from_sidecar(source, camera),
        "filename": lambda: _from_name(source, camera, probe),
        "container": lambda: _from_container(source, probe, camera),
        "mtime": lambda: _from_mtime(source, probe, is_strict=is_strict),
    }
    order = list(readers) if camera.clock == "auto" else [camera.clock]
    for name in order:
        found = readers[name]()
        if found is not None:
            return _doubt_future(found, source, is_strict=is_strict)
    msg = (
        f"{source.name}: no start time from {', '.join(order)}; give --start, a "
        f"sidecar {Path(source.name).name}.json or a `clock` in cameras.toml"
    )
    raise ClockError(msg)


def _doubt_future(start: StartTime, source: Source, *, is_strict: bool) -> StartTime:
    """Take a start that lies ahead for a guess: nobody knows when it really was."""
    if start.quality == "ambiguous" or not is_in_future(start.start_us):
        return start
    if is_strict:
        moment = EPOCH + timedelta(microseconds=start.start_us)
        msg = (
            f"{source.name}: by its {start.source} it starts at {moment.isoformat()}, "
            "which is yet to come and which --strict-time refuses; set the recorder's "
            "clock and give --start"
        )
        raise ClockError(msg)
    return replace(start, quality="guess", sd_s=max(start.sd_s, RECORDED_SD_S))


def split_camera_name(path: str) -> str:
    """Return the default camera name: the file stem up to its time stamp."""
    if URL_PATTERN.match(path):
        return _name_of_url(path) or "camera"
    place = Path(path)
    cut = time_stamp_start(place.stem)
    if cut is None and read_name_time("/".join(place.parts[-8:])) is None:
        return _to_name(place.stem) or "camera"
    # recorders that put the date in folders leave a stem that is all time
    folders = (p.name for p in place.parents if p.name.lower() not in RECORDER_FOLDERS)
    names = [_to_name(name) for name in folders]
    named = (name for name in names if re.search("[a-z]{2}", name))
    own = _to_name(place.stem[:cut]) if cut is not None else ""
    return own or next(named, "camera")


def _name_of_url(url: str) -> str:
    named = harmless_part(url)  # a name is seen by all: no text of who asks
    host, _, path = named.partition("?")[0].partition("/")
    place = PurePosixPath(f"/{path}")
    cut = time_stamp_start(place.stem)
    if cut is not None:  # a recording: named like a file
        own = _to_name(place.stem[:cut])
        return own or _to_name(f"{re.sub(r':[0-9]*$', '', host)}{place.parent}")
    return _to_name(named)


def _to_name(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:63].strip("-")


def _from_sidecar(source: Source, camera: Camera) -> StartTime | None:
    path = Path(f"{source.path}.json")
    if not path.is_file():
        return None
    try:
        text = json.loads(path.read_text())["start"]
    except (ValueError, KeyError, TypeError) as error:
        msg = f'{path}: want {{"start": "2026-03-02T08:00:00-06:00"}} ({error!r})'
        raise ClockError(msg) from error
    return _stamp(_parse(str(text), str(path)), camera, "sidecar")


def read_source_name(source: Source, camera: Camera) -> NameTime | None:
    """Read the time that a source's name holds; opens no video."""
    place: PurePath = Path(source.path)
    if source.kind == "url":
        place = PurePosixPath(urlsplit(source.path).path)
    elif source.kind == "stills":  # the first picture is where the recording starts
        from truckcount.video.decode_stills import timed_stills

        stills = timed_stills(Path(source.path), camera)
        place = stills[0][1] if stills else place
    if source.kind != "url":
        place = Path(absolute_name(str(place)))
    return read_name_time("/".join(place.parts[-8:]), camera.name_patterns)


def _from_name(source: Source, camera: Camera, probe: Probe) -> StartTime | None:
    found = read_source_name(source, camera)
    if found is None or not _is_possible(found.moment, source, "name"):
        return None
    return _stamp(found.moment, camera, "filename", found, _hints(source, probe))


def _from_container(source: Source, probe: Probe, camera: Camera) -> StartTime | None:
    if probe.creation_time is None:
        return None
    moment = probe.creation_time
    if not _is_possible(moment, source, "container"):
        return None
    if camera.creation_time_is == "end":
        if probe.duration_s_from_header is None:
            return None
        moment -= timedelta(seconds=probe.duration_s_from_header)
    else:
        moment += timedelta(seconds=seconds_before(source, probe))
    if is_gopro_name(source.path):  # its clock's local time, marked as UTC
        moment = moment.replace(tzinfo=None)
    return _stamp(moment, camera, "container")


def _is_possible(moment: datetime, source: Source, where: str) -> bool:
    """Tell whether a recording can be of a moment; warn where it cannot."""
    is_possible = FIRST_YEAR <= moment.year <= LAST_YEAR
    if not is_possible:
        logger.warning(
            "%s: its %s says %s, when nothing was recorded: left aside",
            source.name,
            where,
            moment.isoformat(),
        )
    return is_possible


def _from_arrival(source: Source, probe: Probe, *, is_strict: bool) -> StartTime:
    """Take a live stream as of now; a recording was made at some other time."""
    if probe.duration_s_from_header is not None:
        if is_strict:
            msg = (
                f"{source.name}: a recording whose time is not known, which "
                "--strict-time refuses; give --start"
            )
            raise ClockError(msg)
        logger.warning("%s: start time guessed: now, when opened", source.name)
    is_live = probe.duration_s_from_header is None
    return StartTime(
        start_us=_to_us(datetime.now(UTC)),
        source="arrival",
        quality="guess",
        sd_s=CLOCK_SD_S["arrival"] if is_live else RECORDED_SD_S,
    )


def _from_mtime(source: Source, probe: Probe, *, is_strict: bool) -> StartTime | None:
    if source.kind == "url":
        return _from_arrival(source, probe, is_strict=is_strict)
    begin_s = source.mtime - (probe.duration_s_from_header or 0.0)
    if begin_s <= 0 or begin_s >= END_S:
        return None
    if is_strict:
        msg = (
            f"{source.name}: only its file time is known, which --strict-time refuses; "
            "give --start or name the file <camera>_20260302T080000-0600"
        )
        raise ClockError(msg)
    moment = EPOCH + timedelta(seconds=begin_s)
    logger.warning(
        "%s: start time guessed from the file time: %s", source.name, moment.isoformat()
    )
    has_length = probe.duration_s_from_header is not None
    return StartTime(
        start_us=_to_us(moment),
        source="mtime",
        quality="guess",
        sd_s=CLOCK_SD_S["mtime"] if has_length else UNKNOWN_LENGTH_SD_S,
    )


def _parse(text: str, where: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        msg = f"{where}: {text!r} is no ISO-8601 time like 2026-03-02T08:00:00-06:00"
        raise ClockError(msg) from error


def _hints(source: Source, probe: Probe) -> list[datetime]:
    """Moments near which a recording may have begun, by other clocks than its name."""
    if source.kind == "url":
        return []
    length = timedelta(seconds=probe.duration_s_from_header or 0.0)
    is_sane = 0 < source.mtime < END_S
    hints = [EPOCH + timedelta(seconds=source.mtime)] if is_sane else []
    made = probe.creation_time
    if made is not None and FIRST_YEAR <= made.year <= LAST_YEAR:
        hints += [made, made + length]
    return [hint - length for hint in hints]


def _stamp(
    moment: datetime,
    camera: Camera,
    source: str,
    name: NameTime | None = None,
    hints: Sequence[datetime] = (),
) -> StartTime:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        msg = (
            f"start time {moment.isoformat()} by {source} is none of a recording: its "
            f"year is not {FIRST_YEAR} to {LAST_YEAR}; give --start"
        )
        raise ClockError(msg)
    quality, twin = "exact", None
    if moment.tzinfo is None:
        moment, quality, twin = _localise(moment, camera.timezone, name, hints)
    shift_us = round(camera.clock_shift_s * 1e6)
    # a name that tells minutes is off by half of one, as a recording begins in it
    rough_s = 0.0 if name is None else name.step_s / 2
    start_us = _to_us(moment) + shift_us
    drift_s = _drift_s(camera, start_us) if source in OF_RECORDER else 0.0
    return StartTime(
        start_us=start_us,
        source=source,
        quality=quality,
        sd_s=max(CLOCK_SD_S[source], rough_s, drift_s),
        twin_us=None if twin is None or name is None else _to_us(twin) + shift_us,
        pattern=None if name is None else name.recorder,
    )


def _drift_s(camera: Camera, start_us: int) -> float:
    """How far a recorder's clock may have gone from its check: features.md 4.7."""
    if camera.clock_checked_us is None:
        return 0.0
    return round(abs(start_us - camera.clock_checked_us) / US_PER_DAY * DRIFT_S, 3)


def _localise(
    naive: datetime, zone: str, name: NameTime | None, hints: Sequence[datetime]
) -> tuple[datetime, str, datetime | None]:
    """Read a naive time in the camera's zone; say where that is not one instant.

    Returns
    -------
    moment : datetime
    quality : str
    twin : datetime or None
        The other moment that it may be, for all that the name says.
    """
    tz = ZoneInfo(zone)
    first, second = naive.replace(tzinfo=tz), naive.replace(tzinfo=tz, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first, "zone", None
    is_repeated = first.astimezone(UTC) < second.astimezone(UTC)
    if is_repeated and name is not None and name.is_summer_time:
        return first, "zone", None  # the name says which of the two hours it was
    near = [
        moment
        for moment in (first, second)
        if any(abs(moment.astimezone(UTC) - hint) <= HINT_SLACK for hint in hints)
    ]
    if not is_repeated:  # skipped in spring
        return (near[0], "zone", None) if len(near) == 1 else (first, "ambiguous", None)
    if len(near) != 1:
        return first, "ambiguous", second
    return near[0], "zone", second if near[0] is first else first  # by the file's time


def _to_us(moment: datetime) -> int:
    return (moment.astimezone(UTC) - EPOCH) // timedelta(microseconds=1)
