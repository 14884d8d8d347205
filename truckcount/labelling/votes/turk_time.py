"""Times as Mechanical Turk spells them to UTC.

Its pages print ``Thu Oct 09 07:30:20 UTC 2025``, or a Pacific zone word for the
same instant; its API gives ISO-8601.
"""

import re
from datetime import UTC, datetime, timedelta, timezone

_MONTH_NAMES = "JanFebMarAprMayJunJulAugSepOctNovDec"
# hours east of Greenwich; what U.S. pages and workers' browsers print
ZONE_HOURS = {
    "UTC": 0, "GMT": 0, "Z": 0, "PST": -8, "PDT": -7, "MST": -7, "MDT": -6,
    "CST": -6, "CDT": -5, "EST": -5, "EDT": -4, "AKST": -9, "AKDT": -8, "HST": -10,
}  # fmt: skip

_PAGE = re.compile(
    r"(?:\w{3,9},?\s+)?(?P<month>[A-Za-z]{3})[a-z]*\s+(?P<day>\d{1,2})\s+"
    r"(?P<h>\d{1,2}):(?P<m>\d{2}):(?P<s>\d{2})\s+(?P<zone>\S+)\s+(?P<year>\d{4})"
)
_OFFSET = re.compile(r"(?:UTC|GMT)?(?P<sign>[+-])(?P<h>\d{1,2}):?(?P<m>\d{2})")


def parse_turk_time(text: str) -> datetime | None:
    """Read a time; None where it is absent, senseless or of an unknown zone.

    A time never decides whether a vote counts, so a bad one is no error.

    Examples
    --------
    >>> parse_turk_time("Thu Oct 09 00:30:20 PDT 2025").isoformat()
    '2025-10-09T07:30:20+00:00'
    >>> parse_turk_time("Thu Oct 09 07:30:20 XYZT 2025") is None
    True
    """
    text = text.strip()
    found = _PAGE.fullmatch(text)
    try:
        if found is None:
            moment = datetime.fromisoformat(text)
            return None if moment.tzinfo is None else moment.astimezone(UTC)
        zone = _zone(found["zone"])
        place = _MONTH_NAMES.find(found["month"].title())
        if zone is None or place < 0 or place % 3:
            return None
        return datetime(
            int(found["year"]),
            place // 3 + 1,
            int(found["day"]),
            int(found["h"]),
            int(found["m"]),
            int(found["s"]),
            tzinfo=zone,
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _zone(word: str) -> timezone | None:
    hours = ZONE_HOURS.get(word.upper())
    if hours is not None:
        return timezone(timedelta(hours=hours))
    found = _OFFSET.fullmatch(word.upper())
    if found is None:
        return None
    minutes = int(found["h"]) * 60 + int(found["m"])
    return timezone(timedelta(minutes=-minutes if found["sign"] == "-" else minutes))
