"""Recorder file names to the moment a recording starts.

One row per recorder convention; the first that matches wins, so the specific
stand above the general. Times are naive local unless a row says otherwise.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from truckcount.errors import ConfigError

DATE = r"(?P<year>(?:19|20)\d\d)[-_./]?(?P<month>0[1-9]|1[0-2])[-_./]?(?P<day>[0-3]\d)"
CLOCK = r"(?P<hour>[01]\d|2[0-3])[-_.:h]?(?P<minute>[0-5]\d)[-_.:m]?(?P<second>[0-5]\d)"
OFFSET = r"(?P<offset>Z|[+-]\d\d[:.]?\d\d)"
END = r"(?:.*?)"


@dataclass(frozen=True, slots=True)
class NamePattern:
    """How one recorder writes times into paths."""

    recorder: str
    regex: re.Pattern[str]
    """Searched in the path with ``/`` between its parts; named groups tell."""
    zone: str = "local"
    """``local``, ``utc`` or ``offset`` (the name holds it)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameTime:
    """A moment read from a name: aware, or naive in the camera's zone."""

    moment: datetime
    recorder: str
    is_summer_time: bool | None = None
    """What the name says of daylight saving time, where it says it."""
    step_s: float = 1.0
    """Seconds to which the name tells the time: 1, 60 or 3600."""


def _row(recorder: str, regex: str, zone: str = "local") -> NamePattern:
    return NamePattern(recorder, re.compile(regex), zone)


PATTERNS: tuple[NamePattern, ...] = (
    _row("truckcount", rf"{DATE}T{CLOCK}(?:\.\d+)?{OFFSET}", "offset"),
    _row(
        "unifi-remux",
        r"_rotating_(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)T(?P<hour>\d\d)\."
        rf"(?P<minute>\d\d)\.(?P<second>\d\d){OFFSET}",
        "offset",
    ),
    _row("unifi-ubv", r"_rotating_(?P<epoch_ms>1\d{12})\.", "utc"),
    _row(
        "unifi-ui",
        r" (?P<month>\d{1,2})-(?P<day>\d{1,2})-(?P<year>\d{4}), (?P<hour12>\d{1,2})\."
        r"(?P<minute>\d\d)\.(?P<second>\d\d)(?P<ampm>am|pm)",
    ),
    _row(
        "dahua",
        rf"{DATE}/(?:[^/]+/)*(?P<hour>\d\d)\.(?P<minute>\d\d)\.(?P<second>\d\d)-"
        r"\d\d\.\d\d\.\d\d\[[RMAI]\]",
    ),
    _row(
        "dahua-jpg",
        rf"{DATE}/(?:[^/]+/)*jpg/(?P<hour>\d\d)/(?P<minute>\d\d)/(?P<second>\d\d)\[",
    ),
    _row("reolink", rf"(?<=Rec[MS]\d\d_)(?P<dst>DST)?{DATE}_{CLOCK}_"),
    _row(
        "hikvision-clip",
        r"\d+\.\d+\.\d+\.\d+_\d{8}\d{6}_(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)_"
        r"(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)_",
    ),
    _row(
        "hikvision",
        r"\d+\.\d+\.\d+\.\d+_\d\d_(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)"
        r"(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)(?P<milli>\d{3})",
    ),
    _row("axis", rf"(?:^|/){DATE}_{CLOCK}_[0-9A-F]{{4}}_ACCC8E"),
    _row("canon", rf"(?:^|/){DATE} {CLOCK}-\d{{6}}-M\d\d_\d+", "utc"),
    _row(
        "frigate",
        r"recordings/(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)/(?P<hour>\d\d)/"
        r"[^/]+/(?P<minute>\d\d)\.(?P<second>\d\d)\.",
        "utc",
    ),
    _row("frigate-clip", r"-(?P<epoch_s>1\d{9})\.\d+-[0-9a-z]{6}\b", "utc"),
    _row("tapo", r"(?:^|/)(?P<epoch_s>1\d{9})-1\d{9}\.", "utc"),
    _row(
        "zoneminder-deep",
        r"events/\d+/(?P<year2>\d\d)/(?P<month>\d\d)/(?P<day>\d\d)/(?P<hour>\d\d)/"
        r"(?P<minute>\d\d)/(?P<second>\d\d)/",
    ),
    _row(
        "yi",
        r"(?P<year>\d{4})Y(?P<month>\d\d)M(?P<day>\d\d)D(?P<hour>\d\d)H/"
        r"(?P<minute>\d\d)M(?P<second>\d\d)S",
    ),
    _row(
        "wyze",
        r"record/(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)/(?P<hour>\d\d)/"
        r"(?P<minute>\d\d)\.",
    ),
    _row(
        "uniview",
        r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)/(?:.*/)?[^/]*S "
        r"(?P<hour>\d\d)-(?P<minute>\d\d)-(?P<second>\d\d) E ",
    ),
    _row("brickcom", rf"(?:^|/){DATE}-{CLOCK}-\d{{6}}_\d+\.\d+\.\d+\.\d+-CH\d"),
    _row("synology", rf"-{DATE}-{CLOCK}-"),
    _row("otcamera", rf"_FR\d+_{DATE}_{CLOCK}"),
    _row("blue-iris", rf"\.{DATE}_{CLOCK}\."),
    _row("dashcam", rf"(?:^|/){DATE}_{CLOCK}-[a-z_]+\."),
    # folders of dates with files of times: motionEye, MediaMTX, ZLMediaKit,
    # Bluecherry
    _row("dated-folder", rf"{DATE}/(?:[^/]+/)?{CLOCK}(?:-(?P<micro>\d{{6}}))?\.\w+$"),
    _row("compact", rf"(?<!\d){DATE}[T_ -]?{CLOCK}(?!\d)"),
    # to the minute: TfL and other city cameras
    _row(
        "minute",
        r"(?<!\d)(?P<year>20\d\d)(?P<month>0[1-9]|1[0-2])(?P<day>[0-3]\d)[T_-]?"
        r"(?P<hour>[01]\d|2[0-3])(?P<minute>[0-5]\d)(?!\d)",
    ),
)


