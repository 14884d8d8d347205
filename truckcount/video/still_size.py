"""A picture's first bytes to its size, before anything is decoded."""

import struct
from pathlib import Path

from truckcount.video.access import check_pixels
from truckcount.video.sources import Source

HEAD_BYTES = 1 << 16  # JPEGs may carry an Exif preview before their size
# start of frame, of every JPEG process; C4, C8 and CC mean something else
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def check_still(source: Source, path: Path, max_pixels: int) -> None:
    """Raise ``DecodeError`` when a picture of a folder claims to be too large."""
    size = read_still_size(path)
    if size is not None:
        check_pixels(source, *size, max_pixels)


def read_still_size(path: Path) -> tuple[int, int] | None:
    """Return (width, height) as the header says; None where it says nothing."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    try:
        if head.startswith(b"\x89PNG"):
            return struct.unpack(">II", head[16:24])
        if head.startswith(b"BM"):
            width, height = struct.unpack("<ii", head[18:26])
            return abs(width), abs(height)  # a negative height is stored top first
        if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
            return _webp_size(head)
        if head.startswith(b"\xff\xd8"):
            return _jpeg_size(head)
    except struct.error:
        return None  # broken off; the decoder says so
    return None


def _jpeg_size(head: bytes) -> tuple[int, int] | None:
    at = 2
    while at + 9 <= len(head):
        if head[at] != 0xFF:
            return None
        marker = head[at + 1]
        if marker in JPEG_FRAMES:
            height, width = struct.unpack(">HH", head[at + 5 : at + 9])
            return width, height
        if marker == 0xFF:  # fill bytes
            at += 1
            continue
        at += 2 + struct.unpack(">H", head[at + 2 : at + 4])[0]
    return None


def _webp_size(head: bytes) -> tuple[int, int] | None:
    kind = head[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(head[i : i + 3], "little") for i in (24, 27))
        return width + 1, height + 1
    if kind == b"VP8L":
        bits = struct.unpack("<I", head[21:25])[0]
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None
