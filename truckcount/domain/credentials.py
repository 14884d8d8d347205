"""Text to text that may be logged: URLs without users, passwords and tokens."""

import re

URL_SCHEMES = "rtsps?|rtmps?|https?|udp|tcp|srt|rtp|ftps?|sftp|s3"
URL_PATTERN = re.compile(rf"(?:{URL_SCHEMES})://", re.IGNORECASE)
PLACE_PATTERN = re.compile(r"(?:\[[^\]]*\]|[^:]*)(?::\d*)?")  # a host and its port
URL_IN_TEXT = re.compile(rf"\b(?:{URL_SCHEMES})://[^\s'\"<>]+", re.IGNORECASE)
# in a query, and in the paths of recorders that put them there (XMeye)
SECRET_PATTERN = re.compile(
    r"(?<=[?&/_;])(user|usr|username|loginuse|pass|password|passwd|pwd|loginpas|token"
    r"|auth|key|secret|signature|sig)=.*?(?=[&#]|_channel=|_stream=|_password=|$)",
    re.IGNORECASE,
)


def mask_credentials(text: str) -> str:
    """Replace users, passwords and tokens of every URL in a text by ``***``.

    Examples
    --------
    >>> mask_credentials("rtsp://admin:secret@10.0.0.7:554/live")
    'rtsp://***@10.0.0.7:554/live'
    >>> mask_credentials("cannot open 'http://cam/snap?token=1&n=2': timed out")
    "cannot open 'http://cam/snap?token=***&n=2': timed out"
    """
    if URL_PATTERN.match(text) and not re.search(r"\s", text):
        return _mask_url(text)  # one URL: a quote in it is part of it
    return URL_IN_TEXT.sub(lambda found: _mask_url(found[0]), text)


def _mask_url(url: str) -> str:
    scheme, _, rest = url.partition("://")
    place, mark, query = rest.partition("?")
    authority = place.partition("/")[0]
    # a raw "/" in a password ends the authority early: "admin:se" has no port
    is_torn = not PLACE_PATTERN.fullmatch(authority)
    if "@" in authority or is_torn:
        place = "***@" + place.rpartition("@")[2] if "@" in place else place
    return SECRET_PATTERN.sub(r"\1=***", f"{scheme}://{place}{mark}{query}")
