"""Packets to whether frames nobody refers to may go undecoded.

Non-reference frames (most B-frames) cost half of a decode. They are skipped
only where the frames that remain still give every tick its sample: whether a stream
is such a one its first GOPs tell, and of each frame its neighbours do, since a stream
may slow down.
"""

import itertools
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

H264_SLICE_TYPES = (1, 2, 3, 4, 5)
HEVC_LAST_SLICE_TYPE = 21
HEVC_FIRST_UNTRAILED_TYPE = 16  # below: even types are sub-layer non-reference
HEAD_BYTES = 4096  # of a packet: a slice follows a few short headers
MAX_HELD = 32  # packets that wait for the next reference frame
N_NEIGHBOURS = 16  # reference frames: a decoder keeps no more


class NonrefSkipper:
    """Packets to the same, each with whether its frame may go undecoded.

    A frame that nobody refers to may where the reference frames before and behind it
    are no further apart than a tick is long: its tick is sure of one of them.

    Parameters
    ----------
    codec : str
        ``h264`` or ``hevc``.
    tick_us : int
        Length of a tick, microseconds.
    """

    def __init__(self, codec: str, extradata: bytes | None, tick_us: int) -> None:
        self._codec = codec
        self._length_size = nal_length_size(codec, extradata)
        self._tick_us = tick_us
        self._held: deque[tuple[Any, int | None]] = deque()
        self._references: deque[int] = deque(maxlen=N_NEIGHBOURS)

    def mark(self, packets: Iterable[Any]) -> Iterator[tuple[Any, bool]]:
        """Yield each packet, in their order, with whether it may go undecoded."""
        for packet in packets:
            t_us: int | None = None
            pts, base = packet.pts, packet.time_base
            if pts is not None and base is not None:
                t_us = pts * base.numerator * 1_000_000 // base.denominator
            verdict = True if packet.is_keyframe else self._is_reference(packet)
            if verdict and t_us is not None:
                self._references.append(t_us)
            # what is no frame without references for sure is not left out
            self._held.append((packet, t_us if verdict is False else None))
            yield from self._release(MAX_HELD)
        yield from self._release(0)

    def _is_reference(self, packet: Any) -> bool | None:
        return is_reference(head_of(packet), self._codec, self._length_size)

    def _release(self, n_held: int) -> Iterator[tuple[Any, bool]]:
        """Yield what is judged; of what is not, no more than ``n_held`` wait on."""
        while self._held:
            packet, t_us = self._held[0]
            may_skip = False if t_us is None else self._may_skip(t_us)
            if may_skip is None and len(self._held) <= n_held:
                return
            self._held.popleft()
            yield packet, bool(may_skip)

    def _may_skip(self, t_us: int) -> bool | None:
        """Judge a frame by its neighbours; None while the one behind is unknown."""
        before = max((t for t in self._references if t <= t_us), default=None)
        if before is None:  # leads its key frame: refers to what was cut away
            return True
        behind = min((t for t in self._references if t > t_us), default=None)
        if behind is None:
            return None if t_us - before <= self._tick_us else False
        return behind - before <= self._tick_us


def head_of(packet: Any) -> bytes:
    """Return the beginning of a packet: as far as its first slice's, as a rule."""
    return bytes(memoryview(packet)[:HEAD_BYTES])


def is_reference(packet_bytes: bytes, codec: str, length_size: int) -> bool | None:
    """Tell whether later frames may refer to the one in this packet.

    Parameters
    ----------
    length_size : int
        Bytes of a NAL unit's length prefix (avcC, hvcC); 0 for Annex B streams.

    Returns
    -------
    bool or None
        None where the packet holds no slice that says so.
    """
    for start in nal_starts(packet_bytes, length_size):
        head = packet_bytes[start]
        if codec == "h264" and head & 0x1F in H264_SLICE_TYPES:
            return (head >> 5) & 3 != 0
        if codec == "hevc":
            kind = (head >> 1) & 0x3F
            if kind <= HEVC_LAST_SLICE_TYPE:
                return kind >= HEVC_FIRST_UNTRAILED_TYPE or kind % 2 == 1
    return None


def nal_length_size(codec: str, extradata: bytes | None) -> int:
    """Read the size of NAL length prefixes from a codec's extradata."""
    if not extradata or extradata[0] != 1:
        return 0
    if codec == "h264" and len(extradata) > 4:
        return (extradata[4] & 3) + 1
    if codec == "hevc" and len(extradata) > 21:
        return (extradata[21] & 3) + 1
    return 0


def can_skip_nonref(
    packets: Sequence[Any], codec: str, extradata: bytes | None, tick_us: int
) -> bool:
    """Tell whether the reference frames alone give every tick a sample.

    A tick is sure of a sample when reference frames are never further apart
    than a tick is long.

    Parameters
    ----------
    packets : sequence of packets
        The first of the stream, in the order of decoding.
    """
    if codec not in {"h264", "hevc"}:
        return False
    length_size = nal_length_size(codec, extradata)
    times: list[int] = []
    n_skippable = latest = known = 0
    for packet in packets:
        if packet.pts is None or packet.time_base is None:
            return False
        verdict = is_reference(bytes(packet), codec, length_size)
        if verdict is None:
            return False
        t_us = int(packet.pts * packet.time_base * 1_000_000)
        if not times or t_us > latest:
            latest, known = t_us, latest if times else t_us
        if verdict:
            times.append(t_us)
        else:
            n_skippable += 1
    # frames before the newest come after it: those of the last GOP are not all here
    times = sorted(t for t in times if t <= known)
    if n_skippable == 0 or len(times) < 3:
        return False
    gaps = [b - a for a, b in itertools.pairwise(times)]
    return max(gaps) <= tick_us


def nal_starts(data: bytes, length_size: int) -> list[int]:
    """Return where a packet's first NAL units begin, behind their prefixes."""
    starts: list[int] = []
    if length_size:
        at = 0
        while at + length_size < len(data) and len(starts) < 16:
            starts.append(at + length_size)
            at += length_size + int.from_bytes(data[at : at + length_size], "big")
        return starts
    at = data.find(b"\x00\x00\x01")
    while at >= 0 and at + 3 < len(data) and len(starts) < 16:
        starts.append(at + 3)
        at = data.find(b"\x00\x00\x01", at + 3)
    return starts