def read_name_time(path: str, extra: Sequence[str] = ()) -> NameTime | None:
    """Read the start time that a path's name holds.

    Parameters
    ----------
    path : str
        With ``/`` between folders; the last parts are looked at.
    extra : sequence of str
        A camera's own regular expressions, tried first, with named groups
        ``year`` (or ``year2``) ``month day hour`` (or ``hour12 ampm``) ``minute
        second milli micro offset``, or ``epoch_s`` or ``epoch_ms``.

    Returns
    -------
    NameTime or None
        None where no pattern matches a possible time.

    Raises
    ------
    ConfigError
        When one of ``extra`` is no regular expression or cannot tell a time.
    """
    own = [_own_pattern(regex) for regex in extra]
    for pattern in (*own, *PATTERNS):
        for match in pattern.regex.finditer(path):
            found = _read_match(pattern, match)
            if found is not None:
                return found
    return None


def time_stamp_start(stem: str) -> int | None:
    """Return where the time stamp begins in a file stem, if it holds one."""
    starts = [
        match.start()
        for pattern in PATTERNS
        for match in pattern.regex.finditer(stem)
        if _read_match(pattern, match) is not None
    ]
    return min(starts, default=None)


def _own_pattern(regex: str) -> NamePattern:
    try:
        compiled = re.compile(regex)
    except re.error as error:
        msg = f"name_patterns: {regex!r} is not a regular expression: {error}"
        raise ConfigError(msg) from error
    groups = set(compiled.groupindex)
    if not groups & {"epoch_s", "epoch_ms"}:
        missing = {"month", "day"} - groups
        missing |= set() if groups & {"year", "year2"} else {"year"}
        missing |= set() if groups >= {"hour12", "ampm"} else {"hour"} - groups
        if missing:
            msg = (
                f"name_patterns: {regex!r} tells no {', '.join(sorted(missing))}; name "
                "groups like (?P<year>\\d{4}), or (?P<epoch_s>\\d{10})"
            )
            raise ConfigError(msg)
    zone = "offset" if "offset" in compiled.groupindex else "local"
    return NamePattern("own", compiled, zone)


def _read_match(pattern: NamePattern, match: re.Match[str]) -> NameTime | None:
    parts = {k: v for k, v in match.groupdict().items() if v is not None}
    if "epoch_ms" in parts or "epoch_s" in parts:
        ms = int(parts.get("epoch_ms", 0)) + 1000 * int(parts.get("epoch_s", 0))
        try:
            moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=ms)
        except OverflowError:  # a camera's own pattern may take any digits
            return None
        return NameTime(moment=moment, recorder=pattern.recorder)
    try:
        moment = datetime(  # noqa: DTZ001 - naive on purpose: the camera's zone
            int(parts["year"]) if "year" in parts else 2000 + int(parts["year2"]),
            int(parts["month"]),
            int(parts["day"]),
            _hour_of(parts),
            int(parts.get("minute", 0)),
            int(parts.get("second", 0)),
            int(parts.get("micro", 1000 * int(parts.get("milli", 0)))),
        )
        if pattern.zone == "utc":
            moment = moment.replace(tzinfo=UTC)
        elif "offset" in parts:
            moment = moment.replace(tzinfo=_zone_of(parts["offset"]))
    except (ValueError, KeyError):
        return None
    is_summer = True if "dst" in parts else None
    step_s = 1.0 if "second" in parts else 60.0 if "minute" in parts else 3600.0
    return NameTime(
        moment=moment,
        recorder=pattern.recorder,
        is_summer_time=is_summer,
        step_s=step_s,
    )


def _hour_of(parts: dict[str, str]) -> int:
    if "hour12" not in parts:
        return int(parts["hour"])
    return int(parts["hour12"]) % 12 + (12 if parts["ampm"].lower() == "pm" else 0)


def _zone_of(text: str) -> timezone:
    if text == "Z":
        return UTC
    minutes = int(text[1:3]) * 60 + int(text[-2:])
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))
