"""Packets to how far key frames are apart: where close enough, they alone will do."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

import av

from truckcount.video.access import MAX_PIXELS
from truckcount.video.probe import open_container
from truckcount.video.sources import Source

KEY_GAP_TICKS = 1.2  # of a tick: key frames a little late leave no tick empty for long


class KeyFrameSieve:
    """Packets to those that must be decoded where key frames nearly suffice.

    An encoder that sends fewer key frames while nothing moves would leave ticks
    empty: a key frame that is not followed by another in time is decoded with all
    that refers to it.

    Parameters
    ----------
    gap_us : int
        Longest time between key frames that leaves no tick empty for long.
    """

    def __init__(self, gap_us: int) -> None:
        self._gap_us = gap_us
        self.end_us = 0
        """Where the last packet ends, microseconds of the container's clock."""

    def sift(self, packets: Iterable[Any]) -> Iterator[Any]:
        """Yield the packets to decode, in their order; less than a gap is held."""
        key_us = 0
        held: list[Any] = []
        is_whole = False  # whether all that refers to the key frame is decoded
        for packet in packets:
            t_us = None
            if packet.pts is not None and packet.time_base is not None:
                t_us = int(packet.pts * packet.time_base * 1_000_000)
                length_us = (packet.duration or 0) * packet.time_base * 1_000_000
                self.end_us = max(self.end_us, t_us + int(length_us))
            if packet.is_keyframe:
                held.clear()
                key_us = key_us if t_us is None else t_us
                is_whole = t_us is None
                yield packet
                continue
            held.append(packet)
            is_whole = is_whole or t_us is None or t_us - key_us > self._gap_us
            if is_whole:
                yield from held
                held.clear()


def longest_key_gap_us(packets: Iterable[Any]) -> int | None:
    """Return the longest time between key frames, microseconds.

    None where packets have no time or fewer than three are key frames.
    """
    times = []
    for packet in packets:
        if packet.size == 0 or not packet.is_keyframe:
            continue
        if packet.pts is None or packet.time_base is None:
            return None
        times.append(int(packet.pts * packet.time_base * 1_000_000))
    if len(times) < 3:
        return None
    return max(b - a for a, b in itertools.pairwise(sorted(times)))


def measure_key_gap_us(
    source: Source, until_s: float, max_pixels: int = MAX_PIXELS
) -> int | None:
    """Read a source's first packets, undecoded; return its longest key frame gap.

    None also where the container cannot be read so far.
    """
    with open_container(source, max_pixels) as container:
        stream = container.streams.video[0]
        packets = []
        try:
            for packet in container.demux(stream):
                if not packet.is_keyframe:
                    continue
                packets.append(packet)
                if packet.pts is not None and packet.pts * packet.time_base > until_s:
                    break
        except av.error.FFmpegError:
            return None
        return longest_key_gap_us(packets)
