"""Text to text that may be logged: URLs without users, passwords and tokens.

What is not known to be harmless is masked: any scheme's user and password, and every
value of a query but those that say which picture of a camera is meant. Where a URL can
be read in two ways (a raw ``?``, ``/`` or space in a password), the reading that hides
more is taken.
"""

import re

# streams, and stores that a run may be given
URL_SCHEMES = "rtsps?|rtmps?|https?|udp|tcp|srt|rtp|ftps?|sftp|s3"
URL_PATTERN = re.compile(rf"(?:{URL_SCHEMES})://", re.IGNORECASE)
SCHEME = r"[a-z][a-z0-9+.-]*://"
USER_PATTERN = re.compile(rf"^((?:{URL_SCHEMES})://)[^/?#]*@", re.IGNORECASE)
PLACE_PATTERN = re.compile(r"(?:\[[^\]]*\]|[^:]*)(?::\d*)?")  # a host and its port
SCHEME_PATTERN = re.compile(SCHEME, re.IGNORECASE)
# what `Path` makes of a URL that was given for a file
COLLAPSED_PATTERN = re.compile(
    rf"\b({URL_SCHEMES}):/(?!/)(?=[^\n]*[@?=])", re.IGNORECASE
)
WORD_PATTERN = re.compile(r"[^\s'\"<>]*")
# a quote inside of a URL is followed by more of it
QUOTED_URL = re.compile(
    rf"(['\"])({SCHEME}[^\n]*?)\1(?=[\s:;,.)\]}}]|$)", re.IGNORECASE
)
# where recorders put them into the path (XMeye)
SECRET_PATTERN = re.compile(
    r"(?<=[/_;])(user|usr|username|loginuse|pass|password|passphrase|passwd|pwd"
    r"|loginpas|token|auth|jwt|sid|key|api_?key|access_?key|secret|signature|sig)"
    r"=.*?(?=_channel=|_stream=|_password=|[&;/]|$)",
    re.IGNORECASE,
)
HARMLESS_KEYS = frozenset(
    [
        *("ch", "chan", "channel", "channelid", "chn", "cam", "camera", "camid"),
        *("stream", "streamid", "streamtype", "sub", "subtype", "profile", "track"),
        *("trackid", "transport", "transportmode", "unicast", "mode", "media", "type"),
        *("codec", "videocodec", "compression", "format", "quality", "fps", "n"),
        *("framerate", "height", "width", "size", "resolution", "res", "rotation"),
    ]
)
HARMLESS_VALUE = re.compile(r"[A-Za-z0-9._-]{0,12}")
KEY_PATTERN = re.compile(r"[A-Za-z][\w.\[\]-]{0,40}")
NEAR = 40  # characters: as far as a password with spaces is looked for its "@"


def mask_credentials(text: str) -> str:
    """Replace users, passwords and tokens of every URL in a text by ``***``.

    Examples
    --------
    >>> mask_credentials("rtsp://admin:secret@10.0.0.7:554/live")
    'rtsp://***@10.0.0.7:554/live'
    >>> mask_credentials("cannot open 'http://cam/snap?apikey=1&channel=2': timed out")
    "cannot open 'http://cam/snap?apikey=***&channel=2': timed out"
    """
    text = COLLAPSED_PATTERN.sub(r"\1://", text)
    if SCHEME_PATTERN.match(text) and not re.search(r"\s", text):
        return mask_url(text)  # one URL: a quote in it is part of it
    text = QUOTED_URL.sub(
        lambda found: f"{found[1]}{mask_url(found[2])}{found[1]}", text
    )
    parts, end = [], 0
    while (found := SCHEME_PATTERN.search(text, end)) is not None:
        stop = _end_of_url(text, found.end())
        parts += [text[end : found.start()], mask_url(text[found.start() : stop])]
        end = stop
    return "".join([*parts, text[end:]])


def mask_url(url: str) -> str:
    """Mask what is one URL as a whole, spaces and quotes in it included."""
    scheme, _, rest = url.partition("://")
    place, tail = _split_tail(rest)
    authority, slash, path = place.partition("/")
    # a raw "/" or "?" in a password ends the authority early: "admin:se" has no port
    is_torn = not PLACE_PATTERN.fullmatch(authority.rpartition("@")[2])
    if "@" in tail and "@" not in place and is_torn:
        return mask_url(f"{scheme}://***@{rest.rpartition('@')[2]}")
    if "@" in tail and not slash:
        return f"{scheme}://***"  # "admin:12?3@cam": where the host begins is unknown
    has_port = ":" in authority.rpartition("]")[2]  # or half of a password: "admin:12"
    if "@" in authority or is_torn or (has_port and re.search("[^/]@", path)):
        if "@" in tail:
            tail = f"{tail[0]}***"
        place = "***@" + place.rpartition("@")[2] if "@" in place else "***"
    place = SECRET_PATTERN.sub(r"\1=***", place)
    return f"{scheme}://{place}{re.sub(r'[^?#&;]+', _mask_pair, tail)}"


def strip_user(url: str) -> str:
    """Return a URL without user and password; any other text as it is.

    Examples
    --------
    >>> strip_user("rtsp://u:p@10.0.0.7/live"), strip_user("a/b@c.mp4")
    ('rtsp://10.0.0.7/live', 'a/b@c.mp4')
    """
    return USER_PATTERN.sub(r"\1", url)


def harmless_part(url: str) -> str:
    """Return what may name a camera: host, path, and which channel of it is meant.

    Examples
    --------
    >>> harmless_part("http://u:p@nvr:81/live?token=a&channel=2")
    'nvr:81/live?channel=2'
    """
    place, tail = _split_tail(mask_url(url).partition("://")[2])
    place = place.removeprefix("***").removeprefix("@")
    pairs = [p for p in re.split("[?#&;]", tail) if p and "***" not in p]
    return place + ("?" + "&".join(pairs) if pairs else "")


def _split_tail(rest: str) -> tuple[str, str]:
    """Split before the query or the fragment."""
    place = re.split("[?#]", rest, maxsplit=1)[0]
    return place, rest[len(place) :]


def _mask_pair(found: re.Match[str]) -> str:
    key, _, value = found[0].partition("=")
    if not KEY_PATTERN.fullmatch(key) or not value.strip("="):
        return "***"  # no name: a token by itself
    is_harmless = key.lower() in HARMLESS_KEYS and HARMLESS_VALUE.fullmatch(value)
    return found[0] if is_harmless else f"{key}=***"


def _end_of_url(text: str, start: int) -> int:
    """Return where the URL ends whose scheme ends at ``start``.

    A space ends it, but one in a password: then an ``@`` comes after it.
    """
    word = WORD_PATTERN.match(text, start)
    end = start if word is None else word.end()
    said = text[start:end].rpartition("@")[2]
    authority = re.split("[/?#]", said, maxsplit=1)[0].rstrip(":;,.)")
    n_at = text.count("@", start, end)
    is_torn = n_at > 1 or not PLACE_PATTERN.fullmatch(authority)
    if authority and not is_torn and re.search("[/?#]", said):
        return end
    line = text[end:].partition("\n")[0]
    line = re.split(SCHEME, line, maxsplit=1, flags=re.IGNORECASE)[0]
    at = line.rfind("@") if is_torn else line.rfind("@", 0, NEAR)
    if at < 0:
        place = text[start:end].rstrip(":;,.)")  # the sentence's
        return start + len(place) if PLACE_PATTERN.fullmatch(place) else end
    rest = WORD_PATTERN.match(text, end + at)
    return end if rest is None else rest.end()
